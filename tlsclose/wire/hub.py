"""Gives each connection its own packets out of one sniffer's stream.

The sniffer's thread puts segments into a queue per connection; the connection's thread takes them
out when it has the keys to read them. A connection is born with its first SYN, so its packets are
there before anyone claims it. Queues are bounded: what does not fit is counted as dropped.

Ports are used again: a SYN with another sequence number on a known pair of addresses begins another
connection, and its packets never meet those of the one before.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Condition, Lock
from typing import Final, NamedTuple

from tlsclose.wire.frame import Frame
from tlsclose.wire.packets import Address, Segment, TcpFlags, decode

MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024
"""Per connection; a thread that reads at all stays far below."""
MAX_UNCLAIMED: Final = 4096
MAX_UNCLAIMED_BYTES: Final = 64 * 1024 * 1024
"""Of all connections that nobody has claimed yet."""
PACKET_COST: Final = 256
"""Bytes that a packet is counted as beside its payload."""


class Packet(NamedTuple):
    at_ns: int
    """Nanoseconds since the Unix epoch."""
    number: int
    """Of the packet in the file that is being written, else in the hub's stream; from 1."""
    segment: Segment


class PacketQueue:
    """One connection's packets, in the order of capture."""

    def __init__(self, *, awaits_syn: bool = False) -> None:
        self.opened_by: int | None = None
        """Sequence number of the SYN that began it."""
        self.awaits_syn = awaits_syn
        """Packets before the SYN belong to an earlier connection of these addresses."""
        self.size = 0
        """Bytes queued, each packet counted with `PACKET_COST`."""
        self.dropped = 0
        self._packets: deque[Packet] = deque()
        self._ended: set[tuple[Address, bool]] = set()
        self._changed = Condition()

    def put(self, packet: Packet, limit: int = MAX_QUEUED_BYTES) -> None:
        segment = packet.segment
        cost = len(segment.payload) + PACKET_COST
        with self._changed:
            if self.size + cost > limit:
                self.dropped += 1
            else:
                self._packets.append(packet)
                self.size += cost
            if segment.flags & (TcpFlags.FIN | TcpFlags.RST):
                self._ended.add((segment.src, bool(segment.flags & TcpFlags.RST)))
                self._changed.notify_all()

    def take(self) -> list[Packet]:
        """All packets queued so far."""
        with self._changed:
            packets = list(self._packets)
            self._packets.clear()
            self.size = 0
        return packets

    def wait_for_end(self, wanted: set[tuple[Address, bool]], timeout_s: float) -> bool:
        """Wait for packets that end a direction: pairs of sender and whether it was a RST."""
        with self._changed:
            return self._changed.wait_for(lambda: wanted <= self._ended, timeout_s)


class Hub:
    """Sorts frames by connection; `on_frame` is what a sniffer calls. Safe for several threads."""

    def __init__(self, record: Callable[[Frame], int] | None = None) -> None:
        self._record = record
        self._seen = 0
        self._lock = Lock()
        self._claimed: dict[frozenset[Address], PacketQueue] = {}
        self._unclaimed: OrderedDict[frozenset[Address], PacketQueue] = OrderedDict()
        self._unclaimed_bytes = 0

    def on_frame(self, frame: Frame) -> None:
        """Number a frame, hand it to the file, and its segment to its connection."""
        self._seen += 1
        number = self._seen if self._record is None else self._record(frame)
        segment = decode(frame)
        if segment is None:
            return
        packet = Packet(frame.at_ns, number, segment)
        key = frozenset((segment.src, segment.dst))
        with self._lock:
            if segment.flags & TcpFlags.SYN and not segment.flags & TcpFlags.ACK:
                self._begin(key, segment.seq)
            self._put(key, packet)

    def claim(self, one: Address, other: Address) -> PacketQueue:
        """The queue of a connection between two addresses, born already or not."""
        key = frozenset((one, other))
        with self._lock:
            queue = self._forget(key)
            if queue is None:
                queue = PacketQueue(awaits_syn=key in self._claimed)
            self._claimed[key] = queue
        return queue

    def release(self, one: Address, other: Address, queue: PacketQueue) -> None:
        """Forget a connection; a later one between the same addresses stays."""
        key = frozenset((one, other))
        with self._lock:
            if self._claimed.get(key) is queue:
                del self._claimed[key]

    def _begin(self, key: frozenset[Address], seq: int) -> None:
        """A SYN opens a queue unless it is a repetition, or the first that a claimed one sees."""
        current = self._unclaimed.get(key) or self._claimed.get(key)
        if current is not None and current.opened_by in (None, seq):
            current.opened_by, current.awaits_syn = seq, False
            return
        self._forget(key)
        while len(self._unclaimed) >= MAX_UNCLAIMED:
            self._forget(next(iter(self._unclaimed)))
        queue = self._unclaimed[key] = PacketQueue()
        queue.opened_by = seq

    def _put(self, key: frozenset[Address], packet: Packet) -> None:
        waiting = self._unclaimed.get(key)
        if waiting is not None:
            before = waiting.size
            waiting.put(packet, before + MAX_UNCLAIMED_BYTES - self._unclaimed_bytes)
            self._unclaimed_bytes += waiting.size - before
            return
        queue = self._claimed.get(key)
        if queue is not None and not queue.awaits_syn:
            queue.put(packet)

    def _forget(self, key: frozenset[Address]) -> PacketQueue | None:
        """Take a queue out of those that nobody has claimed."""
        queue = self._unclaimed.pop(key, None)
        if queue is not None:
            self._unclaimed_bytes -= queue.size
        return queue
