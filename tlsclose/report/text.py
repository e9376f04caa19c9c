"""Report -> console: the picture, the verdict block, the summary of many."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tlsclose.core.report import Report
from tlsclose.core.verdict import Verdict
from tlsclose.report.cells import joined_parts, wrapped
from tlsclose.report.console import make_console
from tlsclose.report.draw import Canvas
from tlsclose.report.glyphs import Glyphs, glyphs_for
from tlsclose.report.header import name
from tlsclose.report.judgement import findings, paragraphs, title, unobserved
from tlsclose.report.picture import Picture
from tlsclose.report.safe import sealed
from tlsclose.report.styles import LABEL_STYLE, SEVERITY_STYLES
from tlsclose.report.summary import summary_lines
from tlsclose.report.timeline import timeline

__all__ = ["make_console", "print_report", "print_summary", "report_lines"]

LABEL_WIDTH: Final = 12
"""Indent of the verdict block's paragraphs."""


def print_report(report: Report, console: Console, *, verbosity: int = 0) -> None:
    """Print one report. `verbosity` -1: the verdict alone; 1: every record; 2: every packet."""
    glyphs = glyphs_for(console.encoding)
    for line in report_lines(report, width=console.width, glyphs=glyphs, verbosity=verbosity):
        _print(line, console)


def print_summary(reports: Sequence[Report], console: Console) -> None:
    """Print a table of one line for each report; nothing where there is only one."""
    if len(reports) < 2:
        return
    glyphs = glyphs_for(console.encoding)
    for line in summary_lines(reports, width=console.width, glyphs=glyphs):
        _print(line, console)


def report_lines(
    report: Report, *, width: int, glyphs: Glyphs, verbosity: int = 0
) -> Iterator[Text]:
    """The lines of one report, each at most `width` cells wide."""
    report = sealed(report)
    block = _Block(width, glyphs)
    if verbosity < 0:
        yield from block.brief(report)
        return
    picture = timeline(report, verbosity=verbosity)
    yield from block.header(picture)
    if picture.before or picture.close:
        yield Text()
        yield from Canvas(picture, width=width, glyphs=glyphs).lines()
    yield Text()
    yield from block.verdict(report, verbosity)
    yield Text()


def _print(line: Text, console: Console) -> None:
    console.print(line, no_wrap=True, overflow="crop", crop=True)


class _Block:
    """The words around the picture."""

    def __init__(self, width: int, glyphs: Glyphs) -> None:
        self._width = width
        self._glyphs = glyphs

    def header(self, picture: Picture) -> Iterator[Text]:
        for line in joined_parts(picture.header, self._width - 1, self._glyphs):
            yield self._line(Text(f" {line}", style="bold"))

    def brief(self, report: Report) -> Iterator[Text]:
        """`host:443 initiate: PREMATURE CLOSE: The server sent ...` on as few lines as it needs."""
        start = " ".join(filter(None, (name(report), report.scenario)))
        said = unobserved(report)
        style = "yellow"
        if report.verdict is not None:
            said = f"{title(report.verdict)}: {report.verdict.summary}"
            style = SEVERITY_STYLES[report.verdict.severity]
        for line in wrapped(f"{start}: {said or 'no verdict'}", self._width, self._glyphs):
            yield self._line(Text(line, style=style))

    def verdict(self, report: Report, verbosity: int) -> Iterator[Text]:
        """What could not be observed, the verdict, the findings."""
        why = unobserved(report)
        if why:
            yield from self._wrapped(why, indent=1, style="bold yellow")
        if report.verdict is not None:
            yield from self._headline(report.verdict)
            for label, text in paragraphs(report, report.verdict, verbosity=verbosity):
                yield from self._paragraph(label, LABEL_STYLE, text)
        for severity, text in findings(report):
            yield from self._paragraph(severity.value, SEVERITY_STYLES[severity], text)

    def _headline(self, verdict: Verdict) -> Iterator[Text]:
        code = title(verdict)
        style = f"bold {SEVERITY_STYLES[verdict.severity]}"
        summary = self._glyphs.text(verdict.summary)
        line = Text.assemble(" ", (code, style))
        if line.cell_len + 3 + cell_len(summary) <= self._width:
            yield line.append("   ").append(summary, "bold")
            return
        yield self._line(line)
        yield from self._wrapped(summary, indent=min(LABEL_WIDTH, self._width // 4), style="bold")

    def _paragraph(self, label: str, style: str, text: str) -> Iterator[Text]:
        indent = min(LABEL_WIDTH, self._width // 4)
        start = f" {label}"[: indent - 1].ljust(indent)
        for line in wrapped(text, self._width - indent, self._glyphs):
            yield self._line(Text.assemble((start, style), line))
            start = " " * indent

    def _wrapped(self, text: str, *, indent: int, style: str) -> Iterator[Text]:
        for line in wrapped(text, self._width - indent, self._glyphs):
            yield self._line(Text.assemble(" " * indent, (line, style)))

    def _line(self, line: Text) -> Text:
        line.rstrip()
        line.truncate(self._width)
        return line
