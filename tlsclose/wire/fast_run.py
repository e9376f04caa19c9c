"""Segments of one connection that all come in order: only those that matter are looked at.

A record header says where the record ends; where nobody wants its body, the segments up to that
place are passed over, by a search in the running total of payload bytes. The segments in which
something begins or ends go the way of every segment, in the order of capture: what comes out is
the same.
"""

from bisect import bisect_left
from typing import Final

import numpy as np

from tlsclose.core.event import Side
from tlsclose.wire.batch import Batch, view
from tlsclose.wire.capture_connection import OpenConnection
from tlsclose.wire.grouping import Grouped
from tlsclose.wire.packets import TcpFlags
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.streams import REMEMBERED, SENT

_NOTHING: Final = 2**62


class View:
    """A grouped batch for plain Python: integers by position, without numpy's price for one.

    `rows` count in the order of connection and time, `places` in that of connection, side, time.
    """

    def __init__(self, batch: Batch, grouped: Grouped) -> None:
        columns, by_side = grouped.columns, grouped.by_side
        packet = columns.index[by_side]
        self.bytes = batch.buffer
        self.buffer = memoryview(batch.buffer)
        self.row = view(by_side)
        self.end = view(grouped.end)
        self.acknowledged = view(grouped.acknowledged)
        self.number = view(packet + batch.first)
        self.at_ns = view(batch.at_ns[packet])
        self.start = view(columns.start[by_side])
        self.size = view(columns.size[by_side])
        self.seq = view(columns.seq[by_side])
        self.forward_before = view(grouped.forward_before)
        carries = (columns.size > 0) | (columns.flags & (TcpFlags.FIN | TcpFlags.SYN) != 0)
        self._sent = np.stack(
            [packet + batch.first, columns.ack[by_side], carries[by_side]], axis=1
        )
        self._sent_bytes = view(self._sent).cast("B")
        reset = (columns.flags & TcpFlags.RST != 0)[by_side]
        self._no_reset = ~reset
        self._resets_before = view(np.concatenate([np.zeros(1, np.int64), np.cumsum(reset)]))

    def stamp(self, place: int, since_ns: int) -> Stamp:
        return Stamp(self.at_ns[place] - since_ns, self.number[place])

    def last_sent(self, first: int, behind: int) -> bytes:
        """What a RST may answer of these places, each segment as `streams.SENT`."""
        if self._resets_before[first] == self._resets_before[behind]:
            first = max(first, behind - REMEMBERED)
            return bytes(self._sent_bytes[first * SENT.size : behind * SENT.size])
        places = np.flatnonzero(self._no_reset[first:behind])[-REMEMBERED:]
        return self._sent[first + places].tobytes()


class Lane:
    """One side's segments in a run, from `place` up to `behind`."""

    def __init__(
        self, seen: View, connection: OpenConnection, side: Side, place: int, behind: int
    ) -> None:
        self.side = side
        self._view = seen
        self._connection = connection
        self._tcp = connection.tcp
        self._limits = place, behind
        self._place = place
        self._behind = behind
        self._begin = self._position = seen.end[place - 1] if place else 0
        self._final = seen.end[behind - 1] if behind > place else self._position

    def clean(self) -> bool:
        """Whether the side's bytes in this run come next in its stream."""
        stream = self._tcp.half(self.side)
        if self._final == self._begin:
            if stream.base is None or self._tcp.half(self.side.other).lacks:
                return False
            return self._place == self._behind or not stream.claims(self._view.seq[self._place])
        first = bisect_left(self._view.end, self._begin + 1, self._place, self._behind)
        return stream.continues_at(self._view.seq[first])

    def seek(self) -> int:
        """Go to the next segment that matters; return its row."""
        if self._position == self._final:
            return _NOTHING
        wanted = self._position + self._connection.idle(self.side) + 1
        if wanted > self._final:
            return _NOTHING
        self._place = bisect_left(self._view.end, wanted, self._place, self._behind)
        return self._view.row[self._place]

    def feed(self, since_ns: int) -> None:
        """Take the segment that was sought."""
        seen, place = self._view, self._place
        size, start = seen.size[place], seen.start[place]
        passed = seen.end[place] - size - self._position
        stamp = seen.stamp(place, since_ns)
        if passed:
            self._connection.pass_over(stamp, self.side, passed)
        self._connection.in_order(stamp, self.side, bytes(seen.buffer[start : start + size]))
        self._position = seen.end[place]
        self._place = place + 1

    def acknowledged(self) -> int:
        """The highest acknowledgement number that this side has sent, -1 for none."""
        first, behind = self._limits
        return self._view.acknowledged[behind - 1] if behind > first else -1

    def finish(self, since_ns: int) -> None:
        """Pass over what is left, and tell TCP's part of it all."""
        seen = self._view
        if self._final > self._begin:
            last = bisect_left(seen.end, self._final, 0, self._behind)
            stamp = seen.stamp(last, since_ns)
            if self._final > self._position:
                left = self._final - self._position
                self._connection.pass_over(stamp, self.side, left)
            self._tcp.half(self.side).advance(stamp, self._final - self._begin)


def follow_run(lanes: tuple[Lane, Lane], since_ns: int) -> None:
    """Take the segments of both lanes in the order of capture."""
    one, other = lanes
    next_one, next_other = one.seek(), other.seek()
    while True:
        if next_one < next_other:
            one.feed(since_ns)
            next_one = one.seek()
        elif next_other < _NOTHING:
            other.feed(since_ns)
            next_other = other.seek()
        else:
            break
    one.finish(since_ns)
    other.finish(since_ns)
