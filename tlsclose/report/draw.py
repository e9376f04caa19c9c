"""Picture -> lines of styled text, none wider than the console, in either alphabet."""

from collections.abc import Iterator
from typing import Final, assert_never

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.report.cells import spoken_lines, wire_cell
from tlsclose.report.fitting import chosen, fitted, wrapped
from tlsclose.report.glyphs import Glyphs
from tlsclose.report.picture import Arrow, Band, Pause, Picture, Row, Stroke, Words

TIME_WIDTH: Final = 7
OWN_WIDTH: Final = 26
"""`② empty-buffer handshake` with its margins, in ASCII too."""
FAR_WIDTH: Final = 18
WIRE_WIDTH: Final = 27
_AT_80: Final = TIME_WIDTH + OWN_WIDTH + 1 + WIRE_WIDTH + 1 + FAR_WIDTH
WIDEST: Final = 110
"""Wider consoles leave the rest empty: an arrow across 200 columns is hard to follow."""
NARROWEST_WIRE: Final = 20
NOTE_LINES: Final = 3
"""Most lines of small print under one row."""

_SENDER_STYLES: Final = {Side.CLIENT: "cyan", Side.SERVER: "magenta"}
_STROKE_STYLES: Final = {
    Stroke.RESET: "bold red",
    Stroke.ALERT: "bold red",
    Stroke.MISSING: "red",
}
QUIET: Final = "dim"
WAIT: Final = "yellow"
TIMED_OUT: Final = "bold yellow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Widths of the columns in cells: the sides' words left and right, the wire between."""

    left: int
    wire: int
    right: int

    def column(self, side: Side) -> int:
        return self.left if side is Side.CLIENT else self.right


def layout(width: int, ours: Side | None) -> Layout:
    """Share out a width. Below 80 columns the far side gives way first, then the wire."""
    spare = min(width, WIDEST) - _AT_80
    far = max(FAR_WIDTH + (spare // 2 if spare > 0 else spare), 2)
    room = _AT_80 + spare - TIME_WIDTH - 2 - far
    wire = max(room - OWN_WIDTH, NARROWEST_WIRE)
    own = max(room - wire, 2)
    match ours:
        case Side.CLIENT:
            return Layout(left=own, wire=wire, right=far)
        case Side.SERVER:
            return Layout(left=far, wire=wire, right=own)
        case None:
            half = (own + far) // 2
            return Layout(left=own + far - half, wire=wire, right=half)
    assert_never(ours)


class Canvas:
    """Draws one picture, whose texts have been made safe before."""

    def __init__(self, picture: Picture, *, width: int, glyphs: Glyphs) -> None:
        self._picture = picture
        self._layout = layout(width, picture.ours)
        self._width = width
        self._glyphs = glyphs

    def lines(self) -> Iterator[Text]:
        """Titles, the rows before, a rule where the close begins, the rows of the close."""
        for line in self._all():
            line.rstrip()
            line.truncate(self._width)
            yield line

    def _all(self) -> Iterator[Text]:
        yield self._titles()
        yield self._rule(self._glyphs.top)
        for row in self._picture.before:
            yield from self._row(row)
        if self._picture.close:
            yield self._rule(self._glyphs.middle, " close ")
        for row in self._picture.close:
            yield from self._row(row)
        yield self._rule(self._glyphs.bottom)

    def _titles(self) -> Text:
        client, wire, server = self._picture.titles
        where = self._layout
        line = Text(f"time {self._picture.clock.unit}".rjust(TIME_WIDTH), style="bold")
        line.append(self._fitted(f" {client}", where.left))
        line.append(self._fitted(wire.center(where.wire + 2), where.wire + 2))
        line.append(self._fitted(f" {server}", where.right))
        return line

    def _rule(self, crossing: str, title: str = "") -> Text:
        bar, where = self._glyphs.line, self._layout
        start = (bar * 2 + title).ljust(TIME_WIDTH + where.left, bar)
        line = Text(start + crossing + bar * where.wire + crossing + bar * where.right, QUIET)
        line.stylize("not dim bold", 2, 2 + len(title))
        return line

    def _row(self, row: Row) -> Iterator[Text]:
        if isinstance(row.wire, Words):
            yield from self._spoken(row, row.wire)
            return
        side = self._side_for_note(row)
        yield self._body(row, row.wire, side)
        if row.notes and side is None:
            yield from self._note(row.wire, "; ".join(row.notes))

    def _side_for_note(self, row: Row) -> Side | None:
        """The column in which the notes can stand beside the wire; None: on lines of their own."""
        match row.wire:
            case Arrow(sender=sender):
                side = sender
            case Band():
                side = Side.CLIENT if self._picture.ours is Side.SERVER else Side.SERVER
            case _:
                return None
        free = bool(row.notes) and not row.words(side)
        told = self._cells("; ".join(row.notes))
        return side if free and told < self._layout.column(side) else None

    def _body(self, row: Row, wire: Arrow | Band | Pause | None, noted: Side | None) -> Text:
        life = self._life(waiting=isinstance(wire, Pause))
        middle = Text(wire_cell(wire, self._layout.wire, self._glyphs), _wire_style(wire))
        left, right = (self._words(row, side, noted) for side in Side)
        return Text.assemble(self._time(row), left, life, middle, life, right)

    def _words(self, row: Row, side: Side, noted: Side | None) -> Text:
        width, style = self._layout.column(side), _words_style(row)
        text = chosen(row.words(side) or ("",), width - 1, self._glyphs)
        if side is noted:
            text, style = "; ".join(row.notes), QUIET
        return Text(self._fitted(f" {text}", width), style)

    def _spoken(self, row: Row, words: Words) -> Iterator[Text]:
        """Our own words, and beside them what a call said: over the far column if need be."""
        mirrored = self._picture.ours is Side.SERVER
        far = self._layout.left if mirrored else self._layout.right
        room = self._layout.wire + 1 + far - 2
        for at, line in enumerate(spoken_lines(words, room, self._glyphs)):
            first = row if at == 0 else Row(at_ns=row.at_ns, shows_time=False)
            yield (self._spoken_right if mirrored else self._spoken_left)(first, line)

    def _spoken_left(self, row: Row, said: str) -> Text:
        where, life = self._layout, self._life()
        line = Text.assemble(self._time(row), self._words(row, Side.CLIENT, None), life)
        spills = cell_len(said) + 1 > where.wire
        if spills:
            return line.append(f" {said}", QUIET)
        return line.append(set_cell_size(f" {said}", where.wire), QUIET).append_text(life)

    def _spoken_right(self, row: Row, said: str) -> Text:
        where, life = self._layout, self._life()
        spills = cell_len(said) + 1 > where.wire
        room = where.left + 1 + where.wire if spills else where.wire
        text = Text(" " * (room - cell_len(said) - 1) + f"{said} ", QUIET)
        start = Text() if spills else Text.assemble(" " * where.left, life)
        words = self._words(row, Side.SERVER, None)
        return Text.assemble(self._time(row), start, text, life, words)

    def _note(self, wire: Arrow | Band | Pause | None, note: str) -> Iterator[Text]:
        """Small print under a row, between the lifelines or, where it is long, over the right."""
        where = self._layout
        text = f"{self._glyphs.note} {note}"
        if self._cells(text) + 2 > where.wire:
            room = where.wire + where.right - 3
            lines = wrapped(note, room, self._glyphs)
            if len(lines) > NOTE_LINES:
                lines[NOTE_LINES - 1 :] = [self._fitted(f"{lines[NOTE_LINES - 1]} …", room)]
            for at, line in enumerate(lines):
                mark = self._glyphs.note if at == 0 else " "
                yield self._left_of_wire().append(f" {mark} {line}", QUIET)
            return
        text = self._glyphs.text(text)
        from_right = isinstance(wire, Arrow) and wire.sender is Side.SERVER
        padding = where.wire - cell_len(text) - 1 if from_right else 1
        padded = set_cell_size(" " * padding + text, where.wire)
        yield self._left_of_wire().append(padded, QUIET).append_text(self._life())

    def _left_of_wire(self) -> Text:
        return Text.assemble(" " * (TIME_WIDTH + self._layout.left), self._life())

    def _time(self, row: Row) -> Text:
        time = self._picture.clock.text(row.at_ns) if row.shows_time else ""
        return Text(time.rjust(TIME_WIDTH), QUIET)

    def _life(self, *, waiting: bool = False) -> Text:
        return Text(self._glyphs.wait, WAIT) if waiting else Text(self._glyphs.life, QUIET)

    def _fitted(self, text: str, width: int) -> str:
        return fitted(text, width, self._glyphs)

    def _cells(self, text: str) -> int:
        return cell_len(self._glyphs.text(text))


def _wire_style(wire: Arrow | Band | Pause | None) -> str:
    match wire:
        case Arrow(stroke=stroke, sender=sender):
            return _STROKE_STYLES.get(stroke, _SENDER_STYLES[sender])
        case Pause(timed_out=timed_out):
            return TIMED_OUT if timed_out else WAIT
        case Band() | None:
            return ""
    assert_never(wire)


def _words_style(row: Row) -> str:
    return WAIT if isinstance(row.wire, Pause) else ""
