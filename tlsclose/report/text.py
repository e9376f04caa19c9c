"""Report -> console: the picture, the verdict block, the summary of many."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tlsclose.core.report import Report
from tlsclose.report.console import make_console
from tlsclose.report.draw import Canvas
from tlsclose.report.fitting import joined_parts, wrapped
from tlsclose.report.glyphs import Glyphs, glyphs_for
from tlsclose.report.header import name
from tlsclose.report.judgement import (
    findings,
    paragraphs,
    title,
    unobserved_paragraphs,
)
from tlsclose.report.picture import Picture
from tlsclose.report.safe import sealed
from tlsclose.report.styles import LABEL_STYLE, SEVERITY_STYLES, UNOBSERVED_STYLE
from tlsclose.report.summary import summary_lines
from tlsclose.report.timeline import timeline
from tlsclose.report.unobserved import unobserved

__all__ = ["make_console", "print_report", "print_summary", "report_lines"]

UNBROKEN: Final = 10_000
"""Cells of a line that a program is to read."""
LABEL_WIDTH: Final = 12
"""Indent of the verdict block's paragraphs."""


def print_report(report: Report, console: Console, *, verbosity: int = 0) -> None:
    """Print one report. `verbosity` -1: the verdict alone; 1: every record; 2: every packet."""
    glyphs = glyphs_for(console.encoding)
    one_line = verbosity < 0 and not console.is_terminal
    width = UNBROKEN if one_line else console.width
    for line in report_lines(report, width=width, glyphs=glyphs, verbosity=verbosity):
        _print(line, console, whole=one_line)


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
    if (picture.before or picture.close) and (report.verdict is not None or verbosity > 0):
        yield Text()
        yield from Canvas(picture, width=width, glyphs=glyphs).lines()
    yield Text()
    yield from block.verdict(report, verbosity)
    yield Text()


def _print(line: Text, console: Console, *, whole: bool = False) -> None:
    if whole:
        console.print(line, soft_wrap=True)
    else:
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
        style = UNOBSERVED_STYLE
        if report.verdict is not None:
            said = f"{title(report.verdict)}: {report.verdict.summary}"
            style = SEVERITY_STYLES[report.verdict.severity]
        for line in wrapped(f"{start}: {said}", self._width, self._glyphs):
            yield self._line(Text(line, style=style))

    def verdict(self, report: Report, verbosity: int) -> Iterator[Text]:
        """The verdict, or why there is none, and the findings."""
        if report.verdict is not None:
            style = SEVERITY_STYLES[report.verdict.severity]
            yield from self._headline(title(report.verdict), report.verdict.summary, style)
            told = paragraphs(report, report.verdict)
        else:
            stage, _, reason = unobserved(report).partition(": ")
            yield from self._headline(stage.upper(), reason, UNOBSERVED_STYLE)
            told = unobserved_paragraphs(report)
        for label, *texts in told:
            yield from self._paragraph(label, LABEL_STYLE, texts)
        for severity, text in findings(report, verbosity=verbosity):
            yield from self._paragraph(severity.value, SEVERITY_STYLES[severity], [text])

    def _headline(self, code: str, summary: str, style: str) -> Iterator[Text]:
        style = f"bold {style}"
        summary = self._glyphs.text(summary)
        line = Text.assemble(" ", (code, style))
        if line.cell_len + 3 + cell_len(summary) <= self._width:
            yield line.append("   ").append(summary, "bold")
            return
        yield self._line(line)
        yield from self._wrapped(summary, indent=min(LABEL_WIDTH, self._width // 4), style="bold")

    def _paragraph(self, label: str, style: str, texts: list[str]) -> Iterator[Text]:
        """A label and its texts, each beginning a line."""
        indent = min(LABEL_WIDTH, self._width // 4)
        start = f" {label}"[: indent - 1].ljust(indent)
        for text in texts:
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
