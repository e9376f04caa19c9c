"""Text of an exact width in terminal cells: fitted, wrapped, joined.

rich's tables of wide characters are loaded with the first text that is not ASCII.
"""

from tlsclose.report.amount import GLUE
from tlsclose.report.glyphs import Glyphs


def cell_len(text: str) -> int:
    """Cells that visible text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len as measured

    return measured(text)


def set_cell_size(text: str, width: int) -> str:
    """Visible text cut or padded to exactly so many cells."""
    if text.isascii():
        return text[:width].ljust(width)
    from rich.cells import set_cell_size as resized

    return resized(text, width)


def fitted(text: str, width: int, glyphs: Glyphs) -> str:
    """The text in this alphabet, padded or cut with an ellipsis to exactly `width` cells."""
    text = glyphs.text(text)
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(set_cell_size(text, max(width - 1, 0)) + glyphs.ellipsis, width)


def chosen(labels: tuple[str, ...], width: int, glyphs: Glyphs) -> str:
    """The fullest label that fits `width` cells; the last one, cut, where none does."""
    for label in labels:
        text = glyphs.text(label)
        if cell_len(text) <= width:
            return text
    return fitted(labels[-1], width, glyphs)


def wrapped(text: str, width: int, glyphs: Glyphs) -> list[str]:
    """Break at spaces into lines of at most `width` cells; longer words are cut. Never empty."""
    width = max(width, 1)
    lines = [""]
    for glued_word in text.split(" "):
        word = glyphs.text(glued_word.replace(GLUE, " "))
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= width:
            lines[-1] = joined
            continue
        pieces = _chopped(word, width)
        lines[-1:] = [*filter(None, lines[-1:]), *pieces]
    return lines


def joined_parts(parts: tuple[str, ...], width: int, glyphs: Glyphs) -> list[str]:
    """Parts with dots between, broken only where a dot would stand, as far as that goes."""
    dot = f" {glyphs.dot} "
    lines: list[str] = []
    for part in parts:
        text = glyphs.text(part)
        joined = f"{lines[-1]}{dot}{text}" if lines else text
        if lines and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines += wrapped(text, width, glyphs)
    return lines


def _chopped(word: str, width: int) -> list[str]:
    if word.isascii():
        return [word[at : at + width] for at in range(0, len(word), width)]
    from rich.cells import chop_cells

    return chop_cells(word, width)
