"""What the rules look at, and the questions that several of them ask."""

from typing import TYPE_CHECKING, Final

from tlsclose.core.event import ON_THE_WIRE, Event, Handshake, Kind, Side, Source
from tlsclose.core.frozen import dataclass
from tlsclose.core.gathered import Gathered
from tlsclose.core.teardown import HalfClose, Teardown

if TYPE_CHECKING:
    from tlsclose.core.message import Message

_HANDSHAKE: Final = Kind.HANDSHAKE
_COMPLETE: Final = Handshake.COMPLETE
_PROVIDER: Final = Source.PROVIDER
_APP_DATA: Final = Kind.APP_DATA
_RECORDS: Final = (Kind.RECORD, Kind.APP_DATA, Kind.ALERT, Kind.CLOSE_NOTIFY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the rules look at; `case_of` makes one."""

    events: tuple[Event, ...]
    seen: Gathered
    """The index of `events`."""
    teardown: Teardown
    message: "Message | None"
    tls13: bool
    """Whether the rules of TLS 1.3 apply: also where the version is not known."""
    up: int | None
    """Index of the event that completed the handshake."""
    provider_testified: bool
    """Whether one end's TLS API is among the witnesses: it lacks neither packets nor keys."""

    @property
    def handshake_complete(self) -> bool:
        return self.up is not None

    def side_of(self, index: int) -> Side:
        return self.events[index].sender


def case_of(seen: Gathered, teardown: Teardown, *, tls13: bool, message: "Message | None") -> Case:
    return Case(
        events=seen.events,
        seen=seen,
        teardown=teardown,
        message=message,
        tls13=tls13,
        up=seen.first(_HANDSHAKE, _COMPLETE),
        provider_testified=_PROVIDER in seen.sources,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A rule that applies: whom it blames, in which words, by which events."""

    summary: str
    evidence: tuple[int, ...]
    blame: Side | None = None
    rule: str | None = None
    """Instead of the citation that the code has."""
    inferred: bool = False
    """The facts are known, but not that they mean this."""


def halves(case: Case) -> tuple[HalfClose, HalfClose]:
    return case.teardown.client, case.teardown.server


def both_notified(case: Case) -> bool:
    return case.teardown.client.notified and case.teardown.server.notified


def before(mark: int | None, index: int) -> bool:
    return mark is not None and mark < index


def ending(half: HalfClose) -> tuple[str, int]:
    """How a half that is not open ended, in words, and the event that proves it."""
    for index, words in (
        (half.fatal, "a fatal alert"),
        (half.close_notify, "close_notify"),
        (half.fin, "FIN"),
        (half.rst, "RST"),
    ):
        if index is not None:
            return words, index
    raise ValueError("the half is still open")


def notifications(case: Case) -> tuple[int, ...]:
    return tuple([half.close_notify for half in halves(case) if half.close_notify is not None])


def first_reset(case: Case) -> int | None:
    return _earlier(case.teardown.client.rst, case.teardown.server.rst)


def _earlier(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def both_notified_before(case: Case, reset: int) -> bool:
    """Both close_notify were out. The resetting side's own precedes its RST in its stream."""
    sender = case.side_of(reset)
    other = case.teardown[sender.other]
    if other.close_notify is None or not case.teardown[sender].notified:
        return False
    return other.place(other.close_notify) < reset


def first_fin_premature(case: Case, before: int | None = None) -> int | None:
    """Index of the first FIN if its sender sent no close_notify, optionally before an event."""
    index = _earlier(case.teardown.client.fin, case.teardown.server.fin)
    if index is None or (before is not None and index > before):
        return None
    return None if case.teardown[case.side_of(index)].notified else index


def alert_name(case: Case, index: int) -> str:
    event = case.events[index]
    return event.alert.name if event.alert is not None else event.detail or "not readable"


def waited(event: Event) -> str:
    return "in time" if event.waited_ns is None else f"within {event.waited_ns / 1e9:.3g} s"


def application_data(case: Case, side: Side) -> int | None:
    """First application data of a side; the wire's word goes before that of slower witnesses."""
    indices = case.seen[side].get(_APP_DATA, ())
    wire = [index for index in indices if case.events[index].source in ON_THE_WIRE]
    return min(wire or indices, default=None)


def last_record(case: Case, side: Side) -> int | None:
    own = case.seen[side]
    return max([own[kind][-1] for kind in _RECORDS if kind in own], default=None)
