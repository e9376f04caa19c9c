"""The console that reports are printed on: colour, width and alphabet decided in one place."""

import os
from collections.abc import Mapping
from typing import IO, Final, Literal

from rich.console import Console

ColorChoice = Literal["auto", "always", "never"]

LOG_WIDTH: Final = 80
"""Columns where the output is not a terminal."""

_FORCE_OFF: Final = frozenset({"", "0", "false", "no", "off"})


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
    colored = _colored(color, file, environ)
    return Console(
        file=file,
        width=width if width is not None or _is_terminal(file) else LOG_WIDTH,
        force_terminal=colored,
        color_system="standard" if colored else None,
        no_color=not colored,
        markup=False,
        highlight=False,
        emoji=False,
        _environ={key: environ[key] for key in ("COLUMNS", "LINES") if key in environ},
    )


def _colored(color: ColorChoice, file: IO[str], environ: Mapping[str, str]) -> bool:
    match color:
        case "always":
            return True
        case "never":
            return False
        case "auto":
            return _wants_color(environ, terminal=_is_terminal(file))


def _wants_color(environ: Mapping[str, str], *, terminal: bool) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "").lower() not in _FORCE_OFF:
        return True
    return terminal and environ.get("TERM") != "dumb" and environ.get("FORCE_COLOR") != "0"


def _is_terminal(file: IO[str]) -> bool:
    try:
        return file.isatty()
    except (AttributeError, ValueError):
        return False
