"""What stands between and beside the lifelines, cell by cell: arrows, bands, waits, words."""

from typing import Final, assert_never

from tlsclose.core.event import Side
from tlsclose.report.fitting import cell_len, chosen, set_cell_size
from tlsclose.report.glyphs import Glyphs
from tlsclose.report.picture import Arrow, Band, Pause, Stroke, Words

SHORTEST_ARROW: Final = 3


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
