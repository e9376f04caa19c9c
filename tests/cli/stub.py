"""A stand-in for `tlsclose.api` that returns what a test wants and records what it was asked."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

from tlsclose.core.report import Report, Role, Stage, TargetInfo, Unobserved
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

    def _hand_over(self, on_report, stop, *, reverse=False):
        if self.during is not None:
            self.during(stop)
        for item in reversed(self.reports) if reverse else self.reports:
            on_report(item)
        return tuple(self.reports)
