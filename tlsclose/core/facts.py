"""What judges ask of an event, as one number: very many events come to few different facts.

No rule asks at what time, in which packet or with how much data something happened, only what, by
whom and by which witness; that, and the order, is all that a fact is. What a reset's note says is
quoted and not asked for, so a fact only tells that there is one.
"""

from typing import Final, NamedTuple

from tlsclose.core.alert import Alert
from tlsclose.core.event import Event, Kind, Side, Source

MAX_FACTS: Final = 2**16
"""Details are free text: so many different facts get a number."""

_RST: Final = Kind.RST


class Fact(NamedTuple):
    """The part of an event that is asked for."""

    sender: Side
    kind: Kind
    source: Source
    detail: str = ""
    alert: Alert | None = None
    noted: bool = False
    """A reset with a note."""


_FACTS: Final[list[Fact]] = []
_NUMBERS: Final[dict[Fact, int]] = {}


def number_of(fact: Fact) -> int | None:
    """The fact's number in this process; None where there are too many."""
    number = _NUMBERS.get(fact)
    if number is None and len(_FACTS) < MAX_FACTS:
        number = _NUMBERS[fact] = len(_FACTS)
        _FACTS.append(fact)
    return number


def fact_of(event: Event) -> Fact:
    """What is asked for of an event."""
    kind = event.kind
    noted = kind is _RST and bool(event.note)
    return Fact(event.sender, kind, event.source, event.detail, event.alert, noted)


def events_of(numbers: tuple[int, ...]) -> tuple[Event, ...]:
    """Events that come to these facts, in this order; the notes say only `mark`."""
    events = []
    notes = 0
    for place, number in enumerate(numbers):
        sender, kind, source, detail, alert, noted = _FACTS[number]
        events.append(
            Event(
                at_ns=place,
                sender=sender,
                kind=kind,
                source=source,
                detail=detail,
                alert=alert,
                packet=place + 1,
                note=mark(notes) if noted else "",
            )
        )
        notes += noted
    return tuple(events)


def mark(note: int) -> str:
    """What stands for a stream's note of this number, from 0."""
    return f"\0{note}\0"
