"""Report -> picture: what happened, in order, in three columns, the close set apart."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from tlsclose.core.event import Event, Kind, Side
from tlsclose.core.message import Message
from tlsclose.core.report import Report
from tlsclose.report.amount import NS_PER_MS, duration, plural
from tlsclose.report.deeds import Placed, deeds, placed, waits
from tlsclose.report.fold import Strand, strands
from tlsclose.report.header import header
from tlsclose.report.picture import Pause, Picture, Row, Words
from tlsclose.report.safe import sealed

SILENCE_NS: Final = 100 * NS_PER_MS
"""A longer gap between two rows of the close is drawn as a wait."""

ROWS: Final = {0: 40, 1: 1_000}
"""Most rows drawn of either part by verbosity; above -v there is no such limit but memory."""
ROWS_AT_MOST: Final = 20_000


def timeline(report: Report, *, verbosity: int = 0) -> Picture:
    """Lay out one report. `verbosity` 1 unfolds records, 2 adds packet numbers and echoes."""
    report = sealed(report)
    ours = report.role.side
    drawn = strands(report.events, tls13=_tls13(report), verbosity=verbosity)
    drawn = _with_message(drawn, report.message)
    done = deeds(report.steps, report.actions, verbosity=verbosity)
    rows = placed(drawn, ours, done)
    rows += waits(report.waits, ours, verbosity=verbosity)
    rows += _timeouts(report)
    in_order = [row for _, _, row in sorted(rows, key=lambda item: item[:2])]
    before, close = _split(in_order)
    most = ROWS.get(verbosity, ROWS_AT_MOST)
    return Picture(
        header=header(report),
        titles=_titles(ours),
        ours=ours,
        before=_cropped(before, most),
        close=_cropped(list(_with_silences(close)), most),
    )


def _tls13(report: Report) -> bool:
    return report.tls.version in (None, "1.3")


def _titles(ours: Side | None) -> tuple[str, str, str]:
    client, server = (f"{side.value} (tlsclose)" if side is ours else side.value for side in Side)
    return client, "wire", server


def _with_message(drawn: list[Strand], message: Message | None) -> list[Strand]:
    """Write how the message ended beside the last data of its sender."""
    if message is None:
        return drawn
    for at in range(len(drawn) - 1, -1, -1):
        strand = drawn[at]
        if Kind.APP_DATA in strand.kinds and strand.sender is message.sender:
            words = {message.sender.value: message_words(message)}
            row = replace(strand.row, **words)  # type: ignore[arg-type]
            return [*drawn[:at], replace(strand, row=row), *drawn[at + 1 :]]
    return drawn


def message_words(message: Message) -> str:
    """`HTTP 200 complete`, `HTTP 200 cut off`, `HTTP 200, no end`: short enough for a column."""
    name = "HTTP" if message.protocol.startswith("http") else message.protocol
    status = f" {message.status}" if message.status is not None else ""
    if message.sender is Side.CLIENT:
        name = "request"
    match message.complete:
        case True:
            return f"{name}{status} complete"
        case False:
            return f"{name}{status} cut off"
        case None:
            return f"{name}{status}"


def _timeouts(report: Report) -> Iterator[Placed]:
    """Silences that no wait of ours accounts for."""
    ends = [wait.at_ns + wait.length_ns for wait in report.waits if wait.outcome == "timeout"]
    for event in report.events:
        known = any(abs(end - event.at_ns) <= SILENCE_NS for end in ends)
        if event.kind is Kind.TIMEOUT and not known:
            yield event.at_ns, 2, Row(at_ns=event.at_ns, wire=_silent(event))


def _silent(event: Event) -> Pause:
    silent = f"{event.sender.value} silent"
    if event.waited_ns is None:
        return Pause(labels=(silent,), timed_out=True)
    return Pause(labels=(f"{silent} for {duration(event.waited_ns)}", silent), timed_out=True)


def _split(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    for at, row in enumerate(rows):
        if row.closing:
            return rows[:at], rows[at:]
    return rows, []


def _with_silences(rows: list[Row]) -> Iterator[Row]:
    for row, following in pairwise(rows):
        yield row
        silence = following.at_ns - row.at_ns
        waited = isinstance(row.wire, Pause) or isinstance(following.wire, Pause)
        if silence >= SILENCE_NS and not waited:
            pause = Pause(labels=(duration(silence),))
            yield Row(at_ns=row.at_ns, shows_time=False, wire=pause)
    yield from rows[-1:]


def _cropped(rows: Sequence[Row], most: int) -> tuple[Row, ...]:
    if len(rows) <= most:
        return tuple(rows)
    half = most // 2
    left_out = f"… {plural(len(rows) - 2 * half, 'row')} left out"
    fold = Row(at_ns=rows[half].at_ns, shows_time=False, wire=Words(parts=(left_out,)))
    return (*rows[:half], fold, *rows[-half:])
