"""One class per format: takes reports one at a time and writes them. Constant memory."""

from collections.abc import Callable, Sequence
from typing import IO, Final, Literal, Protocol, cast

from tlsclose.cli.spool import Spool
from tlsclose.core.report import Report, Summary

Destination = Callable[[], IO[str]]
"""Opens the stream at the first call; the same stream every time."""

INDENT: Final = " " * 4
"""Of a report in its document."""


class Sink(Protocol):
    """What a format does with reports."""

    streams: bool
    """Whether each report is written as it ends even where others wait for their order."""

    def add(self, report: Report) -> None:
        """Take one report."""
        ...

    def close(self, reports: Sequence[Report], summary: Summary | None) -> None:
        """Write what comes at the end. `reports`: all of them, where the caller kept them."""
        ...


class TextSink:
    """For people: the timeline of each report, then a table where there are several.

    `timelines` bounds how many are drawn.
    """

    streams = False

    def __init__(
        self, destination: Destination, *, color: str, verbosity: int, timelines: int | None
    ) -> None:
        self._destination = destination
        self._color = cast("Literal['auto', 'always', 'never']", color)
        self._verbosity = verbosity
        self._left = timelines

    def add(self, report: Report) -> None:
        if self._left == 0:
            return
        if self._left is not None:
            self._left -= 1
        from tlsclose.report.text import make_console, print_report

        stream = self._destination()
        console = make_console(color=self._color, file=stream)
        print_report(report, console, verbosity=self._verbosity)
        stream.flush()

    def close(self, reports: Sequence[Report], summary: Summary | None) -> None:  # noqa: ARG002
        if len(reports) < 2:
            return
        from tlsclose.report.text import make_console, print_summary

        stream = self._destination()
        print_summary(reports, make_console(color=self._color, file=stream))
        stream.flush()


class JsonlSink:
    """One report a line, as it ends."""

    streams = True

    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    def add(self, report: Report) -> None:
        from tlsclose.report.json import line

        stream = self._destination()
        stream.write(line(report) + "\n")
        stream.flush()

    def close(self, reports: Sequence[Report], summary: Summary | None) -> None:
        """Nothing comes at the end."""


class JsonSink:
    """One document. Reports wait in a spool, since a listener may judge any number."""

    streams = False

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._spool = Spool()

    def add(self, report: Report) -> None:
        from tlsclose.report.json import pretty

        self._spool.write("\n" if self._spool.empty else ",\n")
        self._spool.write(_indented(pretty(report), INDENT))

    def close(self, reports: Sequence[Report], summary: Summary | None) -> None:  # noqa: ARG002
        import json

        from tlsclose.report.json import frame, summary_object

        stream = self._destination()
        head = json.dumps(frame(), indent=2).removesuffix("\n}")
        stream.write(f'{head},\n  "reports": [')
        for piece in self._spool.pieces():
            stream.write(piece)
        stream.write("]" if self._spool.empty else "\n  ]")
        if summary is not None:
            told = _indented(json.dumps(summary_object(summary), indent=2), "  ")
            stream.write(f',\n  "summary": {told.lstrip()}')
        stream.write("\n}\n")
        stream.flush()


def _indented(text: str, indent: str) -> str:
    """JSON has no line break but those between its lines."""
    return indent + text.replace("\n", f"\n{indent}")
