"""The observer's text: a line for each connection as it ends, then the totals."""

from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Literal, cast

from tlsclose.core.frozen import dataclass
from tlsclose.core.report import Report, Summary

if TYPE_CHECKING:
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
        self._lines: ObservedTable | None = None

    def add(self, report: Report) -> None:
        if self._table.timelines:
            self._draw(report)
        else:
            self._opened().add(report)
        self._destination().flush()

    def close(self, reports: Sequence[Report], summary: Summary | None) -> None:  # noqa: ARG002
        if summary is None or (self._table.timelines and summary.connections < 2):
            return
        self._opened().close(summary)
        self._destination().flush()

    def _draw(self, report: Report) -> None:
        from tlsclose.report.text import make_console, print_report

        console = make_console(color=self._color, file=self._destination())
        print_report(report, console, verbosity=self._verbosity)

    def _opened(self) -> "ObservedTable":
        if self._lines is None:
            from tlsclose.report.observed import ObservedTable
            from tlsclose.report.page import make_page

            page = make_page(color=self._color, file=self._destination())
            several = self._table.captures > 1
            self._lines = ObservedTable(page, several=several, told=self._verbosity > 0)
        return self._lines
