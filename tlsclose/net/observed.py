"""One connection out of a capture to one judged report: the wire is the only witness."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from tlsclose.core.classify import judge
from tlsclose.core.event import Kind
from tlsclose.core.frozen import dataclass
from tlsclose.core.message import Message
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import (
    CaptureInfo,
    CaptureSource,
    ConnectionInfo,
    Report,
    Role,
    Stage,
    TlsInfo,
    Unobserved,
)
from tlsclose.core.verdict import Finding, Severity
from tlsclose.net.address import address_text
from tlsclose.wire.follower import Followed
from tlsclose.wire.outline import Outline
from tlsclose.wire.packets import Address
from tlsclose.wire.suites import suite

_TLS: Final = frozenset({Kind.HANDSHAKE, Kind.RECORD, Kind.APP_DATA, Kind.ALERT, Kind.CLOSE_NOTIFY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One TCP connection of a capture, followed to its end."""

    client: Address
    server: Address
    stream: int
    """Its number in the file, from 0, in the order in which connections begin."""
    started_ns: int
    """Nanoseconds since the Unix epoch; the events' times count from here."""
    followed: Followed | Outline


def spoke_tls(followed: Followed | Outline) -> bool:
    """Whether anyone spoke TLS, or asked for it; a port scan and a plain HTTP exchange are nothing
    to judge."""
    if isinstance(followed, Outline):
        return True
    return followed.refused or any(event.kind in _TLS for event in followed.events)


def assemble_observed(seen: Observed, *, path: str) -> Report:
    """Judge what the capture shows, by the same classifier as a live run."""
    followed = seen.followed
    assert isinstance(followed, Followed)
    message = message_of(followed)
    judgement = judge(followed.events, version=version_of(followed), message=message)
    return Report(
        started_at=time_of_day(seen.started_ns),
        role=Role.OBSERVER,
        connection=ConnectionInfo(
            client=address_text(*seen.client),
            server=address_text(*seen.server),
            stream=seen.stream,
        ),
        tls=_tls(followed),
        capture=CaptureInfo(source=CaptureSource.FILE, packets=followed.packets, path=path),
        events=followed.events,
        close=judgement.teardown,
        message=message,
        verdict=judgement.verdict,
        findings=(*judgement.findings, *told_notes(followed.notes)),
    )


def version_of(followed: Followed) -> TlsVersion | None:
    """What was negotiated, as far as both hellos were seen."""
    return followed.negotiated.version if followed.negotiated else None


def message_of(followed: Followed) -> Message | None:
    """The one message that is framed for an observer: an answer to a half-close."""
    if followed.answer is None:
        return None
    from tlsclose.net.answer_message import answer_message

    return answer_message(followed.answer)


def unreadable(path: str, reason: str, *, started_ns: int) -> Report:
    """A report of a capture that could not be read to its end."""
    return Report(
        started_at=time_of_day(started_ns),
        role=Role.OBSERVER,
        capture=CaptureInfo(source=CaptureSource.FILE, path=path),
        unobserved=Unobserved(stage=Stage.CAPTURE, reason=reason),
    )


def _tls(followed: Followed) -> TlsInfo:
    settled = followed.negotiated
    return TlsInfo(
        version=settled.version.value if settled else None,
        cipher=_cipher(settled.suite) if settled else None,
        alpn=followed.alpn,
        sni=followed.sni,
        resumed=bool(followed.resumed),
        preamble=followed.preamble,
    )


def _cipher(code: int) -> str:
    known = suite(code)
    return known.name if known is not None else f"0x{code:04x}"


def told_notes(notes: Iterable[str]) -> tuple[Finding, ...]:
    """What limits or colours the testimony, beside what was found."""
    return tuple(
        Finding(code="capture-note", severity=Severity.NOTE, blame=None, detail=note)
        for note in notes
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_NS: Final = 253_402_300_799 * 10**9
"""The end of the year 9999: a file may claim any time, and not every system can tell as many."""


def time_of_day(epoch_ns: int) -> datetime:
    """The instant in UTC; what no calendar has becomes the last one that it has."""
    bounded_ns = min(max(epoch_ns, 0), _LATEST_NS)
    return _EPOCH + timedelta(microseconds=bounded_ns // 1000)
