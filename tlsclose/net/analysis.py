"""A run over captures: which connections are reported, and what they all come to."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from tlsclose.core.precedent import Precedents
from tlsclose.core.report import Report, Summary
from tlsclose.core.verdict import Verdict
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.net.line import Line, line_of
from tlsclose.net.observed import Observed, assemble_observed, spoke_tls, unreadable
from tlsclose.wire.packets import Address

STDIN: Final = "-"


def normal_host(text: str) -> str:
    """An address as packets show it, or a name in lower case without its last dot."""
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return text.rstrip(".").lower()
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


class Choice:
    """The connections that the user asked for."""

    def __init__(self, settings: AnalyzeSettings) -> None:
        self._stream = settings.stream
        self._end = settings.end and (normal_host(settings.end[0]), settings.end[1])
        self._host = None if settings.host is None else normal_host(settings.host)
        self._port = settings.port
        self._verdicts = settings.verdicts

    def takes(self, seen: Observed) -> bool:
        """By number and ends."""
        ends = (seen.client, seen.server)
        return (
            self._stream in (None, seen.stream)
            and (self._end is None or self._end in map(_normal, ends))
            and (self._port is None or self._port in (port for _, port in ends))
            and (self._host is None or self._host in self._names(seen))
        )

    def wants(self, verdict: Verdict) -> bool:
        """By verdict."""
        return not self._verdicts or verdict.code in self._verdicts

    @staticmethod
    def _names(seen: Observed) -> tuple[str, ...]:
        addresses = (_normal(end)[0] for end in (seen.client, seen.server))
        sni = seen.followed.sni
        return (*addresses, *(() if sni is None else (normal_host(sni),)))


def _normal(end: Address) -> Address:
    return normal_host(end[0]), end[1]


class Left(StrEnum):
    """Why a connection is not reported: what `Summary` counts it as."""

    WITHOUT_TLS = "without_tls"
    ELSEWHERE = "elsewhere"
    OTHER_VERDICTS = "other_verdicts"


Judged = Report | Line | Left


class Judge:
    """Judges what was asked for. Any process may have one."""

    def __init__(self, settings: AnalyzeSettings) -> None:
        self._choice = Choice(settings)
        self._precedents = Precedents() if settings.outline else None

    @property
    def brief(self) -> bool:
        """Whether it asks for no events."""
        return self._precedents is not None

    def judged(self, seen: Observed, path: str) -> Judged:
        """One connection of a capture."""
        if not spoke_tls(seen.followed):
            return Left.WITHOUT_TLS
        if not self._choice.takes(seen):
            return Left.ELSEWHERE
        if self._precedents is None:
            report = assemble_observed(seen, path=path)
            wanted = report.verdict is not None and self._choice.wants(report.verdict)
            return report if wanted else Left.OTHER_VERDICTS
        line = line_of(seen, self._precedents)
        return line if self._choice.wants(line.ruling.verdict) else Left.OTHER_VERDICTS


class Analysis:
    """Hands on what was asked for and counts everything. Constant memory."""

    def __init__(self, settings: AnalyzeSettings, on_report: Callable[[Report], None]) -> None:
        self.judge = Judge(settings)
        self._on_report = on_report
        self._codes: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    def connection(self, seen: Observed, path: str) -> None:
        """Take one connection of a capture."""
        self.take(self.judge.judged(seen, path), seen.stream, path)

    def take(self, judged: Judged, stream: int, path: str) -> None:
        """Take what a judge made of connection number `stream` of a capture."""
        if isinstance(judged, Left):
            self._counts[judged.value] += 1
            return
        report = judged.report(stream, path) if isinstance(judged, Line) else judged
        if report.verdict is not None:
            self._codes[report.verdict.code.value] += 1
            self._on_report(_with_number(report, stream))

    def broken(self, path: str, reason: str) -> None:
        """Take a capture that could not be read to its end."""
        self._counts["unreadable"] += 1
        self._on_report(unreadable(path, reason, started_ns=time.time_ns()))

    def read(self, packets: int, size: int) -> None:
        """Take a capture's packets and their length on the wire, in bytes."""
        self._counts["packets"] += packets
        self._counts["bytes"] += size

    @property
    def summary(self) -> Summary:
        return Summary(
            connections=self._codes.total(), by_code=dict(self._codes.most_common()), **self._counts
        )


def _with_number(report: Report, stream: int) -> Report:
    if report.connection is None or report.connection.stream == stream:
        return report
    return replace(report, connection=replace(report.connection, stream=stream))
