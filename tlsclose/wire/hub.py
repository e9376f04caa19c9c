"""Gives each connection its own packets out of one sniffer's stream.

The sniffer's thread puts segments into a queue per connection; the connection's thread takes them
out when it has the keys to read them. A connection is born with its first SYN, so its packets are
there before anyone claims it. Queues are bounded: what does not fit is counted as dropped.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Condition
from typing import Final, NamedTuple

from tlsclose.wire.frame import Frame
from tlsclose.wire.packets import Address, Segment, TcpFlags, decode

MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024
"""Per connection; a thread that reads at all stays far below."""
MAX_UNCLAIMED: Final = 4096


class Packet(NamedTuple):
    at_ns: int
    """Nanoseconds since the Unix epoch."""
    number: int
    """Of the packet in the file that is being written, else in the hub's stream; from 1."""
    segment: Segment


class PacketQueue:
    """One connection's packets, in the order of capture."""

    def __init__(self) -> None:
        self._packets: deque[Packet] = deque()
        self._bytes = 0
        self._ended: set[tuple[Address, bool]] = set()
        self._changed = Condition()
        self.dropped = 0

    def put(self, packet: Packet) -> None:
        segment = packet.segment
        with self._changed:
            if self._bytes > MAX_QUEUED_BYTES:
                self.dropped += 1
            else:
                self._packets.append(packet)
                self._bytes += len(segment.payload)
            if segment.flags & (TcpFlags.FIN | TcpFlags.RST):
                self._ended.add((segment.src, bool(segment.flags & TcpFlags.RST)))
                self._changed.notify_all()

    def take(self) -> list[Packet]:
        """All packets queued so far."""
        with self._changed:
            packets = list(self._packets)
            self._packets.clear()
            self._bytes = 0
        return packets

    def wait_for_end(self, wanted: set[tuple[Address, bool]], timeout_s: float) -> bool:
        """Wait for packets that end a direction: pairs of sender and whether it was a RST."""
        with self._changed:
            return self._changed.wait_for(lambda: wanted <= self._ended, timeout_s)


class Hub:
    """Sorts frames by connection; `on_frame` is what a sniffer calls."""

    def __init__(self, record: Callable[[Frame], int] | None = None) -> None:
        self._record = record
        self._seen = 0
        self._queues: OrderedDict[frozenset[Address], PacketQueue] = OrderedDict()
        self._claimed: set[frozenset[Address]] = set()
        self._changed = Condition()

    def on_frame(self, frame: Frame) -> None:
        segment = decode(frame)
        if segment is None:
            return
        self._seen += 1
        number = self._seen if self._record is None else self._record(frame)
        queue = self._queue(frozenset((segment.src, segment.dst)), segment)
        if queue is not None:
            queue.put(Packet(frame.at_ns, number, segment))

    def claim(self, one: Address, other: Address) -> PacketQueue:
        """The queue of a connection between two addresses, born already or not."""
        key = frozenset((one, other))
        with self._changed:
            self._claimed.add(key)
            return self._queues.setdefault(key, PacketQueue())

    def release(self, one: Address, other: Address) -> None:
        """Forget a connection."""
        key = frozenset((one, other))
        with self._changed:
            self._claimed.discard(key)
            self._queues.pop(key, None)

    def _queue(self, key: frozenset[Address], segment: Segment) -> PacketQueue | None:
        with self._changed:
            queue = self._queues.get(key)
            if queue is None and segment.flags & TcpFlags.SYN:
                self._evict()
                queue = self._queues[key] = PacketQueue()
            return queue

    def _evict(self) -> None:
        if len(self._queues) - len(self._claimed) < MAX_UNCLAIMED:
            return
        oldest = next((key for key in self._queues if key not in self._claimed), None)
        if oldest is not None:
            del self._queues[oldest]
