"""The segments of a grouped batch one by one: integers by row, in the order of connection, time."""

import numpy as np

from tlsclose.wire.batch import Batch, view
from tlsclose.wire.grouping import Grouped
from tlsclose.wire.packets import Address, Segment, decode


class Rows:
    """Columns for plain Python, without numpy's price for a single integer."""

    def __init__(self, batch: Batch, groups: Grouped) -> None:
        columns = groups.columns
        packet = columns.index
        self.at_ns = view(batch.at_ns[packet])
        self.number = view(packet + batch.first)
        self.wire_before = view(
            np.concatenate([np.zeros(1, np.int64), np.cumsum(batch.original[packet])])
        )
        self.forward = view(groups.forward.astype(np.int64))
        self.flags = view(columns.flags)
        self.seq, self.ack = view(columns.seq), view(columns.ack)
        self.start, self.size = view(columns.start), view(columns.size)
        self.window, self.truncated = view(columns.window), view(columns.truncated)
        self.irregular: list[int] = [*groups.irregular.tolist(), len(columns)]
        """Those to be looked at one by one, and the number of rows."""
        self._batch = batch
        self._buffer = memoryview(batch.buffer)
        self._index = view(packet)
        self._alone = columns.single

    def alone(self, row: int) -> Segment | None:
        """The segment, where it was decoded alone: its payload may be elsewhere."""
        return self._alone.get(self._index[row]) if self._alone else None

    def segment(self, row: int, ends: tuple[Address, Address], *, sack: bool) -> Segment:
        """The segment that was sent from the first of two ends to the second.

        `sack`: whether its SACK blocks are wanted.
        """
        alone = self.alone(row)
        if alone is not None:
            return alone
        start = self.start[row]
        return Segment(
            src=ends[0],
            dst=ends[1],
            seq=self.seq[row],
            ack=self.ack[row],
            flags=self.flags[row],
            payload=bytes(self._buffer[start : start + self.size[row]]),
            window=self.window[row],
            truncated=self.truncated[row],
            sack=self._sack(row) if sack else (),
        )

    def _sack(self, row: int) -> tuple[int, ...]:
        """Options have no columns."""
        segment = decode(self._batch.frame(self._index[row]))
        return () if segment is None else segment.sack
