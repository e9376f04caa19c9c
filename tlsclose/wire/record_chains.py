"""The records of many byte streams at once: headers chained in columns, bodies not touched.

All streams are gone through in step, a record of each at a time and those behind it that are alike,
for as long as there are enough streams to be worth it; the longest are then finished one by one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tlsclose.core.record import HEADER_BYTES, MAX_CIPHERTEXT_BYTES, ContentType
from tlsclose.wire.batch import Integers, gather
from tlsclose.wire.columns import Flags
from tlsclose.wire.fast_run import View
from tlsclose.wire.records import HEADER, VERSIONS, plausible

MAX_RECORDS: Final = 2**16
"""Of all streams together, or a few more: a batch of tiny ones would take a hundred times its
size."""
_FEWEST: Final = 16
"""Streams that are worth a step in columns."""
_LONG: Final = 4096
"""Records of so many bytes often come one like the other."""
_LEAP: Final = 8
"""So many of them are looked at together."""
_HEADER_COLUMNS: Final = (2, 3, 4)
_IS_TYPE: Final = np.isin(np.arange(256), [int(item) for item in ContentType])

_Row = tuple[int, int, int, int, int, int, int, int, int]
Bytes = npt.NDArray[np.uint8]


class Records(NamedTuple):
    """An element for each record; those of one stream follow on each other in `row`."""

    row: Integers
    """Which segment completes it, in the order of connection and time; the columns' order."""
    lane: Integers
    """Which stream."""
    kind: Integers
    """Content type."""
    version: Integers
    length: Integers
    """Of the body."""
    head: Integers
    """The row that completes its header."""
    place: Integers
    """The segment in which its header begins, in the order by side."""
    position: Integers
    """Where its body begins, in the running total of payload bytes."""
    at: Integers
    """Where its body stands in the buffer; -1 where it is not all in the segment of its header."""


class Chains(NamedTuple):
    """What is in so many streams, each by its number."""

    records: Records
    rest: Integers
    """Where the bytes begin of a record that is not whole; where the stream ends if there is none.
    -1 where the bytes are no records, or there were too many before them."""


def chained(seen: View, begin: Integers, final: Integers) -> Chains:
    """Find the records of streams that go from `begin` to `final` in the total of payload bytes."""
    steps = _Steps(seen, begin, final)
    while len(steps.lane) >= _FEWEST and steps.count <= MAX_RECORDS:
        steps.step()
    rows: list[_Row] = []
    for lane, position in zip(steps.lane.tolist(), steps.position.tolist(), strict=True):
        room = max(MAX_RECORDS - steps.count - len(rows), 0)
        alone = list(islice(_alone(seen, lane, position, steps), room + 1))
        if len(alone) > room:
            steps.rest[lane] = -1
            alone.pop()
        rows += alone
    found = [*steps.found, np.array(rows, np.int64).reshape(-1, len(Records._fields)).T]
    table = np.concatenate(found, axis=1)
    return Chains(Records(*table[:, np.argsort(table[0], kind="stable")]), steps.rest)


class _Looked(NamedTuple):
    """What stands at so many positions: an element for each."""

    columns: tuple[Integers, ...]
    """As `Records`; means nothing where no whole record is."""
    wrong: Flags
    """There is no record."""
    cut: Flags
    """It is not whole."""

    @property
    def whole(self) -> Flags:
        return ~(self.wrong | self.cut)


class _Steps:
    """The streams that are not at their end: `lane` and `position` have an element for each."""

    def __init__(self, seen: View, begin: Integers, final: Integers) -> None:
        self.rest = final.copy()
        self.final = final
        self.found: list[Integers] = []
        self.count = 0
        """Records found."""
        self.lane = np.flatnonzero(begin < final)
        self.position = begin[self.lane]
        self._buffer = seen.bytes
        self._end, self._row = np.asarray(seen.end), np.asarray(seen.row)
        self._first = np.asarray(seen.start) + np.asarray(seen.size) - self._end
        """What to add to a position in a segment to get its place in the buffer."""

    def step(self) -> None:
        """Take the next record of each stream, and those behind it that are like it."""
        whole = self.position + HEADER_BYTES <= self.final[self.lane]
        self._stop(~whole, self.position)
        looked = self._look(self.lane, self.position)
        taken = looked.whole
        self._add(looked, taken)
        self._stop(~taken, np.where(looked.wrong, -1, self.position))
        kind, version, length = (looked.columns[at][taken] for at in _HEADER_COLUMNS)
        self.position = self.position + HEADER_BYTES + length
        self._leap(kind, version, length)

    def _leap(self, kind: Integers, version: Integers, length: Integers) -> None:
        """Take records that follow on each other and have the same headers as the last ones."""
        stride = HEADER_BYTES + length
        enough = self.position + _LEAP * stride <= self.final[self.lane]
        long = np.flatnonzero(enough & (length >= _LONG))
        if not len(long):
            return
        position = self.position[long][:, None] + np.arange(_LEAP) * stride[long][:, None]
        looked = self._look(np.repeat(self.lane[long], _LEAP), position.ravel())
        alike = looked.whole
        for at, wanted in zip(_HEADER_COLUMNS, (kind, version, length), strict=True):
            alike &= looked.columns[at] == np.repeat(wanted[long], _LEAP)
        alike = np.logical_and.accumulate(alike.reshape(-1, _LEAP), axis=1)
        self._add(looked, alike.ravel())
        self.position[long] += alike.sum(axis=1) * stride[long]

    def _add(self, looked: _Looked, which: Flags) -> None:
        found = np.stack(looked.columns)[:, which]
        self.found.append(found)
        self.count += found.shape[1]

    def _look(self, lane: Integers, position: Integers) -> _Looked:
        """What is at these positions, at which there are as many bytes as a header has."""
        place = np.searchsorted(self._end, position, side="right")
        left = self._end[place] - position
        header = gather(self._buffer, self._first[place] + position, HEADER_BYTES)
        header = header.view(np.uint8).reshape(-1, HEADER_BYTES)
        head = place
        if len(split := np.flatnonzero(left < HEADER_BYTES)):
            head = place.copy()
            head[split] = np.searchsorted(self._end, position[split] + HEADER_BYTES)
            header[split] = self._bytes(position[split])
        kind = header[:, 0].astype(np.int64)
        version, length = (header[:, at].astype(np.int64) << 8 | header[:, at + 1] for at in (1, 3))
        body = position + HEADER_BYTES
        following = body + length
        cut = following > self.final[lane]
        last = head
        if len(further := np.flatnonzero(self._end[head] < following)):
            last = head.copy()
            last[further] = np.searchsorted(self._end, following[further])
        inside = (last == place) & ~cut
        at = np.where(inside, self._first[place] + body, -1)
        row = self._row[np.minimum(last, len(self._row) - 1)]
        columns = (row, lane, kind, version, length, self._row[head], place, body, at)
        return _Looked(columns, ~_plausible(kind, version, length), cut)

    def _stop(self, over: Flags, rest: Integers) -> None:
        """Leave streams out from here on."""
        self.rest[self.lane[over]] = rest[over]
        self.position = self.position[~over]
        self.lane = self.lane[~over]

    def _bytes(self, position: Integers) -> Bytes:
        """A header's bytes from each position on, one by one."""
        every = (position[:, None] + np.arange(HEADER_BYTES)).ravel()
        place = np.searchsorted(self._end, every, side="right")
        found = gather(self._buffer, self._first[place] + every, 1).view(np.uint8)
        return found.reshape(-1, HEADER_BYTES)


def _plausible(kind: Integers, version: Integers, length: Integers) -> Flags:
    known = (version >= VERSIONS.start) & (version < VERSIONS.stop)
    found: Flags = _IS_TYPE[kind] & known & (length <= MAX_CIPHERTEXT_BYTES)
    return found


def _alone(seen: View, lane: int, position: int, steps: _Steps) -> Iterator[_Row]:
    """The other records of one stream, from `position` on."""
    end, size, start, row, buffer = seen.end, seen.size, seen.start, seen.row, seen.buffer
    final = int(steps.final[lane])
    place = bisect_right(end, position)
    while position + HEADER_BYTES <= final:
        left = end[place] - position
        head, at = place, start[place] + size[place] - left
        if left >= HEADER_BYTES:
            kind, version, length = HEADER(buffer, at)
        else:
            kind, version, length = HEADER(joined(seen, place, position, HEADER_BYTES))
            head = bisect_left(end, position + HEADER_BYTES, place)
        body = position + HEADER_BYTES
        following = body + length
        if not plausible(kind, version, length):
            steps.rest[lane] = -1
            return
        if following > final:
            break
        last = head if end[head] >= following else bisect_left(end, following, head)
        at = at + HEADER_BYTES if last == place else -1
        yield row[last], lane, kind, version, length, row[head], place, body, at
        position = following
        place = last if end[last] > position else bisect_right(end, position, last)
    steps.rest[lane] = position


def joined(seen: View, place: int, position: int, count: int) -> bytes:
    """Bytes of a stream from a position on, which is at `place` or behind it."""
    taken = b""
    while len(taken) < count:
        left = seen.end[place] - position
        if left > 0:
            at = seen.start[place] + seen.size[place] - left
            piece = bytes(seen.buffer[at : at + min(left, count - len(taken))])
            if len(piece) == count:
                return piece
            taken += piece
            position += len(piece)
        place += 1
    return taken
