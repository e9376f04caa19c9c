"""Where in a stream each side's facts of each kind stand: gathered once, asked by every rule."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.core.frozen import dataclass

Places = Mapping[Kind, Sequence[int]]
"""Indices into the events by kind, in order; a kind of which there is none is absent."""

_CLIENT: Final = Side.CLIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """One stream of events and its index."""

    events: tuple[Event, ...]
    client: Places
    server: Places
    kinds: AbstractSet[Kind]
    """Of either side."""
    sources: AbstractSet[Source]
    """The witnesses that told of anything."""

    def __getitem__(self, side: Side) -> Places:
        return self.client if side is _CLIENT else self.server

    def every(self, kind: Kind) -> list[int]:
        """Indices of both sides' events of a kind, in the stream's order."""
        if kind not in self.kinds:
            return []
        return sorted((*self.client.get(kind, ()), *self.server.get(kind, ())))

    def first(self, kind: Kind, detail: str | None = None) -> int | None:
        """Index of either side's first event of a kind."""
        if kind not in self.kinds:
            return None
        for index in self.every(kind):
            if detail is None or self.events[index].detail == detail:
                return index
        return None


def gather(events: Sequence[Event]) -> Gathered:
    """Index a stream made by `event.ordered`."""
    client: defaultdict[Kind, list[int]] = defaultdict(list)
    server: defaultdict[Kind, list[int]] = defaultdict(list)
    for index, event in enumerate(events):
        (client if event.sender is _CLIENT else server)[event.kind].append(index)
    return Gathered(
        events=tuple(events),
        client=client,
        server=server,
        kinds=client.keys() | server.keys(),
        sources={event.source for event in events},
    )
