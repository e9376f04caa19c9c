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
from tlsclose.core.gathered import Gathered, gather


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

_ALERT: Final = Kind.ALERT
_APP_DATA: Final = Kind.APP_DATA
_CLOSE_NOTIFY: Final = Kind.CLOSE_NOTIFY
_FIN: Final = Kind.FIN
_RST: Final = Kind.RST

_IN_STREAM: Final = (_ALERT, _CLOSE_NOTIFY)
_BEHIND_STREAM: Final = (_FIN, _RST)
_CLOSING: Final = frozenset((*_IN_STREAM, *_BEHIND_STREAM))
_SEEN: Final = frozenset({Source.WIRE, Source.DECRYPTED})
_INFERRED: Final = Source.INFERRED
_DATA: Final = (_APP_DATA, Kind.RECORD)
_OPEN: Final = Half.OPEN
_CLIENT: Final = Side.CLIENT
_SERVER: Final = Side.SERVER


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
        return tuple([mark for mark in marks if mark is not None])

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
        return self.client if side is _CLIENT else self.server


_UNTOUCHED: Final = HalfClose()


def walk(events: Sequence[Event], *, tls13: bool) -> Teardown:
    """Find both halves' states in a stream made by `event.ordered`."""
    return walk_gathered(gather(events), tls13=tls13)


def walk_gathered(seen: Gathered, *, tls13: bool) -> Teardown:
    """Find both halves' states."""
    client = _walk_half(seen, _CLIENT, tls13=tls13)
    server = _walk_half(seen, _SERVER, tls13=tls13)
    return Teardown(
        client=client,
        server=server,
        first_closer=_first_closer(seen.events, client, server),
        answer_ns=_answer_ns(seen.events, client, server),
    )


def _walk_half(seen: Gathered, side: Side, *, tls13: bool) -> HalfClose:
    if _CLOSING.isdisjoint(seen[side]):
        return _UNTOUCHED
    half = _OPEN
    first: dict[Kind, int] = {}
    repeated: list[int] = []
    for index in _facts(seen, side, tls13=tls13):
        kind = seen.events[index].kind
        half = TRANSITIONS[half].get(kind, half)
        if kind is _CLOSE_NOTIFY and kind in first:
            repeated.append(index)
        first.setdefault(kind, index)
    close_notify = first.get(_CLOSE_NOTIFY)
    return HalfClose(
        half=half,
        close_notify=close_notify,
        fin=first.get(_FIN),
        rst=first.get(_RST),
        fatal=first.get(_ALERT),
        late_data=_late_data(seen, side, close_notify),
        repeated=tuple(repeated),
    )


def _facts(seen: Gathered, side: Side, *, tls13: bool) -> list[int]:
    """Indices of one side's closing facts, each told once, in stream order."""
    own = seen[side]
    facts: list[int] = []
    for kind in _IN_STREAM:
        if kind in own:
            facts += _told(seen, side, kind, tls13=tls13)
    facts.sort()
    for kind in _BEHIND_STREAM:
        if kind in own:
            facts += _told(seen, side, kind, tls13=tls13)
    return facts


def _told(seen: Gathered, side: Side, kind: Kind, *, tls13: bool) -> Sequence[int]:
    """The best witness's account of one kind of fact of one side."""
    events = seen.events
    accounts = _accounts(seen, side, kind, tls13=tls13)
    wire = [index for index in accounts if events[index].source in _SEEN]
    if wire:
        return wire
    inferred = [index for index in accounts if events[index].source is _INFERRED]
    if inferred and _believed(seen, side, inferred[-1], tls13=tls13):
        return inferred[-1:]
    return [index for index in accounts if events[index].source not in ON_THE_WIRE]


def _accounts(seen: Gathered, side: Side, kind: Kind, *, tls13: bool) -> Sequence[int]:
    """Those that end something: neither alerts that are no errors nor resets that are ignored."""
    events, places = seen.events, seen[side].get(kind, ())
    if kind is _RST:
        return [index for index in places if events[index].detail != STRAY_RESET]
    if kind is _ALERT:
        return [index for index in places if _is_error(events[index], tls13=tls13)]
    return places


def _is_error(event: Event, *, tls13: bool) -> bool:
    return event.alert is None or event.alert.is_error(tls13=tls13)


def _believed(seen: Gathered, side: Side, inferred: int, *, tls13: bool) -> bool:
    """Whether an inferred alert is its side's last word and the TLS API does not contradict it."""
    events, own = seen.events, seen[side]
    told = {
        kind
        for kind in _IN_STREAM
        for index in _accounts(seen, side, kind, tls13=tls13)
        if events[index].source not in ON_THE_WIRE
    }
    return (not told or events[inferred].kind in told) and not any(
        index > inferred and events[index].source in ON_THE_WIRE
        for kind in _DATA
        for index in own.get(kind, ())
    )


def _late_data(seen: Gathered, side: Side, close_notify: int | None) -> int | None:
    """Only the wire can tell: both facts must be its own, for clocks of witnesses differ.

    A sealed alert with data after it is no proof: more likely it was something else.
    """
    data = seen[side].get(_APP_DATA)
    if close_notify is None or not data or data[-1] < close_notify:
        return None
    events = seen.events
    if events[close_notify].source not in _SEEN:
        return None
    for index in data:
        if index > close_notify and events[index].source in ON_THE_WIRE:
            return index
    return None


def _first_closer(events: Sequence[Event], client: HalfClose, server: HalfClose) -> Side | None:
    marks = [
        (events[index].at_ns, index, side)
        for half, side in ((client, _CLIENT), (server, _SERVER))
        for index in half.marks
    ]
    return min(marks)[2] if marks else None


def _answer_ns(events: Sequence[Event], client: HalfClose, server: HalfClose) -> int | None:
    if client.close_notify is None or server.close_notify is None:
        return None
    return abs(events[client.close_notify].at_ns - events[server.close_notify].at_ns)
