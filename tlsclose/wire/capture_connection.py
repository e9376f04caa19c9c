"""One TCP connection of a capture, open or reported."""

from dataclasses import replace
from typing import Final

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.wire.follower import ConnectionFollower, Followed
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.outline import Outline
from tlsclose.wire.packets import Address, Segment, TcpFlags
from tlsclose.wire.reassembly import Held, Stamp
from tlsclose.wire.streams import TcpConnection

Ends = tuple[Address, Address]

NOTED_NS: Final = 1_000_000
"""Time stamps of several interfaces differ by less without anyone's clock being set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedConnection:
    """One connection of a capture."""

    client: Address
    server: Address
    started_at_ns: int
    """Of its first packet, nanoseconds since the Unix epoch; the events count from here."""
    first_packet: int
    """Its number in the capture, from 1."""
    followed: Followed | Outline
    bytes: int
    """On the wire, with all headers."""


class OpenConnection:
    """A connection that more packets may belong to."""

    def __init__(
        self, keys: KeyLog, ends: Ends, at_ns: int, number: int, held: Held | None = None
    ) -> None:
        self.ends = ends
        self.started_ns = self.last_ns = at_ns
        self.first_packet = number
        self.bytes = 0
        self.over = False
        self._keys = keys
        self._held = held
        self._tcp: TcpConnection | None = None
        self._follower: ConnectionFollower | None = None
        self._ending = False
        self._set_back_ns = 0
        self._syns: dict[bool, int] = {}

    @property
    def tcp(self) -> TcpConnection:
        """Made when first needed."""
        if self._tcp is None:
            self._tcp = self._new_tcp()
        return self._tcp

    @property
    def client(self) -> Address | None:
        """None while it is not settled."""
        return self.tcp.client

    @property
    def follower(self) -> ConnectionFollower:
        """Made when first needed."""
        if self._follower is None:
            self._follower = ConnectionFollower(self._keys, tcp=self.tcp)
        return self._follower

    def segment(self, at_ns: int, number: int, segment: Segment) -> None:
        """Take its next packet, at nanoseconds since `started_ns`."""
        self.follower.segment(at_ns, number, segment)

    def in_order(self, stamp: Stamp, sender: Side, data: bytes) -> None:
        """Take a packet's payload that is known to come next; its headers are told otherwise."""
        self.follower.in_order(stamp, sender, data)

    def idle(self, sender: Side) -> int:
        """So many of a side's next bytes need not be seen; the one behind them does."""
        return self.follower.tls.idle(sender)

    def pass_over(self, stamp: Stamp, sender: Side, size: int) -> None:
        """Take bytes that need not be seen, at most `idle`; the last of them came at `stamp`."""
        self.follower.tls.pass_over(stamp, sender, size)

    def side(self, *, forward: bool) -> Side:
        """Which side the first or the second end is, once the client is known."""
        end = self.ends[0] if forward else self.ends[1]
        return Side.CLIENT if end == self.client else Side.SERVER

    def replaced_by(self, *, forward: bool, sequence: int, flags: int) -> bool:
        """Whether a SYN opens another connection: it repeats none that was seen here."""
        known = self._syns.get(forward)
        if known is not None:
            return known != sequence
        if flags & TcpFlags.ACK:
            return self.over
        tcp = self.tcp
        if tcp.client is None:
            return True
        base = tcp.half(self.side(forward=forward)).base
        return base is not None and base != (sequence + 1) % 2**32

    def clock(self, at_ns: int) -> int:
        """The next packet's time: that of the packet before it where the clock was set back."""
        self._set_back_ns = max(self._set_back_ns, self.last_ns - at_ns)
        return max(at_ns, self.last_ns)

    def note_flags(self, *, forward: bool, sequence: int, flags: int) -> None:
        """Remember what matters for the end of the connection and for its ports' next use."""
        if flags & TcpFlags.SYN:
            self._syns.setdefault(forward, sequence)
        if flags & (TcpFlags.FIN | TcpFlags.RST):
            self._ending = True

    def take(self, at_ns: int, number: int, size: int, segment: Segment, *, forward: bool) -> None:
        """Follow its next packet, of `size` bytes on the wire."""
        self.note_flags(forward=forward, sequence=segment.seq, flags=segment.flags)
        self.last_ns = at_ns = self.clock(at_ns)
        self.bytes += size
        self.segment(at_ns - self.started_ns, number, segment)

    def ended(self) -> bool:
        """Whether `over` has changed: it came to its end, or outlived what looked like one."""
        if not self._ending or self.over == (over := self._came_to_end()):
            return False
        self.over = over
        return True

    def finish(self, note: str = "") -> FollowedConnection:
        """No more will come."""
        followed = self._outcome()
        notes = [*followed.notes, *self._clock_notes(), *([note] if note else [])]
        if len(notes) > len(followed.notes):
            followed = replace(followed, notes=tuple(notes))
        one, other = self.ends
        client = self.client or one
        return FollowedConnection(
            client=client,
            server=other if client == one else one,
            started_at_ns=self.started_ns,
            first_packet=self.first_packet,
            followed=followed,
            bytes=self.bytes,
        )

    def _new_tcp(self) -> TcpConnection:
        return TcpConnection(held=self._held)

    def _came_to_end(self) -> bool:
        return self.tcp.over

    def _outcome(self) -> Followed | Outline:
        return self.follower.finish()

    def _clock_notes(self) -> list[str]:
        if self._set_back_ns < NOTED_NS:
            return []
        size = f"{self._set_back_ns / 1e9:.3f} s"
        return [f"the capture's clock went back by {size}: packets are told in its order"]
