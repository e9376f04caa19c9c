"""One connection out of a capture to all that a table's line and an exit code need.

There are no events in it, nor what rests on them, and of TLS no more than version and server name.
It is small, for it may come from another process, and is made into a report when it has its number.
"""

from functools import lru_cache
from typing import NamedTuple

from tlsclose.core.classify import judge
from tlsclose.core.precedent import Precedents, Ruling, outline
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import CaptureInfo, CaptureSource, ConnectionInfo, Report, Role, TlsInfo
from tlsclose.net.address import address_text
from tlsclose.net.observed import Observed, message_of, time_of_day, told_notes, version_of
from tlsclose.wire.follower import Followed
from tlsclose.wire.outline import Outline
from tlsclose.wire.packets import Address


class Line(NamedTuple):
    """A judged connection."""

    started_ns: int
    """Nanoseconds since the Unix epoch."""
    client: Address
    server: Address
    version: str | None
    sni: str | None
    packets: int
    ruling: Ruling
    notes: tuple[str, ...]

    def report(self, stream: int, path: str) -> Report:
        """The report on connection number `stream` of a capture."""
        verdict, findings = self.ruling
        return Report(
            started_at=time_of_day(self.started_ns),
            role=Role.OBSERVER,
            connection=ConnectionInfo(
                client=address_text(*self.client),
                server=address_text(*self.server),
                stream=stream,
            ),
            tls=_tls(self.version, self.sni),
            capture=CaptureInfo(source=CaptureSource.FILE, packets=self.packets, path=path),
            verdict=verdict,
            findings=(*findings, *told_notes(self.notes)) if self.notes else findings,
        )


def line_of(seen: Observed, precedents: Precedents) -> Line:
    """Judge a connection by the same classifier as a live run."""
    followed = seen.followed
    if isinstance(followed, Outline):
        version = followed.version
        ruling = precedents.ruling_on(followed.facts, version, followed.reset_notes)
    else:
        version = version_of(followed)
        ruling = _ruling(followed, version, precedents)
    return Line(
        seen.started_ns,
        seen.client,
        seen.server,
        version.value if version else None,
        followed.sni,
        followed.packets,
        ruling,
        followed.notes,
    )


def _ruling(followed: Followed, version: TlsVersion | None, precedents: Precedents) -> Ruling:
    message = message_of(followed)
    if message is None:
        return precedents.ruling(followed.events, version)
    judgement = judge(followed.events, version=version, message=message)
    return outline(judgement.verdict, judgement.findings)


@lru_cache(maxsize=256)
def _tls(version: str | None, sni: str | None) -> TlsInfo:
    return TlsInfo(version=version, sni=sni)
