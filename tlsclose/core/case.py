"""What the rules look at, and the questions that several of them ask."""

from dataclasses import field
from typing import TYPE_CHECKING

from tlsclose.core.event import ON_THE_WIRE, Event, Handshake, Kind, Side, Source
from tlsclose.core.frozen import dataclass
from tlsclose.core.record import TlsVersion
from tlsclose.core.teardown import HalfClose, Teardown

if TYPE_CHECKING:
    from tlsclose.core.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the rules look at."""

    events: tuple[Event, ...]
    teardown: Teardown
    version: TlsVersion | None
    message: "Message | None"
    handshake_complete: bool = field(init=False)
    provider_testified: bool = field(init=False)
    """Whether one end's TLS API is among the witnesses: it lacks neither packets nor keys."""

    def __post_init__(self) -> None:
        complete = any(
            event.kind is Kind.HANDSHAKE and event.detail == Handshake.COMPLETE
            for event in self.events
        )
        testified = any(event.source is Source.PROVIDER for event in self.events)
        object.__setattr__(self, "handshake_complete", complete)
        object.__setattr__(self, "provider_testified", testified)

    @property
    def tls13(self) -> bool:
        return self.version in (None, TlsVersion.TLS13)

    def first(
        self, kind: Kind, detail: str | None = None, *, sender: Side | None = None
    ) -> int | None:
        """Index of the first event of a kind."""
        return next(
            (
                index
                for index, event in enumerate(self.events)
                if event.kind is kind
                and detail in (None, event.detail)
                and sender in (None, event.sender)
            ),
            None,
        )

    def side_of(self, index: int) -> Side:
        return self.events[index].sender


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
    return tuple(half.close_notify for half in halves(case) if half.close_notify is not None)


def first_reset(case: Case) -> int | None:
    return min((half.rst for half in halves(case) if half.rst is not None), default=None)


def both_notified_before(case: Case, reset: int) -> bool:
    """Both close_notify were out. The resetting side's own precedes its RST in its stream."""
    sender = case.side_of(reset)
    other = case.teardown[sender.other]
    if other.close_notify is None or not case.teardown[sender].notified:
        return False
    return other.place(other.close_notify) < reset


def first_fin_premature(case: Case, before: int | None = None) -> int | None:
    """Index of the first FIN if its sender sent no close_notify, optionally before an event."""
    fins = [half.fin for half in halves(case) if half.fin is not None]
    index = min(fins, default=None)
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
    indices = [
        index
        for index, event in enumerate(case.events)
        if event.sender is side and event.kind is Kind.APP_DATA
    ]
    wire = [index for index in indices if case.events[index].source in ON_THE_WIRE]
    return min(wire or indices, default=None)


def last_record(case: Case, side: Side) -> int | None:
    kinds = (Kind.RECORD, Kind.APP_DATA, Kind.ALERT, Kind.CLOSE_NOTIFY)
    indices = [
        index
        for index, event in enumerate(case.events)
        if event.sender is side and event.kind in kinds
    ]
    return indices[-1] if indices else None
