"""The observer's text: a line for each connection as it ends, then the totals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal, cast

from tlsclose.core.report import Report, Summary

if TYPE_CHECKING:
    from rich.console import Console

    from tlsclose.report.observed import ObservedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """That text is a table, and of what."""

    captures: int
    """How many files: where there are several, each gets a line with its name."""
    timelines: bool = False
    """Draw each connection's timeline instead of its line."""


class TableSink:
    """Constant memory: the columns' widths do not depend on what comes."""

    streams = True

    def __init__(
        self, destination: Callable[[], IO[str]], table: Table, *, color: str, verbosity: int
    ) -> None:
        self._destination = destination
        self._table = table
        self._color = cast("Literal['auto', 'always', 'never']", color)
        self._verbosity = verbosity
        self._made: tuple[Console, ObservedTable] | None = None

    def add(self, report: Report) -> None:
        console, lines = self._opened()
        if self._table.timelines:
            from tlsclose.report.text import print_report

            print_report(report, console, verbosity=self._verbosity)
        else:
            lines.add(report)
        self._destination().flush()

    def close(self, reports: Sequence[Report], summary: Summary | None) -> None:  # noqa: ARG002
        if summary is None or (self._table.timelines and summary.connections < 2):
            return
        _, lines = self._opened()
        lines.close(summary)
        self._destination().flush()

    def _opened(self) -> "tuple[Console, ObservedTable]":
        if self._made is None:
            from tlsclose.report.console import make_console
            from tlsclose.report.observed import ObservedTable

            console = make_console(color=self._color, file=self._destination())
            lines = ObservedTable(
                console, several=self._table.captures > 1, told=self._verbosity > 0
            )
            self._made = console, lines
        return self._made
