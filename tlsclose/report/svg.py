"""Report -> SVG: the same picture, with no font, script or address outside the file.

Every run of characters is placed on the grid by itself and stretched to its number of cells, so
that the columns hold whichever monospace font the reader has.
"""

import re
from collections.abc import Iterator
from html import escape
from io import StringIO
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tlsclose.core.report import Report
from tlsclose.report.glyphs import UNICODE
from tlsclose.report.header import name
from tlsclose.report.safe import sealed
from tlsclose.report.text import report_lines

COLUMNS: Final = 84
"""A little air beside the 80 of a log."""

CELL: Final = 8.4
LINE: Final = 18.0
FONT_SIZE: Final = 14
MARGIN: Final = 18

BACKGROUND: Final = "#11161d"
FOREGROUND: Final = "#dee4ec"
QUIET: Final = "#8b98a9"
COLORS: Final = {
    "red": "#ff766e",
    "green": "#6ed682",
    "yellow": "#ecc45a",
    "blue": "#70b0ff",
    "magenta": "#e292f0",
    "cyan": "#5ad2e2",
}
"""Contrast on the background is at least 6 to 1 for every one (WCAG AA asks for 4.5)."""

_FONTS: Final = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
_RUN: Final = re.compile(r"\S+(?: \S+)*")


def svg(report: Report, *, verbosity: int = 0) -> str:
    """Draw one report as a self-contained SVG document."""
    report = sealed(report)
    lines = list(report_lines(report, width=COLUMNS, glyphs=UNICODE, verbosity=verbosity))
    while lines and not lines[-1].plain.strip():
        lines.pop()
    width = round(COLUMNS * CELL + 2 * MARGIN)
    height = round(len(lines) * LINE + 2 * MARGIN)
    drawn = "\n".join(_drawn(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img">\n'
        f"<title>tlsclose: how {_escaped(name(report))} closed</title>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>\n'
        f'<g font-family="{_FONTS}" font-size="{FONT_SIZE}" fill="{FOREGROUND}">\n'
        f"{drawn}\n</g>\n</svg>\n"
    )


def _drawn(lines: list[Text]) -> Iterator[str]:
    console = Console(file=StringIO(), width=COLUMNS, color_system="standard", _environ={})
    for row, line in enumerate(lines):
        y = MARGIN + (row + 0.75) * LINE
        base = console.get_style(line.style)
        column = 0
        for segment in line.render(console):
            for run in _RUN.finditer(segment.text):
                start = column + cell_len(segment.text[: run.start()])
                yield _run(run.group(), MARGIN + start * CELL, y, base + segment.style)
            column += cell_len(segment.text)


def _run(text: str, x: float, y: float, style: Style) -> str:
    length = cell_len(text) * CELL
    fill = QUIET if style.dim else COLORS.get(style.color.name if style.color else "", "")
    attributes = f' fill="{fill}"' if fill else ""
    attributes += ' font-weight="bold"' if style.bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" textLength="{length:.1f}"'
        f' lengthAdjust="spacingAndGlyphs"{attributes}>{_escaped(text)}</text>'
    )


def _escaped(text: str) -> str:
    return escape(text, quote=True)
