"""Report -> SVG: the same picture, with no font and no address outside the file."""

from io import StringIO
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from tlsclose.core.report import Report
from tlsclose.report.glyphs import UNICODE
from tlsclose.report.header import name
from tlsclose.report.safe import sealed
from tlsclose.report.text import report_lines

WIDTH: Final = 88
"""Columns: a little air beside the 80 of a log."""

_FONTS: Final = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"

_FORMAT: Final = (
    """\
<svg class="tlsclose" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: """
    + _FONTS
    + """; font-size: {char_height}px; line-height: {line_height}px; white-space: pre; }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
)

_NIGHT: Final = TerminalTheme(
    background=(17, 22, 29),
    foreground=(222, 228, 236),
    normal=[
        (17, 22, 29),
        (255, 118, 110),
        (110, 214, 130),
        (236, 196, 90),
        (112, 176, 255),
        (226, 146, 240),
        (90, 210, 226),
        (222, 228, 236),
    ],
)
"""Every colour has a contrast of at least 7 to 1 on the background (WCAG AAA)."""


def svg(report: Report, *, verbosity: int = 0) -> str:
    """Draw one report as a self-contained SVG document."""
    report = sealed(report)
    console = Console(
        record=True,
        file=StringIO(),
        width=WIDTH,
        force_terminal=True,
        color_system="truecolor",
        markup=False,
        highlight=False,
        emoji=False,
        _environ={},
    )
    for line in report_lines(report, width=WIDTH, glyphs=UNICODE, verbosity=verbosity):
        console.print(line, no_wrap=True, overflow="crop", crop=True)
    title = f"tlsclose {name(report)}"
    return console.export_svg(title=title, theme=_NIGHT, code_format=_FORMAT)
