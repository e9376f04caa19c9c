"""What an observer's lines are printed on: a log or a terminal, without rich.

One capture of a few packets is judged before rich would be loaded. So lines that are only text and
the colour of a word are written here; pictures are drawn on rich's console (`console`), by the same
rules of colour and width. A Windows console is left to rich, which knows the ones that need more
than escape sequences.
"""

import os
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Final, Literal, Protocol

from tlsclose.report.fitting import cell_len, set_cell_size
from tlsclose.report.styles import ESCAPES

if TYPE_CHECKING:
    from rich.console import Console

ColorChoice = Literal["auto", "always", "never"]
Piece = tuple[str, str]
"""Text, and a style of `styles`; empty for none."""

LOG_WIDTH: Final = 80
"""Columns where the output is not a terminal, and of one that does not tell."""

_FORCE_OFF: Final = frozenset({"", "0", "false", "no", "off"})
_STREAMS: Final = (0, 1, 2)
"""Any of them may be the terminal."""


class Page(Protocol):
    """Takes lines. Text must have been made safe."""

    width: int
    encoding: str

    def line(self, *pieces: Piece) -> None:
        """Print one line, cut at the width."""
        ...


class PlainPage:
    """Colours by escape sequences."""

    def __init__(self, file: IO[str], width: int, *, colored: bool) -> None:
        self.width = width
        self.encoding = getattr(file, "encoding", None) or "utf-8"
        self._file = file
        self._colored = colored

    def line(self, *pieces: Piece) -> None:
        """Print one line, cut at the width."""
        if not self._colored:
            pieces = (("".join([text for text, _ in pieces]), ""),)
        shown = [self._styled(*piece) for piece in _cut(pieces, self.width)]
        self._file.write("".join(shown) + "\n")

    def _styled(self, text: str, style: str) -> str:
        if not self._colored or not style or not text:
            return text
        return f"\x1b[{ESCAPES[style]}m{text}\x1b[0m"


class ConsolePage:
    """Prints on rich's console."""

    def __init__(self, console: "Console") -> None:
        self.width = console.width
        self.encoding = console.encoding
        self._console = console

    def line(self, *pieces: Piece) -> None:
        """Print one line, cut at the width."""
        from rich.text import Text

        text = Text.assemble(*_cut(pieces, self.width))
        self._console.print(text, no_wrap=True, overflow="crop", crop=True)


def make_page(
    *,
    color: ColorChoice = "auto",
    file: IO[str],
    width: int | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Page:
    """Make a page for `file`; `width` None means the terminal's, or 80 columns."""
    if os.name == "nt" and is_terminal(file):
        from tlsclose.report.console import make_console

        return ConsolePage(make_console(color=color, file=file, width=width, environ=environ))
    if width is None:
        width = _terminal_width(environ) if is_terminal(file) else LOG_WIDTH
    return PlainPage(file, width, colored=wants_color(color, file, environ))


def wants_color(color: ColorChoice, file: IO[str], environ: Mapping[str, str]) -> bool:
    """`auto` colours a terminal, unless NO_COLOR is set or TERM is `dumb`.

    FORCE_COLOR colours a pipe too, unless it says 0.
    """
    if color != "auto":
        return color == "always"
    if environ.get("NO_COLOR"):
        return False
    forced = environ.get("FORCE_COLOR", "")
    if forced.lower() not in _FORCE_OFF:
        return True
    return is_terminal(file) and environ.get("TERM") != "dumb" and forced != "0"


def is_terminal(file: IO[str]) -> bool:
    """Whether somebody looks at what is written."""
    try:
        return file.isatty()
    except (AttributeError, ValueError):
        return False


def _terminal_width(environ: Mapping[str, str]) -> int:
    """As the user or the terminal says."""
    told = environ.get("COLUMNS", "")
    if told.isdigit() and int(told):
        return int(told)
    for stream in _STREAMS:
        try:
            return os.get_terminal_size(stream).columns or LOG_WIDTH
        except (AttributeError, ValueError, OSError):
            continue
    return LOG_WIDTH


def _cut(pieces: tuple[Piece, ...], width: int) -> list[Piece]:
    """Without spaces at the end, and no wider than the page."""
    left = list(pieces)
    while left and not left[-1][0].rstrip():
        left.pop()
    if left:
        left[-1] = (left[-1][0].rstrip(), left[-1][1])
    shown = []
    for text, style in left:
        fits = text if cell_len(text) <= width else set_cell_size(text, width)
        width -= cell_len(fits)
        shown.append((fits, style))
    return shown
