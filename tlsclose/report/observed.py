"""An observer's connections, a line each as they end, and what they come to.

Lines are printed before the next connection is known, so the columns' widths come from the
console's width alone. Where there is little room the columns of the highest rank are left out.

There may be many thousands: a line is made by one format, and only where a text in it is too long
for its column, not ASCII or not safe to show is each cell cleaned and fitted on its own.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from tlsclose.core.outcome import UNOBSERVED
from tlsclose.core.report import CaptureInfo, Report, Summary
from tlsclose.core.verdict import Code, Confidence, Verdict
from tlsclose.report.amount import plural, rough
from tlsclose.report.fitting import cell_len, fitted, set_cell_size, wrapped
from tlsclose.report.glyphs import Glyphs, glyphs_for
from tlsclose.report.header import file_name
from tlsclose.report.page import Page, Piece
from tlsclose.report.safe import clean, sealed
from tlsclose.report.styles import SEVERITY_STYLES, UNOBSERVED_STYLE
from tlsclose.report.unobserved import unobserved

NONE: Final = "-"
GUESSED: Final = "?"
"""Behind a verdict that rests on record types and lengths."""
INDENT: Final = " " * 8
"""Of the sentence under a line: below the client."""
_INFERRED: Final = Confidence.INFERRED
_UNJUDGED: Final = frozenset({Code.CAPTURE_INCOMPLETE, Code.UNDETERMINED})


_NUMBER: Final = "#"
_VERDICT: Final = "verdict"


class Column(NamedTuple):
    """One column: `rank` 0 is always there, the others come as the width allows, in order."""

    name: str
    width: int
    rank: int = 0
    widest: int = 0
    """Up to where it takes what room is left; 0: it does not grow."""


COLUMNS: Final = (
    Column(_NUMBER, 5),
    Column("start UTC", 12, 4),
    Column("client", 21, widest=47),
    Column("server", 21, widest=47),
    Column("name", 16, 5, widest=40),
    Column("tls", 3, 3),
    Column(_VERDICT, 19 - len(GUESSED)),
    Column("blame", 6, 1),
    Column("risk", 8, 2),
)
MARGIN: Final = " "
GAP: Final = " " * 2
_TIME: Final = slice(11, 23)
"""Of an instant in ISO 8601: the time of day, to the millisecond."""
_NARROWEST: Final = 8
"""Columns that grow may shrink to this where even those of rank 0 have no room."""


class ObservedTable:
    """Prints on one page. `several`: name each capture above its connections."""

    def __init__(self, page: Page, *, several: bool = False, told: bool = False) -> None:
        self._page = page
        self._glyphs = glyphs_for(page.encoding)
        self._columns = columns(page.width)
        self._form = MARGIN + GAP.join(map(_form, self._columns))
        named = self._form % {column.name: column.name for column in COLUMNS}
        self._size = len(named)
        self._verdict_at = named.index(_VERDICT)
        self._several = several
        self._told = told
        self._path: str | None = None
        self._begun = False
        self._guessed = False

    def add(self, report: Report) -> None:
        """Print one connection's line; `told`: its verdict's sentence under it."""
        for pieces in self._lines(report):
            self._page.line(*pieces)

    def close(self, summary: Summary) -> None:
        """Print the totals."""
        for text in totals(summary, guessed=self._guessed):
            for line in wrapped(text, self._page.width - 1, self._glyphs):
                self._page.line((f" {line}", "bold"))

    def _lines(self, report: Report) -> Iterator[list[Piece]]:
        if not self._begun:
            self._begun = True
            names = (_cell(column, column.name, self._glyphs) for column in self._columns)
            yield [(MARGIN + GAP.join(names), "bold")]
        if self._several:
            yield from self._heading(report.capture)
        if report.connection is None or report.verdict is None:
            yield from self._sentence(unobserved(sealed(_outline(report))), UNOBSERVED_STYLE)
            return
        yield self._row(report, report.verdict)
        if self._told:
            yield from self._sentence(clean(report.verdict.summary), "")

    def _heading(self, capture: CaptureInfo) -> Iterator[list[Piece]]:
        path = None if capture.path is None else clean(capture.path)
        if path != self._path:
            self._path = path
            yield [(f" {self._glyphs.text(clean(file_name(capture)))}", "bold")]

    def _row(self, report: Report, verdict: Verdict) -> list[Piece]:
        """The verdict has its colour."""
        self._guessed |= _is_guess(verdict)
        values = cells(report)
        line = self._form % values
        if len(line) != self._size or not line.isascii() or not line.isprintable():
            return self._fitted_row(values, SEVERITY_STYLES[verdict.severity])
        start = self._verdict_at
        end = start + len(values[_VERDICT])
        return [
            (line[:start], ""),
            (line[start:end], SEVERITY_STYLES[verdict.severity]),
            (line[end:], ""),
        ]

    def _fitted_row(self, values: dict[str, str], style: str) -> list[Piece]:
        pieces: list[Piece] = [(MARGIN, "")]
        for column in self._columns:
            text = _cell(column, clean(values[column.name]), self._glyphs)
            word = text.rstrip()
            pieces += [
                (word, style if column.name == _VERDICT else ""),
                (text[len(word) :] + GAP, ""),
            ]
        return pieces

    def _sentence(self, text: str, style: str) -> Iterator[list[Piece]]:
        room = max(self._page.width - len(INDENT), 1)
        for line in wrapped(text, room, self._glyphs):
            yield [(f"{INDENT}{line}", style)]


def _outline(report: Report) -> Report:
    """What a line tells of a report."""
    return Report(
        started_at=report.started_at,
        role=report.role,
        connection=report.connection,
        tls=report.tls,
        capture=report.capture,
        verdict=report.verdict,
        unobserved=report.unobserved,
    )


def columns(width: int) -> tuple[Column, ...]:
    """The columns that fit, each as wide as it will be in every line."""
    chosen = [column for column in COLUMNS if column.rank == 0]
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        if column.rank and _room([*chosen, column], width) >= 0:
            chosen.append(column)
    room = _room(chosen, width)
    made = []
    for column in COLUMNS:
        if column not in chosen:
            continue
        size = column.width
        if column.widest:
            size = min(max(size + room, _NARROWEST), column.widest)
            room -= size - column.width
        made.append(column._replace(width=size))
    return tuple(made)


def _room(chosen: list[Column], width: int) -> int:
    return width - len(MARGIN) - sum(column.width + len(GAP) for column in chosen) + len(GAP)


def cells(report: Report) -> dict[str, str]:
    """What stands in each column."""
    connection, verdict = report.connection, report.verdict
    assert connection is not None
    assert verdict is not None
    return {
        _NUMBER: str(connection.stream),
        "start UTC": report.started_at.isoformat(timespec="milliseconds")[_TIME],
        "client": connection.client,
        "server": connection.server,
        "name": report.tls.sni or NONE,
        "tls": report.tls.version or NONE,
        _VERDICT: _code(verdict),
        "blame": verdict.blame or NONE,
        "risk": verdict.truncation_risk,
    }


def _code(verdict: Verdict) -> str:
    return verdict.code + (GUESSED if _is_guess(verdict) else "")


def _is_guess(verdict: Verdict) -> bool:
    return verdict.confidence is _INFERRED and verdict.code not in _UNJUDGED


def _form(column: Column) -> str:
    """How a text is set in a column that it fits."""
    return f"%({column.name}){'' if column.name == _NUMBER else '-'}{column.width}s"


def _cell(column: Column, text: str, glyphs: Glyphs) -> str:
    match column.name:
        case "#":
            return text.rjust(column.width)
        case "client" | "server":
            return _tail(text, column.width, glyphs)
    return fitted(text, column.width, glyphs)


def _tail(text: str, width: int, glyphs: Glyphs) -> str:
    """The end of an address, where its port is."""
    text = glyphs.text(text)
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(glyphs.ellipsis + text[len(glyphs.ellipsis) - width :], width)


def totals(summary: Summary, *, guessed: bool = False) -> Iterator[str]:
    """The counts, a sentence each."""
    told = ", ".join(f"{count} {code}" for code, count in summary.by_code.items())
    if summary.unreadable:
        told += f"{', ' if told else ''}{summary.unreadable} {UNOBSERVED}"
    count = plural(summary.connections, "TLS connection")
    yield f"{count}: {told}" if told else count
    rest = [f"{plural(summary.packets, 'packet')}, {rough(summary.bytes)}"]
    rest += [f"{summary.without_tls} without TLS"] if summary.without_tls else []
    rest += [f"{summary.left_out} left out"] if summary.left_out else []
    rest += [f"{GUESSED} inferred, without keys"] if guessed else []
    yield "; ".join(rest)
