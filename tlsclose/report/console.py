"""The console that reports are drawn on; `page` decides its colour and width."""

import os
from collections.abc import Mapping
from typing import IO, Final

from rich.console import Console

from tlsclose.report.page import LOG_WIDTH, ColorChoice, is_terminal, wants_color

_SIZES: Final = ("COLUMNS", "LINES")
"""Variables that rich takes at their word, even where they say 0."""


def make_console(
    *,
    color: ColorChoice = "auto",
    file: IO[str],
    width: int | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Console:
    """Make a console for reports on `file`; `width` None means the terminal's, or 80 columns.

    `auto` colours a terminal, unless NO_COLOR is set or TERM is `dumb`; FORCE_COLOR colours a
    pipe too, unless it says 0. rich reads those variables differently, so it is not shown them.
    """
    colored = wants_color(color, file, environ)
    return Console(
        file=file,
        width=width if width is not None or is_terminal(file) else LOG_WIDTH,
        force_terminal=colored,
        color_system="standard" if colored else None,
        no_color=not colored,
        markup=False,
        highlight=False,
        emoji=False,
        _environ={key: environ[key] for key in _SIZES if environ.get(key, "").strip("0")},
    )
