from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.core.outcome import ExitCode, Outcome, exit_code
from tlsclose.core.report import Report, Role, Stage, Unobserved
from tlsclose.core.verdict import (
    Code,
    Confidence,
    Finding,
    Severity,
    TruncationRisk,
    Verdict,
)

S = Severity
CODES = {
    S.OK: Code.CLEAN,
    S.NOTE: Code.UNDETERMINED,
    S.WARNING: Code.INCOMPLETE_CLOSE,
    S.ERROR: Code.PREMATURE_CLOSE,
}


def judged(severity, *, provoked=False, beside=None):
    verdict = Verdict(
        code=CODES[severity],
        severity=severity,
        confidence=Confidence.PROVEN,
        blame=None,
        truncation_risk=TruncationRisk.NONE,
        rule="",
        summary="",
        evidence=(),
    )
    found = () if beside is None else (Finding(code="x", severity=beside, blame=None, detail=""),)
    return report(verdict=verdict, provoked=provoked, findings=found)


def report(**fields):
    return Report(started_at=datetime(2026, 11, 20, tzinfo=UTC), role=Role.CLIENT, **fields)


UNSEEN = report(unobserved=Unobserved(stage=Stage.CONNECT, reason="refused"))

TABLE = (
    ((), S.WARNING, 0),
    ((judged(S.OK),), S.WARNING, 0),
    ((judged(S.OK),), S.NOTE, 0),
    ((judged(S.NOTE),), S.WARNING, 0),
    ((judged(S.NOTE),), S.NOTE, 1),
    ((judged(S.WARNING),), S.WARNING, 1),
    ((judged(S.WARNING),), S.ERROR, 0),
    ((judged(S.ERROR),), S.ERROR, 1),
    ((judged(S.ERROR, provoked=True),), S.NOTE, 0),
    ((judged(S.OK, beside=S.WARNING),), S.WARNING, 1),
    ((judged(S.OK, beside=S.WARNING),), S.ERROR, 0),
    ((judged(S.OK, beside=S.NOTE),), S.NOTE, 0),
    ((judged(S.ERROR, provoked=True, beside=S.WARNING),), S.WARNING, 0),
    ((UNSEEN,), S.ERROR, 3),
    ((judged(S.OK), UNSEEN), S.WARNING, 3),
    ((judged(S.ERROR), UNSEEN), S.WARNING, 1),
    ((UNSEEN, judged(S.ERROR)), S.WARNING, 1),
    ((judged(S.ERROR, provoked=True), UNSEEN), S.WARNING, 3),
    ((report(),), S.WARNING, 3),
)


@pytest.mark.parametrize(("reports", "fail_on", "code"), TABLE)
def test_exit_code(reports, fail_on, code):
    assert exit_code(reports, fail_on) == code


@given(st.lists(st.sampled_from([*map(judged, S), UNSEEN])))
def test_order_does_not_matter(reports):
    assert exit_code(reports) == exit_code(reversed(reports))


def test_counts():
    outcome = Outcome()
    for item in (judged(S.OK), UNSEEN, judged(S.OK)):
        outcome.add(item)
    assert outcome.counts == {"clean": 2, "unobserved": 1}
    assert outcome.total == 3
    assert outcome.exit_code is ExitCode.UNOBSERVED
