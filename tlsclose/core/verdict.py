"""Verdicts: the codes of the contract and what each carries."""

from enum import StrEnum
from typing import Final

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass


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

    @property
    def rank(self) -> int:
        """0 for `ok` up to 3 for `error`."""
        return _RANKS[self]


_RANKS: Final = {severity: rank for rank, severity in enumerate(Severity)}


SEVERITY: Final = {
    Code.CLEAN: Severity.OK,
    Code.INCOMPLETE_CLOSE: Severity.WARNING,
    Code.PREMATURE_CLOSE: Severity.ERROR,
    Code.RESET: Severity.ERROR,
    Code.RESET_AFTER_CLOSE: Severity.NOTE,
    Code.FATAL_ALERT: Severity.ERROR,
    Code.NO_ANSWER: Severity.WARNING,
    Code.HALF_CLOSE_CUT: Severity.ERROR,
    Code.DATA_AFTER_CLOSE: Severity.ERROR,
    Code.DATA_LOST: Severity.ERROR,
    Code.HANDSHAKE_FAILED: Severity.ERROR,
    Code.NOT_TLS: Severity.ERROR,
    Code.CAPTURE_INCOMPLETE: Severity.NOTE,
    Code.UNDETERMINED: Severity.NOTE,
}


class Confidence(StrEnum):
    """How the closing facts are known."""

    PROVEN = "proven"
    """Seen in the clear, decrypted, or told by the TLS API."""
    INFERRED = "inferred"
    """From record type and length."""


class TruncationRisk(StrEnum):
    """The close crossed with the framing of the message."""

    NONE = "none"
    POSSIBLE = "possible"
    """The end of the data looks the same as a cut."""
    CERTAIN = "certain"
    """The message is known to lack bytes."""


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
    """Something worth knowing beside the verdict. Warnings and errors count for the exit code."""

    code: str
    severity: Severity
    blame: Side | None
    detail: str
    evidence: tuple[int, ...] = ()
