"""The data model of the timeline: what stands in which row and column, and nothing of how it looks.

Three columns on one time axis: client, wire, server. A row holds words for the two sides and at
most one thing on the wire.
"""

from dataclasses import replace
from enum import StrEnum

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.report.amount import Clock


class Stroke(StrEnum):
    """How an arrow is drawn."""

    PLAIN = "plain"
    RESET = "reset"
    ALERT = "alert"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """Something that one side sent. `labels` run from the fullest wording to the shortest."""

    sender: Side
    labels: tuple[str, ...]
    stroke: Stroke = Stroke.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Traffic in both directions, folded into one row."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A wait: both lifelines go dotted."""

    labels: tuple[str, ...]
    timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Text beside our own column, with nothing on the wire: what a call returned."""

    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the picture, and what is noted in small print under it."""

    at_ns: int
    until_ns: int | None = None
    """End of what lasted."""
    shows_time: bool = True
    client: tuple[str, ...] = ()
    """What stands in the client's column, from the fullest wording to the shortest."""
    server: tuple[str, ...] = ()
    wire: Arrow | Band | Pause | Words | None = None
    notes: tuple[str, ...] = ()
    closing: bool = False
    """The close begins no later than here."""

    def words(self, side: Side) -> tuple[str, ...]:
        """What stands in one side's column."""
        return self.client if side is Side.CLIENT else self.server

    def saying(self, side: Side, *words: str) -> "Row":
        """The same row with these words in one side's column."""
        return replace(self, client=words) if side is Side.CLIENT else replace(self, server=words)

    @property
    def end_ns(self) -> int:
        return self.at_ns if self.until_ns is None else self.until_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A whole timeline, top to bottom."""

    header: tuple[str, ...]
    """Target, scenario, TLS, provider and capture, to be joined on as many lines as needed."""
    titles: tuple[str, str, str]
    clock: Clock
    ours: Side | None
    """The column in which our own steps stand; None for an observer."""
    before: tuple[Row, ...]
    close: tuple[Row, ...]
