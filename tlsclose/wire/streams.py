"""Packets of one TCP connection to stream bytes and TCP facts, in the order they became known."""

from collections import deque
from itertools import chain
from struct import Struct
from typing import Final, NamedTuple

from tlsclose.core.event import Loss, Side
from tlsclose.core.frozen import dataclass
from tlsclose.wire.packets import Address, Segment, TcpFlags
from tlsclose.wire.reassembly import MAX_WINDOW, Chunk, HalfStream, Held, Missing, Stamp

REMEMBERED: Final = 32
_MAX_UNDECIDED: Final = 32
_HELLO_TYPES: Final = {1: True, 2: False}
_FIN_OR_SYN: Final = TcpFlags.FIN | TcpFlags.SYN


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Bytes of one side's stream, in order and without a hole before them."""

    stamp: Stamp
    sender: Side
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Bytes of one side's stream that the capture does not have."""

    stamp: Stamp
    sender: Side
    size: int
    loss: Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Syn:
    """The first SYN of a side."""

    stamp: Stamp
    sender: Side
    flags: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fin:
    """The first FIN of a side."""

    stamp: Stamp
    sender: Side
    flags: int
    size: int
    """Payload bytes in the same segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rst:
    """A RST. Byte counts are as of this moment."""

    stamp: Stamp
    sender: Side
    flags: int
    answers: int | None
    """Packet number of the other side's segment that a closed socket answered with this
    (its sequence number is that segment's acknowledgement number, RFC 9293 3.10.7.1)."""
    unacknowledged: int
    """Bytes of its own that the other side had not acknowledged."""
    ignored: int
    """Bytes of the other side that it had not acknowledged."""
    in_window: bool
    """Whether the other side would accept it (RFC 9293 3.10.7.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlived:
    """A RST of this sender, told as inside the window, ended nothing: both sides went on."""

    stamp: Stamp
    sender: Side


Fact = Extent | Hole | Syn | Fin | Rst | Outlived


class _Sent(NamedTuple):
    number: int
    ack: int
    carries: bool


class _Reset(NamedTuple):
    at: int
    """Its offset; 0 where nothing else is known of its sender."""
    known_end: int
    """Offset up to which its sender claims to have sent; 0 where it claims nothing."""
    behind: int
    """Offset behind all that was sent up to here, its FIN and the RST's own number included."""
    finished: bool
    """A FIN came before it."""


SENT: Final = Struct("=qqq")
"""A segment that was not looked at: number, acknowledgement number, whether it carries anything."""


class _Half:
    def __init__(self, held: Held) -> None:
        self.stream = HalfStream(held)
        self.syn_seen = False
        self.reset: _Reset | None = None
        """The first RST that the other side would accept."""
        self.recent: deque[_Sent] = deque(maxlen=REMEMBERED)
        self._runs: list[bytes] = []

    def remember(self, segments: bytes) -> None:
        """Note segments that were not looked at; may repeat some that were."""
        self._runs.append(segments)
        if len(self._runs) >= REMEMBERED:
            self.recall()

    def recall(self) -> None:
        """Bring `recent` up to date."""
        if not self._runs:
            return
        sent = {item.number: item for item in self.recent}
        for number, ack, carries in chain.from_iterable(map(SENT.iter_unpack, self._runs)):
            sent[number] = _Sent(number, ack, bool(carries))
        self._runs = []
        self.recent.clear()
        self.recent.extend(sent[number] for number in sorted(sent)[-REMEMBERED:])


class TcpConnection:
    """Both directions of one connection.

    `client` is the client's address; where None, the sender of the first SYN or ClientHello, and
    failing both the end with the higher port. Until that is settled segments wait. `held`: shared
    with other connections, to bound what waits in all of them.
    """

    def __init__(self, client: Address | None = None, held: Held | None = None) -> None:
        self.client = client
        self.packets = 0
        held = held or Held()
        self._halves = {side: _Half(held) for side in Side}
        self._undecided: list[tuple[Stamp, Segment]] = []
        self._last = Stamp(0, None)

    def opened(self, side: Side, sequence: int) -> None:
        """A side's SYN came, and not by `segment`: the number behind it."""
        self._halves[side].syn_seen = True
        self._halves[side].stream.begin(sequence)

    def half(self, side: Side) -> HalfStream:
        """One side's stream, for its counters."""
        return self._halves[side].stream

    def began(self, side: Side) -> bool:
        """Whether this side's SYN was captured."""
        return self._halves[side].syn_seen

    @property
    def over(self) -> bool:
        """Whether both sides' bytes up to their FIN are known, or a side was reset."""
        streams = [half.stream for half in self._halves.values()]
        finished = all(
            stream.end is not None and stream.expected >= stream.end for stream in streams
        )
        return finished or any(half.reset for half in self._halves.values())

    def skip(self, stamp: Stamp, packets: int) -> None:
        """Count packets that were not looked at, the last one at `stamp`."""
        self.packets += packets
        self._last = stamp

    def asks_sack(self, side: Side) -> bool:
        """Whether it matters what a side's next segment says of bytes behind a hole."""
        return self.client is None or self._halves[side.other].stream.lacks

    def remember(self, side: Side, segments: bytes) -> None:
        """Note segments of a side, each as `SENT`, the last `REMEMBERED` of them at least: a RST of
        the other side may answer one."""
        self._halves[side].remember(segments)

    def segment(self, stamp: Stamp, segment: Segment) -> list[Fact]:
        """Take one packet; return what it made known."""
        self.packets += 1
        self._last = stamp
        if self.client is None:
            self._undecided.append((stamp, segment))
            self.client = _client_by(segment)
            if self.client is None and len(self._undecided) < _MAX_UNDECIDED:
                return []
            return self._settle()
        return self._take(stamp, segment)

    def finish(self) -> list[Fact]:
        """Declare every hole and hand on what waited behind them."""
        facts = self._settle()
        for side, half in self._halves.items():
            facts += self._facts(
                side, half.stream.close(self._last, half.reset.known_end if half.reset else 0)
            )
        return facts

    def _settle(self) -> list[Fact]:
        waiting, self._undecided = self._undecided, []
        if self.client is None and waiting:
            first = waiting[0][1]
            self.client = max(first.src, first.dst, key=lambda address: address[1])
        return [fact for item in waiting for fact in self._take(*item)]

    def _take(self, stamp: Stamp, segment: Segment) -> list[Fact]:
        side = Side.CLIENT if segment.src == self.client else Side.SERVER
        half, other = self._halves[side], self._halves[side.other]
        if segment.flags & TcpFlags.RST:
            return [self._reset(stamp, side, segment)]
        facts: list[Fact] = []
        sequence = segment.seq
        if segment.flags & TcpFlags.SYN:
            sequence += 1
            facts += self._opening(stamp, side, segment)
        half.stream.begin(sequence)
        if segment.flags & TcpFlags.ACK:
            other.stream.acknowledge(segment.ack)
            if segment.sack and other.stream.lacks:
                other.stream.note_sack(segment.sack)
            if other.reset is not None and self._outlived(other):
                other.reset = None
                facts.append(Outlived(stamp=stamp, sender=side.other))
        carries = bool(segment.payload or segment.flags & _FIN_OR_SYN)
        if stamp.number is not None:
            half.recent.append(_Sent(stamp.number, segment.ack, carries))
        chunks = half.stream.push(stamp, sequence, segment.payload, segment.truncated)
        facts += self._facts(side, [*chunks])
        while half.stream.overflowing():
            facts += self._facts(side, half.stream.give_up_hole())
        if segment.flags & TcpFlags.FIN:
            facts += self._fin(stamp, side, segment, sequence)
        return facts

    def _opening(self, stamp: Stamp, side: Side, segment: Segment) -> list[Fact]:
        half = self._halves[side]
        if half.syn_seen:
            half.stream.retransmitted += 1
            return []
        half.syn_seen = True
        return [Syn(stamp=stamp, sender=side, flags=segment.flags)]

    def _fin(self, stamp: Stamp, side: Side, segment: Segment, sequence: int) -> list[Fact]:
        stream = self._halves[side].stream
        size = len(segment.payload) + segment.truncated
        if not stream.finish_at(stamp, stream.offset(sequence) + size):
            return []
        return [Fin(stamp=stamp, sender=side, flags=segment.flags, size=size)]

    def _reset(self, stamp: Stamp, side: Side, segment: Segment) -> Rst:
        half, other = self._halves[side], self._halves[side.other]
        in_window = self._in_window(half.stream, segment.seq)
        acknowledges = bool(segment.flags & TcpFlags.ACK)
        if in_window and acknowledges:
            other.stream.acknowledge(segment.ack)
        if in_window and half.reset is None:
            half.reset = self._noted(half.stream, segment.seq, claims=acknowledges)
        return Rst(
            stamp=stamp,
            sender=side,
            flags=segment.flags,
            answers=self._answered(side, segment),
            unacknowledged=half.stream.unacknowledged,
            ignored=other.stream.unacknowledged,
            in_window=in_window,
        )

    @staticmethod
    def _in_window(stream: HalfStream, sequence: int) -> bool:
        """Not below what was acknowledged; but a FIN's own number is taken for the one behind it.

        macOS resets with that number where a program is killed, and Linux accepts it. The announced
        windows are not known here, so the largest one bounds the other end.
        """
        if stream.base is None:
            return True
        lowest = stream.acknowledged
        if stream.end is not None and lowest == stream.end + 1:
            lowest = stream.end
        return lowest <= stream.offset(sequence) <= lowest + MAX_WINDOW

    @staticmethod
    def _noted(stream: HalfStream, sequence: int, *, claims: bool) -> _Reset:
        at = 0 if stream.base is None else stream.offset(sequence)
        return _Reset(
            at=at,
            known_end=at if claims else 0,
            behind=max(at, stream.end_sent),
            finished=stream.end is not None,
        )

    @staticmethod
    def _outlived(half: _Half) -> bool:
        """Whether the other side acknowledged what this one sent only after its RST.

        A forged RST that is inside the window but not exact is no end either (RFC 5961 section 3).
        What its sender had in flight reaches no further than the RST's number: what lies beyond, or
        a FIN of another number, was sent by an end that had not reset.
        """
        reset, stream = half.reset, half.stream
        if reset is None:
            return False
        if reset.finished or stream.end is None or stream.end + 1 == reset.at:
            return stream.acknowledged > reset.behind < stream.end_sent
        return stream.acknowledged > stream.end

    def _answered(self, side: Side, segment: Segment) -> int | None:
        if segment.flags & TcpFlags.ACK:
            return None
        half, other = self._halves[side], self._halves[side.other]
        half.recall()
        other.recall()
        since = half.recent[-1].number if half.recent else 0
        matching = [
            sent for sent in other.recent if sent.ack == segment.seq and sent.number > since
        ]
        carrying = [sent for sent in matching if sent.carries]
        return (carrying or matching)[0].number if matching else None

    @staticmethod
    def _facts(side: Side, items: list[Chunk | Missing]) -> list[Fact]:
        facts: list[Fact] = []
        for item in items:
            if isinstance(item, Missing):
                facts.append(Hole(stamp=item.stamp, sender=side, size=item.size, loss=item.loss))
                continue
            if item.data:
                facts.append(Extent(stamp=item.stamp, sender=side, data=item.data))
            if item.missing:
                loss = Loss.NOT_CAPTURED
                facts.append(Hole(stamp=item.stamp, sender=side, size=item.missing, loss=loss))
        return facts


def _client_by(segment: Segment) -> Address | None:
    """The client, where this segment alone tells it."""
    if segment.flags & TcpFlags.SYN:
        return segment.dst if segment.flags & TcpFlags.ACK else segment.src
    payload = segment.payload
    if len(payload) > 5 and payload[:2] == b"\x16\x03" and payload[5] in _HELLO_TYPES:
        return segment.src if _HELLO_TYPES[payload[5]] else segment.dst
    return None
