"""A stand-in for `tlsclose.api` that returns what a test wants and records what it was asked."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace

from tlsclose.core.report import (
    CaptureInfo,
    CaptureSource,
    ConnectionInfo,
    Report,
    Role,
    Stage,
    Summary,
    TargetInfo,
    TlsInfo,
    Unobserved,
)
from tlsclose.core.verdict import SEVERITY, Code, Confidence, TruncationRisk, Verdict

STARTED = datetime(2026, 11, 20, 12, tzinfo=UTC)


def judged(code=Code.CLEAN, *, host="localhost", provoked=False):
    verdict = Verdict(
        code=code,
        severity=SEVERITY[code],
        confidence=Confidence.PROVEN,
        blame=None,
        truncation_risk=TruncationRisk.NONE,
        rule="RFC 9846 6.1",
        summary="What happened.",
        evidence=(),
    )
    return report(verdict=verdict, host=host, provoked=provoked)


def unseen(host="localhost"):
    return report(host=host, unobserved=Unobserved(stage=Stage.CONNECT, reason="refused"))


def report(*, host, **fields):
    return Report(
        started_at=STARTED,
        role=Role.CLIENT,
        scenario="initiate",
        target=TargetInfo(host=host, port=443),
        **fields,
    )


def observed(code=Code.CLEAN, *, stream=0, path="a.pcap", confidence=Confidence.PROVEN):
    """What analyze reports of a connection."""
    verdict = replace(judged(code).verdict, confidence=confidence)
    return Report(
        started_at=STARTED,
        role=Role.OBSERVER,
        connection=ConnectionInfo(client="192.0.2.1:51000", server="192.0.2.7:443", stream=stream),
        tls=TlsInfo(version="1.3", sni="example.org"),
        capture=CaptureInfo(source=CaptureSource.FILE, path=path),
        verdict=verdict,
    )


def broken(path="a.pcap"):
    """What analyze reports of a file that it could not read to its end."""
    return Report(
        started_at=STARTED,
        role=Role.OBSERVER,
        capture=CaptureInfo(source=CaptureSource.FILE, path=path),
        unobserved=Unobserved(stage=Stage.CAPTURE, reason=f"{path}: byte 24: breaks off"),
    )


@dataclass
class StubApi:
    """Set `reports`, run a command, look at `calls`."""

    reports: list = field(default_factory=lambda: [judged()])
    calls: list = field(default_factory=list)
    during: object = None
    abandoned: int = 0
    """Called with the stop event before the reports are handed over."""

    def probe(self, targets, settings, *, on_report, stop, provider):
        self.calls.append(SimpleNamespace(targets=targets, settings=settings, provider=provider))
        return self._hand_over(on_report, stop, reverse=True)

    def listen(self, settings, *, on_ready, on_report, stop, provider, on_abandoned):
        self.calls.append(SimpleNamespace(settings=settings, provider=provider))
        on_ready(SimpleNamespace(host=settings.host, port=4433, capture="tap"))
        on_abandoned(self.abandoned)
        return len(self._hand_over(on_report, stop))

    def demo(self, *, on_report, capture):
        self.calls.append(SimpleNamespace(capture=capture))
        return self._hand_over(on_report, None)

    summary: Summary | None = None
    """Of analyze; None: made from `reports`."""
    warnings: tuple = ()

    def analyze(self, paths, settings, *, on_report, on_warning, on_progress, stop):
        self.calls.append(SimpleNamespace(paths=paths, settings=settings))
        for warning in self.warnings:
            on_warning(warning)
        on_progress(0)
        self._hand_over(on_report, stop)
        codes = Counter(item.verdict.code.value for item in self.reports if item.verdict)
        return self.summary or Summary(
            connections=codes.total(),
            by_code=dict(codes),
            packets=20,
            bytes=5000,
            unreadable=sum(item.verdict is None for item in self.reports),
        )

    def _hand_over(self, on_report, stop, *, reverse=False):
        if self.during is not None:
            self.during(stop)
        for item in reversed(self.reports) if reverse else self.reports:
            on_report(item)
        return tuple(self.reports)
