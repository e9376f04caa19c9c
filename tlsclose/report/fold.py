"""Events -> arrows: told once, runs joined, the handshake and long middles folded into one row."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from tlsclose.core.event import ON_THE_WIRE, STRAY_RESET, Event, Handshake, Kind, Side, Source
from tlsclose.core.frozen import dataclass
from tlsclose.report.amount import NS_PER_MS, duration, number, plural, rough, size
from tlsclose.report.labels import labels, notes, stroke
from tlsclose.report.picture import Arrow, Band, Row, Stroke

LASTING_NS: Final = 5 * NS_PER_MS
"""A run of records that took longer says so."""

KEPT: Final = 3
"""Data rows shown at either end of a long exchange."""

_DATA: Final = frozenset({Kind.APP_DATA, Kind.RECORD})
_REPEATED: Final = _DATA | {Kind.HANDSHAKE}
_ENDINGS: Final = frozenset({Kind.CLOSE_NOTIFY, Kind.ALERT, Kind.FIN, Kind.RST})
_TRUST: Final = (ON_THE_WIRE, frozenset({Source.PROVIDER}), frozenset({Source.SOCKET}))
"""Witnesses by rank: a fact is drawn by the best of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """One row of wire traffic and what it stands for."""

    kinds: frozenset[Kind]
    sender: Side | None
    """None for a fold of both directions."""
    row: Row


def strands(events: Sequence[Event], *, tls13: bool, verbosity: int) -> list[Strand]:
    """Everything that has to be drawn on the wire, in order. Timeouts are not: they are waits."""
    shown = _without_echoes(events) if verbosity < 2 else list(events)
    shown = _marked_late([event for event in shown if event.kind is not Kind.TIMEOUT])
    drawer = _Drawer(tls13=tls13, absent=_absent(events), verbosity=verbosity)
    if verbosity >= 1:
        return [drawer.arrow([event]) for event in shown]
    handshake, rest = _handshake(shown)
    folded = _long_middles(list(_runs(rest)))
    drawn = [drawer.strand(group) for piece in folded for group in _packets(piece)]
    return drawn if not handshake else _placed(drawer.handshake(handshake), drawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawer:
    tls13: bool
    absent: dict[Source, str]
    """What to say of a witness that should not have had to speak."""
    verbosity: int

    def strand(self, group: list[Event]) -> Strand:
        one_way = len({event.sender for event in group}) == 1
        return self.arrow(group) if one_way and _together(group) else self._middle(group)

    def arrow(self, group: list[Event]) -> Strand:
        last = group[-1]
        row = Row(
            at_ns=group[0].at_ns,
            until_ns=max(map(_end, group)),
            wire=_drawn(group),
            notes=tuple(text for event in group for text in self._notes(event)),
            closing=any(_closes(event, tls13=self.tls13) for event in group),
        )
        kinds = frozenset(event.kind for event in group)
        return Strand(kinds=kinds, sender=last.sender, row=row)

    def _notes(self, event: Event) -> tuple[str, ...]:
        texts = (self.absent.get(event.source, ""), *notes(event, verbosity=self.verbosity))
        lasted = _end(event) - event.at_ns
        shown = lasted >= LASTING_NS or (event.count > 1 and self.verbosity >= 1)
        run = f"in {duration(lasted)}" if shown else ""
        packet = f"packet {event.packet}" if self.verbosity >= 2 and event.packet else ""
        return tuple(filter(None, (run, *texts, packet)))

    def _middle(self, group: list[Event]) -> Strand:
        count = sum(event.count for event in group)
        volume = sum(event.bytes for event in group)
        length = duration(max(map(_end, group)) - group[0].at_ns)
        names = (
            f"… {number(count)} data records, {size(volume)}, {length}",
            f"… {number(count)} data, {size(volume)}",
            f"… {size(volume)}",
        )
        row = Row(
            at_ns=group[0].at_ns,
            until_ns=max(map(_end, group)),
            wire=Band(labels=names),
            notes=(f"in {length}",),
        )
        return Strand(kinds=frozenset({Kind.APP_DATA}), sender=None, row=row)

    def handshake(self, group: list[Event]) -> Strand:
        length = duration(_end(group[-1]) - group[0].at_ns)
        told = [event for event in group if event.detail != Handshake.COMPLETE]
        flights = plural(len(list(groupby(told, key=lambda event: event.sender))), "flight")
        volume = sum(event.bytes for event in told)
        detail = f"{flights}, {rough(volume)}" if volume else flights
        row = Row(
            at_ns=group[0].at_ns,
            until_ns=_end(group[-1]),
            wire=Band(labels=(f"handshake {length}" if told else "handshake complete",)),
            notes=(detail,) if told else (),
        )
        return Strand(kinds=frozenset({Kind.HANDSHAKE}), sender=None, row=row)


def _drawn(group: list[Event]) -> Arrow | Band:
    last = group[-1]
    if last.detail == Handshake.COMPLETE:
        return Band(labels=("handshake complete",))
    names = [labels(event) for event in group]
    joined = tuple(
        ", ".join(name[min(length, len(name) - 1)] for name in names)
        for length in range(max(map(len, names)))
    )
    strokes = [stroke(event) for event in group if stroke(event) is not Stroke.PLAIN]
    return Arrow(sender=last.sender, labels=joined, stroke=(*strokes, Stroke.PLAIN)[0])


def _absent(events: Sequence[Event]) -> dict[Source, str]:
    """Beside records and packets that were seen, a fact that only others tell of is marked."""
    said = {}
    if any(event.source in ON_THE_WIRE for event in events):
        said[Source.PROVIDER] = "told by the TLS API"
    if any(event.packet is not None for event in events):
        said[Source.SOCKET] = "told by the socket"
    return said


def _without_echoes(events: Sequence[Event]) -> list[Event]:
    """Drop what a lesser witness only repeats: same sender, same kind."""
    best: dict[tuple[Side, Kind], int] = {}
    for event in events:
        fact = (event.sender, event.kind)
        best[fact] = min(best.get(fact, len(_TRUST)), _rank(event))
    return [event for event in events if _rank(event) == best[event.sender, event.kind]]


def _rank(event: Event) -> int:
    return next(rank for rank, sources in enumerate(_TRUST) if event.source in sources)


def _marked_late(events: list[Event]) -> list[Event]:
    """Say so beside data that a side sends after its own close_notify, where the wire shows it."""
    notified: set[Side] = set()
    marked = []
    for event in events:
        late = event.kind is Kind.APP_DATA and event.sender in notified and _on_wire(event)
        note = ", ".join(filter(None, (event.note, "after close_notify")))
        marked.append(replace(event, note=note) if late else event)
        if event.kind is Kind.CLOSE_NOTIFY and _on_wire(event):
            notified.add(event.sender)
    return marked


def _on_wire(event: Event) -> bool:
    return event.source in ON_THE_WIRE


def _handshake(events: list[Event]) -> tuple[list[Event], list[Event]]:
    """The events of the first handshake, and all others; a handshake that failed stays whole."""
    end = next(
        (
            position
            for position, event in enumerate(events)
            if event.detail == Handshake.COMPLETE
            or event.kind not in (Kind.HANDSHAKE, Kind.SYN, Kind.GAP)
        ),
        len(events),
    )
    if not _succeeded(events, end):
        return [], events
    head = events[: end + 1]
    handshake = [event for event in head if event.kind is Kind.HANDSHAKE]
    rest = [event for event in head if event.kind is not Kind.HANDSHAKE]
    return handshake, rest + events[end + 1 :]


def _succeeded(events: list[Event], end: int) -> bool:
    after = events[end : end + 1]
    return any(event.detail == Handshake.COMPLETE or event.kind in _DATA for event in after)


def _placed(strand: Strand, others: list[Strand]) -> list[Strand]:
    return sorted([*others, strand], key=lambda item: item.row.at_ns)


def _runs(events: Iterable[Event]) -> Iterator[Event]:
    """Join neighbouring data of one sender, and handshake messages that are alike (tickets)."""

    def run(event: Event) -> tuple[object, ...]:
        if event.kind not in _REPEATED:
            return (id(event),)
        detail = event.detail if event.kind is Kind.HANDSHAKE else ""
        return (event.sender, event.kind, event.source, event.note, detail)

    for _, group in groupby(events, key=run):
        yield _joined(list(group))


def _joined(group: list[Event]) -> Event:
    if len(group) == 1:
        return group[0]
    return replace(
        group[0],
        count=sum(event.count for event in group),
        bytes=sum(event.bytes for event in group),
        until_ns=max(map(_end, group)),
    )


def _long_middles(events: list[Event]) -> list[list[Event]]:
    """Split into pieces to draw; of a long back and forth of data the middle is one piece."""
    pieces: list[list[Event]] = []
    for is_data, group in groupby(events, key=lambda event: event.kind in _DATA):
        stretch = list(group)
        if is_data and len(stretch) > 2 * KEPT + 2:
            pieces += [[event] for event in stretch[:KEPT]]
            pieces += [stretch[KEPT:-KEPT]]
            pieces += [[event] for event in stretch[-KEPT:]]
        elif is_data:
            pieces += [[event] for event in stretch]
        else:
            pieces.append(stretch)
    return pieces


def _packets(piece: list[Event]) -> Iterator[list[Event]]:
    """Endings that one packet carried together share a row; a folded middle stays whole."""
    if piece[0].kind in _DATA:
        yield piece
        return

    def place(event: Event) -> tuple[object, ...]:
        alone = event.packet is None or event.kind not in _ENDINGS
        return (id(event),) if alone else (event.sender, event.packet)

    for _, group in groupby(piece, key=place):
        yield list(group)


def _together(group: list[Event]) -> bool:
    return len(group) == 1 or group[0].kind in _ENDINGS


def _closes(event: Event, *, tls13: bool) -> bool:
    if event.kind is Kind.ALERT:
        return event.alert is None or event.alert.is_error(tls13=tls13)
    return event.kind in _ENDINGS and event.detail != STRAY_RESET


def _end(event: Event) -> int:
    return event.at_ns if event.until_ns is None else event.until_ns
