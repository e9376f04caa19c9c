"""Verdicts: codes, severities, and the ordered rules that choose one."""

from dataclasses import dataclass
from enum import StrEnum

from tlsclose.core.event import Side


class Code(StrEnum):
    """The verdict codes of the public contract."""

    CLEAN = "clean"
    INCOMPLETE_CLOSE = "incomplete-close"
    PREMATURE_CLOSE = "premature-close"
    RESET = "reset"
    RESET_AFTER_CLOSE = "reset-after-close"
    FATAL_ALERT = "fatal-alert"
    NO_ANSWER = "no-answer"
    HALF_CLOSE_CUT = "half-close-cut"
    DATA_AFTER_CLOSE = "data-after-close"
    DATA_LOST = "data-lost"
    HANDSHAKE_FAILED = "handshake-failed"
    NOT_TLS = "not-tls"
    CAPTURE_INCOMPLETE = "capture-incomplete"
    UNDETERMINED = "undetermined"


class Severity(StrEnum):
    """From harmless to serious."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Confidence(StrEnum):
    PROVEN = "proven"
    INFERRED = "inferred"


class TruncationRisk(StrEnum):
    NONE = "none"
    POSSIBLE = "possible"
    CERTAIN = "certain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The one judgement of a connection."""

    code: Code
    severity: Severity
    confidence: Confidence
    blame: Side | None
    truncation_risk: TruncationRisk
    rule: str
    summary: str
    evidence: tuple[int, ...]
    """Indices into the report's events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth knowing beside the verdict."""

    code: str
    severity: Severity
    blame: Side | None
    detail: str
    evidence: tuple[int, ...] = ()
