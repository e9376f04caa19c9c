"""Text of an exact width in terminal cells: fitted words, arrows, bands, waits."""

from typing import Final, assert_never

from rich.cells import cell_len, chop_cells, set_cell_size

from tlsclose.core.event import Side
from tlsclose.report.amount import GLUE
from tlsclose.report.glyphs import Glyphs
from tlsclose.report.picture import Arrow, Band, Pause, Stroke, Words

SHORTEST_ARROW: Final = 3


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


def wire_cell(content: Arrow | Band | Pause | None, width: int, glyphs: Glyphs) -> str:
    """What stands between the lifelines."""
    match content:
        case Arrow():
            return _arrow(content, width, glyphs)
        case Band():
            return _band(content, width, glyphs)
        case Pause():
            label = chosen(content.labels, width - 2, glyphs)
            return set_cell_size(label.center(width), width)
        case None:
            return " " * width
    assert_never(content)


def _arrow(arrow: Arrow, width: int, glyphs: Glyphs) -> str:
    label = chosen(arrow.labels, width - SHORTEST_ARROW - 3, glyphs)
    shaft = _shaft(arrow.stroke, width - cell_len(label) - 3, glyphs)
    match arrow.sender:
        case Side.CLIENT:
            return f" {label} {shaft}{glyphs.right}"
        case Side.SERVER:
            return f"{glyphs.left}{shaft} {label} "
    assert_never(arrow.sender)


def _shaft(stroke: Stroke, length: int, glyphs: Glyphs) -> str:
    match stroke:
        case Stroke.PLAIN | Stroke.ALERT:
            return glyphs.line * length
        case Stroke.MISSING:
            return glyphs.dashed * length
        case Stroke.RESET:
            half = (length - 1) // 2
            return glyphs.double * half + glyphs.cross + glyphs.double * (length - 1 - half)
    assert_never(stroke)


def _band(band: Band, width: int, glyphs: Glyphs) -> str:
    label = chosen(band.labels, width - 6, glyphs)
    space = width - cell_len(label) - 4
    left, right = glyphs.line * (space // 2), glyphs.line * (space - space // 2)
    return f"{glyphs.left}{left} {label} {right}{glyphs.right}"


def spoken_lines(words: Words, width: int, glyphs: Glyphs) -> list[str]:
    """The parts on as few lines of at most `width` cells as they need; at least one."""
    lines: list[str] = []
    for part in words.parts:
        text = glyphs.text(part)
        joined = f"{lines[-1]}, {text}" if lines else text
        if lines and cell_len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(chosen((part,), width, glyphs))
    return lines or [""]


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
        pieces = chop_cells(word, width)
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
