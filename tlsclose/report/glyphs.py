"""The characters that pictures are drawn with, and what stands for each where only ASCII can."""

from typing import Final, NamedTuple


class Glyphs(NamedTuple):
    """One alphabet. Every line character is one cell wide in both."""

    line: str = "─"
    double: str = "═"
    dashed: str = "╌"
    right: str = "▶"
    left: str = "◀"
    cross: str = "✖"
    life: str = "│"
    wait: str = "┊"
    top: str = "┬"
    middle: str = "┼"
    bottom: str = "┴"
    note: str = "└"
    dot: str = "·"
    ellipsis: str = "…"

    def text(self, text: str) -> str:
        """Text as this alphabet can show it."""
        if self is UNICODE or text.isascii():
            return text
        return text.translate(_PLAIN).encode("ascii", "backslashreplace").decode("ascii")


UNICODE: Final = Glyphs()
ASCII: Final = Glyphs(
    line="-",
    double="=",
    dashed=".",
    right=">",
    left="<",
    cross="X",
    life="|",
    wait=":",
    top="+",
    middle="+",
    bottom="+",
    note="`",
    dot="-",
    ellipsis="~",
)

_PROSE: Final = {"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "→": "->", "×": "x"}
"""Typography that may stand in our own sentences."""

_CIRCLED: Final = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"

_PLAIN: Final = str.maketrans(
    dict(zip(UNICODE, ASCII, strict=True))
    | {digit: f"{number}." for number, digit in enumerate(_CIRCLED, 1)}
    | {"…": "..."}
    | _PROSE
)


def circled(position: int) -> str:
    """The number of a step, from 1; plain where Unicode has no circled one."""
    return _CIRCLED[position - 1] if position <= len(_CIRCLED) else f"{position}."


def glyphs_for(encoding: str) -> Glyphs:
    """The full alphabet where `encoding` has all of it, else ASCII."""
    drawn = "".join(UNICODE)
    try:
        (drawn + _CIRCLED).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
