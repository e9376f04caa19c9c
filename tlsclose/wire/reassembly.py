"""One direction of a TCP connection: segments in any order to bytes in order (RFC 9293 3.4).

Positions are offsets into the direction's byte stream, 0 at the byte after the SYN; sequence
numbers are unwrapped once, against the offset expected next. Where copies overlap, the first one
captured wins. Bytes ahead of a hole wait, within bounds; past those the hole is declared.
"""

from bisect import bisect_left
from typing import Final, NamedTuple

from tlsclose.core.event import Loss

MAX_WAITING_BYTES: Final = 4 * 2**20
"""Payload held behind a hole before the hole is given up."""
MAX_WAITING_CHUNKS: Final = 4096
MAX_HELD_BYTES: Final = 64 * 2**20
"""The same of all streams that share one `Held`."""
CHUNK_BYTES: Final = 256
"""What a chunk takes beside its payload."""
MAX_WINDOW: Final = 2**30
"""Largest window that TCP can announce (RFC 7323 section 2.3); what is further off is not ours."""

_MODULUS: Final = 2**32
_HALF: Final = 2**31


class Stamp(NamedTuple):
    """When, and in which packet (None without packets)."""

    at_ns: int
    number: int | None


class Chunk(NamedTuple):
    """Consecutive bytes of the stream; the last `missing` of them were not captured."""

    stamp: Stamp
    start: int
    data: bytes
    missing: int

    @property
    def end(self) -> int:
        return self.start + len(self.data) + self.missing


class Missing(NamedTuple):
    """A hole that will not be filled."""

    stamp: Stamp
    size: int
    loss: Loss


class Held:
    """What waits behind holes, of any number of streams. `sharers` have one limit together."""

    def __init__(self, sharers: int = 1) -> None:
        self.bytes = 0
        self.sharers = sharers


class HalfStream:
    """Reassembly of the bytes that one side sent."""

    def __init__(self, held: Held) -> None:
        self.base: int | None = None
        """Sequence number of offset 0; None until a segment of either side told it."""
        self.expected = 0
        """Offset up to which the stream was handed on."""
        self.sent = 0
        """End of the highest byte seen."""
        self.claimed = 0
        """Highest offset at which a segment of this side without payload began; a FIN counts."""
        self.acknowledged = 0
        """Highest offset that the other side acknowledged; a FIN counts as one more byte."""
        self.end: int | None = None
        """Offset of the FIN."""
        self.end_stamp = Stamp(0, None)
        self.retransmitted = 0
        """Segments that brought nothing new."""
        self.reordered = 0
        """Segments that came ahead of an earlier byte."""
        self._sacked: tuple[tuple[int, int], ...] = ()
        """The blocks that the other side last said it has got behind a hole."""
        self._waiting: list[Chunk] = []
        self._waiting_bytes = 0
        self._held = held
        self._last: Stamp | None = None

    def begin(self, base: int) -> None:
        """Fix the sequence number of offset 0, unless it is known."""
        if self.base is None:
            self.base = base % _MODULUS

    def offset(self, sequence: int) -> int:
        """Unwrap a sequence number to the offset nearest to the one expected next."""
        behind = (sequence - (self.base or 0) - self.expected) % _MODULUS
        return self.expected + (behind - _MODULUS if behind >= _HALF else behind)

    def acknowledge(self, sequence: int) -> None:
        """Note the other side's acknowledgement number."""
        self.begin(sequence)
        offset = self.offset(sequence)
        if self.acknowledged < offset <= self.expected + MAX_WINDOW:
            self.acknowledged = offset

    def note_sack(self, edges: tuple[int, ...]) -> None:
        """Note which bytes the other side has got behind a hole: where each block begins, ends."""
        offsets = [self.offset(edge) for edge in edges]
        self._sacked = tuple(zip(offsets[::2], offsets[1::2], strict=False))

    @property
    def lacks(self) -> bool:
        """Whether there is a hole, as far as one knows."""
        return bool(self._waiting) or (self.end is not None and self.expected < self.end)

    def finish_at(self, stamp: Stamp, offset: int) -> bool:
        """Note a FIN; False for a repeated one."""
        if self.end is not None or offset > self.expected + MAX_WINDOW:
            return False
        self.end, self.end_stamp = offset, stamp
        return True

    @property
    def end_sent(self) -> int:
        """Offset behind the highest byte seen; a FIN counts as one more byte."""
        return self.sent if self.end is None else max(self.sent, self.end + 1)

    @property
    def unacknowledged(self) -> int:
        """Bytes sent that the other side has not acknowledged."""
        return max(0, self.sent - self.acknowledged)

    def push(self, stamp: Stamp, sequence: int, data: bytes, truncated: int) -> list[Chunk]:
        """Take one segment's payload; return the chunks that are now in order."""
        self.begin(sequence)
        chunk = Chunk(stamp, self.offset(sequence), data, truncated)
        if chunk.end > self.expected + MAX_WINDOW:
            return []
        if chunk.end == chunk.start:
            self.claimed = max(self.claimed, chunk.start)
            return []
        if chunk.end <= self.expected:
            self.retransmitted += not self._is_keep_alive(chunk)
            return []
        self.sent = max(self.sent, chunk.end)
        chunk = _from(chunk, self.expected)
        if not self._waiting and chunk.start == self.expected:
            self.expected, self._last = chunk.end, stamp
            return [chunk]
        self._wait(chunk)
        return self._ready(stamp)

    def continues_at(self, sequence: int) -> bool:
        """Whether bytes with this sequence number come next, and nothing waits for others."""
        return (
            self.base is not None and not self._waiting and self.offset(sequence) == self.expected
        )

    def claims(self, sequence: int) -> bool:
        """Whether an empty segment with this sequence number tells of bytes that did not come."""
        return self.offset(sequence) > max(self.expected, self.claimed)

    def advance(self, stamp: Stamp, size: int) -> None:
        """Take payload of many segments that came in order, the last one at `stamp`."""
        self.expected += size
        self.sent = max(self.sent, self.expected)
        self._last = stamp

    def overflowing(self) -> bool:
        """Whether more waits behind a hole than will be held."""
        if not self._waiting:
            return False
        most = MAX_HELD_BYTES // self._held.sharers
        many = len(self._waiting) > MAX_WAITING_CHUNKS or self._held.bytes > most
        return many or self._waiting_bytes > MAX_WAITING_BYTES

    def give_up_hole(self) -> list[Chunk | Missing]:
        """Declare the first hole lost; return it and the chunks behind it, each at its own time.

        The hole is stamped with the last bytes before it.
        """
        if not self._waiting:
            return []
        first = self._waiting[0]
        result: list[Chunk | Missing] = [*self._lost(self._last or first.stamp, first.start)]
        result += self._ready(None)
        return result

    def close(self, stamp: Stamp, known_end: int) -> list[Chunk | Missing]:
        """Hand on everything that is left, holes included, up to the highest offset known of."""
        result: list[Chunk | Missing] = []
        while self._waiting:
            result += self.give_up_hole()
        if self.end is not None:
            end = max(self.sent, self.end)
        else:
            end = max(self.sent, self.acknowledged, self.claimed, known_end)
        if end > self.expected:
            tail = self.end_stamp if self.end is not None else stamp
            result += self._lost(tail, end)
        return result

    def _is_keep_alive(self, chunk: Chunk) -> bool:
        return chunk.end - chunk.start <= 1 and chunk.end == self.sent

    def _wait(self, chunk: Chunk) -> None:
        self.reordered += chunk.start > self.expected
        at = index = bisect_left(self._waiting, chunk.start, key=lambda item: item.start)
        if at:
            chunk = _from(chunk, self._waiting[at - 1].end)
        merged: list[Chunk] = []
        while chunk.start < chunk.end:
            following = self._waiting[index] if index < len(self._waiting) else None
            if following is None or chunk.start < following.start:
                fresh = _until(chunk, chunk.end if following is None else following.start)
                self._count(len(fresh.data) + CHUNK_BYTES)
                merged.append(fresh)
            if following is None or chunk.end <= following.end:
                break
            chunk = _from(chunk, following.end)
            merged.append(following)
            index += 1
        self._waiting[at:index] = merged

    def _ready(self, stamp: Stamp | None) -> list[Chunk]:
        taken = 0
        result = []
        for chunk in self._waiting:
            if chunk.start != self.expected:
                break
            taken += 1
            self.expected = chunk.end
            self._last = stamp or chunk.stamp
            result.append(chunk._replace(stamp=self._last))
        del self._waiting[:taken]
        if taken:
            self._count(-sum(len(chunk.data) + CHUNK_BYTES for chunk in result))
        return result

    def _count(self, size: int) -> None:
        self._waiting_bytes += size
        self._held.bytes += size

    def _lost(self, stamp: Stamp, end: int) -> list[Missing]:
        start, self.expected = self.expected, end
        seen = min(max(self.acknowledged, start), end)
        loss = Loss.NEVER_ARRIVED if self._missed(seen, end) else Loss.UNSEEN
        parts = ((seen - start, Loss.NOT_CAPTURED), (end - seen, loss))
        return [Missing(stamp, size, loss) for size, loss in parts if size]

    def _missed(self, start: int, end: int) -> bool:
        """Whether the other side has said that it has got bytes behind these, but not these."""
        behind = any(first >= end for first, _ in self._sacked)
        return behind and not any(first < end and last > start for first, last in self._sacked)


def _from(chunk: Chunk, start: int) -> Chunk:
    """The part of a chunk at and after an offset."""
    if start <= chunk.start:
        return chunk
    start = min(start, chunk.end)
    data = chunk.data[start - chunk.start :]
    return Chunk(chunk.stamp, start, data, chunk.end - start - len(data))


def _until(chunk: Chunk, end: int) -> Chunk:
    """The part of a chunk before an offset."""
    if end >= chunk.end:
        return chunk
    data = chunk.data[: end - chunk.start]
    return Chunk(chunk.stamp, chunk.start, data, end - chunk.start - len(data))
