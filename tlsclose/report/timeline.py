"""Report -> picture: what happened, in order, in three columns, the close set apart."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tlsclose.core.event import Kind, Side
from tlsclose.core.message import Message
from tlsclose.core.report import Report
from tlsclose.report.amount import plural
from tlsclose.report.axis import clock
from tlsclose.report.deeds import deeds, placed
from tlsclose.report.fold import Strand, strands
from tlsclose.report.header import header
from tlsclose.report.picture import Picture, Row, Words
from tlsclose.report.safe import sealed
from tlsclose.report.silence import long_before, long_in_close, timeouts, with_pauses

ROWS: Final = {0: 40, 1: 1_000}
"""Most rows drawn of either part by verbosity; above -v there is no such limit but memory."""
ROWS_AT_MOST: Final = 20_000


def timeline(report: Report, *, verbosity: int = 0) -> Picture:
    """Lay out one report. `verbosity` 1 unfolds records, 2 adds packet numbers and echoes."""
    report = sealed(report)
    ours = report.role.side
    drawn = strands(report.events, tls13=_tls13(report), verbosity=verbosity)
    drawn = _with_message(drawn, report.message, ours)
    rows = placed(drawn, deeds(report, verbosity=verbosity))
    rows += [(row.at_ns, 2, row) for row in timeouts(report.events, ours)]
    in_order = [row for _, _, row in sorted(rows, key=lambda item: item[:2])]
    before, close = _split(_paused(in_order, report))
    most = ROWS.get(verbosity, ROWS_AT_MOST)
    return Picture(
        header=header(report),
        titles=_titles(ours),
        clock=clock(report),
        ours=ours,
        before=_cropped(before, most),
        close=_cropped(close, most),
    )


def _paused(rows: list[Row], report: Report) -> list[Row]:
    """Draw the pauses; the one that ends in the close belongs to what came before."""
    before, close = _split(rows)
    ours = report.role.side
    head = with_pauses([*before, *close[:1]], report.waits, ours, least_ns=long_before(rows))
    tail = with_pauses(close, report.waits, ours, least_ns=long_in_close(close))
    return [*head, *list(tail)[1:]]


def _tls13(report: Report) -> bool:
    return report.tls.version in (None, "1.3")


def _titles(ours: Side | None) -> tuple[str, str, str]:
    client, server = (f"{side.value} (tlsclose)" if side is ours else side.value for side in Side)
    return client, "wire", server


def _with_message(drawn: list[Strand], message: Message | None, ours: Side | None) -> list[Strand]:
    """Write how the peer's message ended beside the last data of it."""
    words = message_words(message) if message is not None and message.sender is not ours else ""
    if message is None or not words:
        return drawn
    for at in range(len(drawn) - 1, -1, -1):
        strand = drawn[at]
        if Kind.APP_DATA in strand.kinds and strand.sender is message.sender:
            row = strand.row.saying(message.sender, words)
            return [*drawn[:at], replace(strand, row=row), *drawn[at + 1 :]]
    return drawn


def message_words(message: Message) -> str:
    """`HTTP 200 complete`, `HTTP 200 cut off`, `HTTP 200`: short enough for a column.

    Empty where there is nothing to say: bytes without a frame, a request that came whole.
    """
    if not message.protocol.startswith("http"):
        return ""
    if message.sender is Side.CLIENT:
        return "request cut off" if message.complete is False else ""
    name = "HTTP" if message.status is None else f"HTTP {message.status}"
    match message.complete:
        case True:
            return f"{name} complete"
        case False:
            return f"{name} cut off"
        case None:
            return name


def _split(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    for at, row in enumerate(rows):
        if row.closing:
            return rows[:at], rows[at:]
    return rows, []


def _cropped(rows: Sequence[Row], most: int) -> tuple[Row, ...]:
    if len(rows) <= most:
        return tuple(rows)
    half = most // 2
    left_out = f"… {plural(len(rows) - 2 * half, 'row')} left out"
    fold = Row(at_ns=rows[half].at_ns, shows_time=False, wire=Words(parts=(left_out,)))
    return (*rows[:half], fold, *rows[-half:])
