"""Half-states of a connection and the walk that finds them."""

from dataclasses import dataclass
from enum import StrEnum

from tlsclose.core.event import Side


class Half(StrEnum):
    """How far one side's sending direction was taken down."""

    OPEN = "open"
    NOTIFIED = "notified"
    CLOSED = "closed"
    PREMATURE = "premature"
    ABORTED = "aborted"
    RESET = "reset"
    NOTIFIED_RESET = "notified-reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfClose:
    """One side's close. The `int | None` fields are indices into the report's events."""

    half: Half = Half.OPEN
    close_notify: int | None = None
    fin: int | None = None
    rst: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """Both halves, and who began."""

    client: HalfClose = HalfClose()
    server: HalfClose = HalfClose()
    first_closer: Side | None = None
    answer_ns: int | None = None
