"""Time in which nothing happened: pauses between rows, named by what our side waited for."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from tlsclose.core.event import Event, Kind, Side
from tlsclose.core.report import Wait
from tlsclose.report.amount import NS_PER_MS, duration
from tlsclose.report.picture import Arrow, Pause, Row

LONG_NS: Final = 5 * NS_PER_MS
"""A wait of this length is worth a row wherever it is a good part of the picture."""
SHORTEST_NS: Final = NS_PER_MS // 10
"""The close is looked at closely: a good part of it may be as short as this."""
UNNAMED_NS: Final = 50 * NS_PER_MS
"""A pause of our own making, or one that nobody waited in, is worth a row from here on."""
_SHARE: Final = 8
"""A good part: one in so many."""

_CLOSE_WAITS: Final = frozenset({"close_notify", "fin"})

_WAITING: Final = {
    "connect": "connecting",
    "fin": "waiting for FIN",
    "fin-behind": "waiting for FIN",
}


def span_ns(rows: Sequence[Row]) -> int:
    """From the first row to the end of the last."""
    return max(row.end_ns for row in rows) - min(row.at_ns for row in rows) if rows else 0


def long_before(rows: Sequence[Row]) -> int:
    """How long a wait must be to be drawn in what came before the close."""
    return max(LONG_NS, span_ns(rows) // _SHARE)


def long_in_close(rows: Sequence[Row]) -> int:
    """How long a wait must be to be drawn in the close."""
    return min(LONG_NS, max(SHORTEST_NS, span_ns(rows) // _SHARE))


def with_pauses(
    rows: Sequence[Row], waits: Sequence[Wait], ours: Side | None, *, least_ns: int
) -> Iterator[Row]:
    """The rows with a pause between those that are at least so far apart."""
    last_ns = 0
    for row, following in pairwise(rows):
        yield row
        last_ns = max(last_ns, row.end_ns)
        if _notifies(row, ours):
            waits = [wait for wait in waits if wait.name != "close_notify"]
        if not isinstance(following.wire, Pause):
            name = _waited_for(last_ns, following, waits, ours)
            if following.at_ns - last_ns >= _least(name, ours, least_ns):
                yield _pause(last_ns, following.at_ns, name, ours)
    yield from rows[-1:]


def _notifies(row: Row, ours: Side | None) -> bool:
    """Whether the peer's close_notify is drawn here; then nobody waits for it any more."""
    if not isinstance(row.wire, Arrow) or row.wire.sender is ours:
        return False
    return any("close_notify" in label for label in row.wire.labels)


def _pause(start: int, end: int, name: str, ours: Side | None) -> Row:
    row = Row(at_ns=start, shows_time=False, wire=Pause(labels=(duration(end - start),)))
    return row.saying(ours, waiting(name)) if ours and name else row


def _least(name: str, ours: Side | None, least_ns: int) -> int:
    if ours is None or name in _CLOSE_WAITS:
        return least_ns
    return max(least_ns, LONG_NS) if name else UNNAMED_NS


def _waited_for(start: int, ended: Row, waits: Sequence[Wait], ours: Side | None) -> str:
    """The wait that filled most of a pause which the peer ended; the handshake has its own row."""
    if not isinstance(ended.wire, Arrow) or ended.wire.sender is ours:
        return ""
    half = (ended.at_ns - start) / 2
    filling = (
        wait.name
        for wait in waits
        if wait.name != "handshake" and _overlap(wait, start, ended.at_ns) > half
    )
    return next(filling, "")


def _overlap(wait: Wait, start: int, end: int) -> int:
    return min(wait.at_ns + wait.length_ns, end) - max(wait.at_ns, start)


def waiting(name: str) -> str:
    """What to say of a wait by its name."""
    return _WAITING.get(name, f"waiting for {name}")


def timeouts(events: Sequence[Event], ours: Side | None) -> Iterator[Row]:
    """The waits that ran out, where they did."""
    for event in events:
        if event.kind is Kind.TIMEOUT:
            row = Row(at_ns=event.at_ns, wire=_ran_out(event, ours))
            named = ours is not None and event.detail and event.waited_ns is not None
            yield row.saying(ours, waiting(event.detail)) if ours and named else row


def _ran_out(event: Event, ours: Side | None) -> Pause:
    if event.waited_ns is None:
        told = event.detail or f"{event.sender.value} silent"
        labels = (f"{told}: {event.note}", told) if event.note else (told,)
    elif ours is None:
        labels = (f"{event.sender.value} silent for {duration(event.waited_ns)}",)
    else:
        labels = (f"timed out after {duration(event.waited_ns)}", duration(event.waited_ns))
    return Pause(labels=labels, timed_out=True)
