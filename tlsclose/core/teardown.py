"""Half-states of a connection and the walk that finds them.

Each side has its own sending direction, and each is taken down on its own (RFC 9846 6.1,
RFC 9293 3.6). The walk reads one side's facts in the order of its byte stream and moves that
side's half through the table below. It never knows which side is us.

The three witnesses often tell the same fact twice: a FIN is a packet and an end of file. Where the
wire saw a kind of fact of a side, the wire's account gives its place and time; the TLS API or the
socket is heard where the wire is silent. Within one side FIN follows everything in the stream and
RST follows FIN, whatever the clock of a slower witness says.

An alert that is only inferred is believed while nothing speaks against it: it must be the last word
of its side on the wire, and an error alert that the TLS API told of outranks it.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from tlsclose.core.event import ON_THE_WIRE, STRAY_RESET, Event, Kind, Side, Source
from tlsclose.core.frozen import dataclass


class Half(StrEnum):
    """How far one side's sending direction was taken down."""

    OPEN = "open"
    """Nothing yet."""
    NOTIFIED = "notified"
    """close_notify sent, TCP still open."""
    CLOSED = "closed"
    """close_notify, then FIN: the proper end."""
    PREMATURE = "premature"
    """FIN without close_notify."""
    ABORTED = "aborted"
    """A fatal alert other than close_notify."""
    RESET = "reset"
    """RST without close_notify."""
    NOTIFIED_RESET = "notified-reset"
    """close_notify, then RST instead of FIN."""


TRANSITIONS: Final[dict[Half, dict[Kind, Half]]] = {
    Half.OPEN: {
        Kind.CLOSE_NOTIFY: Half.NOTIFIED,
        Kind.ALERT: Half.ABORTED,
        Kind.FIN: Half.PREMATURE,
        Kind.RST: Half.RESET,
    },
    Half.NOTIFIED: {Kind.FIN: Half.CLOSED, Kind.RST: Half.NOTIFIED_RESET},
    Half.CLOSED: {},
    Half.PREMATURE: {},
    Half.ABORTED: {},
    Half.RESET: {},
    Half.NOTIFIED_RESET: {},
}
"""What moves a half; every pair not listed leaves it where it is. ALERT: error alerts only."""

_CLOSING: Final = (Kind.ALERT, Kind.CLOSE_NOTIFY, Kind.FIN, Kind.RST)
_SEEN: Final = (Source.WIRE, Source.DECRYPTED)
_DATA: Final = (Kind.APP_DATA, Kind.RECORD)
_STREAM_RANK: Final = {Kind.FIN: 1, Kind.RST: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfClose:
    """One side's close. The `int` fields are indices into the report's events."""

    half: Half = Half.OPEN
    close_notify: int | None = None
    fin: int | None = None
    rst: int | None = None
    fatal: int | None = None
    """First error alert."""
    late_data: int | None = None
    """First application data after this side's own close_notify."""
    repeated: tuple[int, ...] = ()
    """close_notify alerts after the first."""

    @property
    def notified(self) -> bool:
        return self.close_notify is not None

    @property
    def marks(self) -> tuple[int, ...]:
        """First error alert, close_notify, FIN and RST, as far as they came."""
        marks = (self.fatal, self.close_notify, self.fin, self.rst)
        return tuple(mark for mark in marks if mark is not None)

    def place(self, index: int) -> int:
        """Where an alert of this half stood among all events: never after the half's FIN or RST.

        A witness that is slower than the wire tells of the alert after the FIN that followed it.
        """
        return min(mark for mark in (index, self.fin, self.rst) if mark is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teardown:
    """Both halves, and who began."""

    client: HalfClose = HalfClose()
    server: HalfClose = HalfClose()
    first_closer: Side | None = None
    """Sender of the first close_notify, error alert, FIN or RST."""
    answer_ns: int | None = None
    """From the first close_notify to the other side's; None where there was no second."""

    def __getitem__(self, side: Side) -> HalfClose:
        return self.client if side is Side.CLIENT else self.server


def walk(events: Sequence[Event], *, tls13: bool) -> Teardown:
    """Find both halves' states in a stream made by `event.ordered`."""
    places = [index for index, event in enumerate(events) if event.kind in _CLOSING]
    halves = {side: _walk_half(events, places, side, tls13=tls13) for side in Side}
    client, server = halves[Side.CLIENT], halves[Side.SERVER]
    return Teardown(
        client=client,
        server=server,
        first_closer=_first_closer(events, halves),
        answer_ns=_answer_ns(events, client, server),
    )


def _walk_half(
    events: Sequence[Event], places: Sequence[int], side: Side, *, tls13: bool
) -> HalfClose:
    facts = _facts(events, places, side, tls13=tls13)
    half = Half.OPEN
    first: dict[Kind, int] = {}
    repeated: list[int] = []
    for index in facts:
        kind = events[index].kind
        half = TRANSITIONS[half].get(kind, half)
        if kind is Kind.CLOSE_NOTIFY and kind in first:
            repeated.append(index)
        first.setdefault(kind, index)
    return HalfClose(
        half=half,
        close_notify=first.get(Kind.CLOSE_NOTIFY),
        fin=first.get(Kind.FIN),
        rst=first.get(Kind.RST),
        fatal=first.get(Kind.ALERT),
        late_data=_late_data(events, side, first.get(Kind.CLOSE_NOTIFY)),
        repeated=tuple(repeated),
    )


def _facts(events: Sequence[Event], places: Sequence[int], side: Side, *, tls13: bool) -> list[int]:
    """Indices of one side's closing facts, each told once, in stream order."""
    own = [index for index in places if events[index].sender is side]
    told = [index for kind in _CLOSING for index in _told(events, own, kind, tls13=tls13)]
    return sorted(told, key=lambda index: (_STREAM_RANK.get(events[index].kind, 0), index))


def _told(events: Sequence[Event], own: Sequence[int], kind: Kind, *, tls13: bool) -> list[int]:
    """The best witness's account of one kind of fact of one side."""
    seen: list[int] = []
    inferred: list[int] = []
    heard: list[int] = []
    for index in _accounts(events, own, kind, tls13=tls13):
        source = events[index].source
        if source is Source.INFERRED:
            inferred.append(index)
        else:
            (seen if source in ON_THE_WIRE else heard).append(index)
    if seen:
        return seen
    if inferred and _believed(events, own, inferred[-1], tls13=tls13):
        return inferred[-1:]
    return heard


def _accounts(events: Sequence[Event], own: Sequence[int], kind: Kind, *, tls13: bool) -> list[int]:
    return [
        index for index in own if events[index].kind is kind and _ends(events[index], tls13=tls13)
    ]


def _believed(events: Sequence[Event], own: Sequence[int], inferred: int, *, tls13: bool) -> bool:
    """Whether an inferred alert is its side's last word and the TLS API does not contradict it."""
    told = {
        kind
        for kind in (Kind.ALERT, Kind.CLOSE_NOTIFY)
        for index in _accounts(events, own, kind, tls13=tls13)
        if events[index].source not in ON_THE_WIRE
    }
    side = events[inferred].sender
    return (not told or events[inferred].kind in told) and not any(
        event.sender is side and event.kind in _DATA and event.source in ON_THE_WIRE
        for event in events[inferred + 1 :]
    )


def _ends(event: Event, *, tls13: bool) -> bool:
    if event.kind is Kind.RST:
        return event.detail != STRAY_RESET
    if event.kind is not Kind.ALERT or event.alert is None:
        return True
    return event.alert.is_error(tls13=tls13)


def _late_data(events: Sequence[Event], side: Side, close_notify: int | None) -> int | None:
    """Only the wire can tell: both facts must be its own, for clocks of witnesses differ.

    A sealed alert with data after it is no proof: more likely it was something else.
    """
    if close_notify is None or events[close_notify].source not in _SEEN:
        return None
    return next(
        (
            index
            for index in range(close_notify + 1, len(events))
            if events[index].sender is side
            and events[index].kind is Kind.APP_DATA
            and events[index].source in ON_THE_WIRE
        ),
        None,
    )


def _first_closer(events: Sequence[Event], halves: dict[Side, HalfClose]) -> Side | None:
    marks = [(index, side) for side, half in halves.items() for index in half.marks]
    return min(marks, key=lambda mark: (events[mark[0]].at_ns, mark[0]))[1] if marks else None


def _answer_ns(events: Sequence[Event], client: HalfClose, server: HalfClose) -> int | None:
    if client.close_notify is None or server.close_notify is None:
        return None
    return abs(events[client.close_notify].at_ns - events[server.close_notify].at_ns)
