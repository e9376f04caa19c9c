"""One connection out of a capture to one judged report: the wire is the only witness."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tlsclose.core.classify import judge
from tlsclose.core.event import Kind
from tlsclose.core.frozen import dataclass
from tlsclose.core.message import Message
from tlsclose.core.precedent import Precedents, Ruling, outline
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
_OBSERVER: Final = Role.OBSERVER
_FILE: Final = CaptureSource.FILE


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
    message = _message(followed)
    judgement = judge(followed.events, version=_version(followed), message=message)
    return replace(
        _report(seen, path, _tls(followed), Ruling(judgement.verdict, judgement.findings)),
        events=followed.events,
        close=judgement.teardown,
        message=message,
    )


def assemble_outline(seen: Observed, precedents: Precedents, *, path: str) -> Report:
    """All that a table's line and an exit code need: no events, nor what rests on them, and of TLS
    no more than version and server name."""
    followed = seen.followed
    if isinstance(followed, Outline):
        version = followed.version
        ruling = precedents.ruling_on(followed.facts, version, followed.reset_notes)
    else:
        version = _version(followed)
        ruling = _ruling(followed, version, precedents)
    tls = TlsInfo(version=version.value if version else None, sni=followed.sni)
    return _report(seen, path, tls, ruling)


def _ruling(followed: Followed, version: TlsVersion | None, precedents: Precedents) -> Ruling:
    message = _message(followed)
    if message is None:
        return precedents.ruling(followed.events, version)
    judgement = judge(followed.events, version=version, message=message)
    return outline(judgement.verdict, judgement.findings)


def _report(seen: Observed, path: str, tls: TlsInfo, ruling: Ruling) -> Report:
    followed = seen.followed
    return Report(
        started_at=_time_of_day(seen.started_ns),
        role=_OBSERVER,
        connection=ConnectionInfo(
            client=address_text(*seen.client),
            server=address_text(*seen.server),
            stream=seen.stream,
        ),
        tls=tls,
        capture=CaptureInfo(source=_FILE, packets=followed.packets, path=path),
        verdict=ruling.verdict,
        findings=(*ruling.findings, *_notes(followed)),
    )


def _version(followed: Followed) -> TlsVersion | None:
    return followed.negotiated.version if followed.negotiated else None


def _message(followed: Followed) -> Message | None:
    """The one message that is framed for an observer: an answer to a half-close."""
    if followed.answer is None:
        return None
    from tlsclose.net.answer_message import answer_message

    return answer_message(followed.answer)


def unreadable(path: str, reason: str, *, started_ns: int) -> Report:
    """A report of a capture that could not be read to its end."""
    return Report(
        started_at=_time_of_day(started_ns),
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


def _notes(followed: Followed | Outline) -> tuple[Finding, ...]:
    return tuple(
        Finding(code="capture-note", severity=Severity.NOTE, blame=None, detail=note)
        for note in followed.notes
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_NS: Final = 253_402_300_799 * 10**9
"""The end of the year 9999: a file may claim any time, and not every system can tell as many."""


def _time_of_day(epoch_ns: int) -> datetime:
    bounded_ns = min(max(epoch_ns, 0), _LATEST_NS)
    return _EPOCH + timedelta(microseconds=bounded_ns // 1000)
