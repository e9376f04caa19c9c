"""Judge one stream of events: the teardown, the one verdict, the findings beside it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tlsclose.core.case import Case, case_of
from tlsclose.core.citations import citation
from tlsclose.core.event import Event
from tlsclose.core.findings import findings
from tlsclose.core.frozen import dataclass
from tlsclose.core.gathered import gather
from tlsclose.core.record import TlsVersion
from tlsclose.core.risk import confidence, truncation_risk
from tlsclose.core.rules import RULES
from tlsclose.core.teardown import Teardown, walk_gathered
from tlsclose.core.verdict import SEVERITY, Confidence, Finding, Verdict

if TYPE_CHECKING:
    from tlsclose.core.message import Message

_RULES_OF_TLS13: Final = (None, TlsVersion.TLS13)
"""Also where the version is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything that the classifier says of one stream of events."""

    teardown: Teardown
    verdict: Verdict
    findings: tuple[Finding, ...]


def judge(
    events: Sequence[Event], *, version: TlsVersion | None, message: "Message | None" = None
) -> Judgement:
    """Judge one connection's events, in the order of `event.ordered`."""
    tls13 = version in _RULES_OF_TLS13
    seen = gather(events)
    teardown = walk_gathered(seen, tls13=tls13)
    case = case_of(seen, teardown, tls13=tls13, message=message)
    verdict = _verdict(case)
    return Judgement(
        teardown=teardown,
        verdict=verdict,
        findings=findings(case, verdict),
    )


def _verdict(case: Case) -> Verdict:
    for code, rule in RULES:
        hit = rule(case)
        if hit is not None:
            return Verdict(
                code=code,
                severity=SEVERITY[code],
                confidence=Confidence.INFERRED if hit.inferred else confidence(case, code),
                blame=hit.blame,
                truncation_risk=truncation_risk(case, code),
                rule=hit.rule or citation(code, tls13=case.tls13),
                summary=hit.summary,
                evidence=tuple(sorted(set(hit.evidence))),
            )
    raise AssertionError("the last rule always applies")
