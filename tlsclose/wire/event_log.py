"""The events of one connection as they are found, with runs of like records folded into one.

Bounded: past `MAX_EVENTS` the facts of one side and kind (and alert) are counted in one event
until the next close_notify, FIN or RST, so that a peer cannot make the log grow without end.
"""

from typing import Final

from tlsclose.core.alert import Alert
from tlsclose.core.event import Event, Kind, Side, Source, ordered
from tlsclose.wire.reassembly import Stamp

MAX_EVENTS: Final = 2000
FOLD_NS: Final = 5_000_000
"""Records of one side that are closer than this become one event."""

_Crowd = tuple[Side, Kind, Alert | None]
_DATA: Final = frozenset({Kind.APP_DATA, Kind.RECORD})
_MILESTONES: Final = frozenset({Kind.CLOSE_NOTIFY, Kind.FIN, Kind.RST})


class _Run:
    """Records that are still being folded: an event that is not yet made."""

    __slots__ = ("at_ns", "bytes", "count", "detail", "kind", "packet", "sender", "source", "until")

    def __init__(
        self,
        stamp: Stamp,
        sender: Side,
        kind: Kind,
        source: Source,
        *,
        detail: str,
        size: int,
        count: int,
        until: Stamp,
    ) -> None:
        self.at_ns = stamp.at_ns
        self.until, self.packet = until
        self.sender = sender
        self.kind = kind
        self.source = source
        self.detail = detail
        self.bytes = size
        self.count = count

    def event(self) -> Event:
        return Event(
            at_ns=self.at_ns,
            sender=self.sender,
            kind=self.kind,
            source=self.source,
            detail=self.detail,
            bytes=self.bytes,
            count=self.count,
            until_ns=None if self.count == 1 else self.until,
            packet=self.packet,
        )


class EventLog:
    """Collects events in any order."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._run: _Run | None = None
        self._crowds: dict[_Crowd, int] = {}

    def add(self, event: Event, *, fold: bool = True) -> int | None:
        """Take one event; return its index for `amend`, None where it was folded into another.

        Data and sealed records are folded into the event before them unless `fold` says no.
        """
        if self._run is not None:
            self._settle()
        if event.kind in _DATA and fold and self._continues(event):
            self._merge(len(self._events) - 1, event)
            return None
        if len(self._events) >= MAX_EVENTS:
            return self._crowd(event)
        self._events.append(event)
        return len(self._events) - 1

    def add_data(
        self,
        stamp: Stamp,
        sender: Side,
        kind: Kind,
        source: Source,
        *,
        detail: str,
        size: int,
        count: int = 1,
        until: Stamp | None = None,
    ) -> None:
        """Take records of data or of what cannot be read, as `add` takes events of them.

        `count` records of `size` bytes in all, closer together than `FOLD_NS`, the last at `until`.
        """
        last = until or stamp
        run = self._run
        if (
            run is None
            or run.sender is not sender
            or run.kind is not kind
            or run.detail != detail
            or stamp.at_ns - run.until >= FOLD_NS
        ):
            self._settle()
            self._begin(
                _Run(stamp, sender, kind, source, detail=detail, size=size, count=count, until=last)
            )
            return
        run.bytes += size
        run.count += count
        run.until = max(run.until, last.at_ns)
        run.packet = last.number
        if source is Source.INFERRED:
            run.source = source

    def amend(self, index: int, event: Event) -> None:
        """Replace an event."""
        self._settle()
        self._events[index] = event

    def __getitem__(self, index: int) -> Event:
        self._settle()
        return self._events[index]

    def shows(self, sender: Side, kind: Kind) -> bool:
        """Whether there is an event of this side and kind."""
        self._settle()
        return any(event.sender is sender and event.kind is kind for event in self._events)

    def in_packet(self, number: int, sender: Side) -> list[Event]:
        """What one side's packet completed; of a run, its last packet counts."""
        self._settle()
        return [
            event
            for event in reversed(self._events)
            if event.packet == number and event.sender is sender
        ][::-1]

    def ordered(self) -> tuple[Event, ...]:
        """All events by time."""
        self._settle()
        return ordered(self._events)

    def _begin(self, run: _Run) -> None:
        """Fold what follows into this, unless it continues the event before it."""
        if len(self._events) >= MAX_EVENTS or self._continues(run):
            self.add(run.event())
        else:
            self._run = run

    def _settle(self) -> None:
        """Make the event of the run at hand."""
        run, self._run = self._run, None
        if run is not None:
            self._events.append(run.event())

    def _continues(self, event: Event | _Run) -> bool:
        """Whether data goes on as the last event has it."""
        if not self._events:
            return False
        last = self._events[-1]
        return (
            last.kind is event.kind
            and last.sender is event.sender
            and last.detail == event.detail
            and event.at_ns - _end(last) < FOLD_NS
        )

    def _crowd(self, event: Event) -> int | None:
        crowd = (event.sender, event.kind, event.alert)
        index = self._crowds.get(crowd)
        if index is not None:
            self._merge(index, event)
            return None
        if event.kind in _MILESTONES:
            self._crowds = {key: at for key, at in self._crowds.items() if key[1] not in _DATA}
        self._events.append(event)
        self._crowds[crowd] = len(self._events) - 1
        return len(self._events) - 1

    def _merge(self, index: int, event: Event) -> None:
        run = self._events[index]
        self._events[index] = Event(
            at_ns=run.at_ns,
            sender=run.sender,
            kind=run.kind,
            source=Source.INFERRED if event.source is Source.INFERRED else run.source,
            detail=run.detail,
            alert=run.alert,
            bytes=run.bytes + event.bytes,
            count=run.count + event.count,
            until_ns=max(_end(run), _end(event)),
            packet=event.packet,
            waited_ns=run.waited_ns,
            note=run.note,
        )


def _end(event: Event) -> int:
    return event.at_ns if event.until_ns is None else event.until_ns
