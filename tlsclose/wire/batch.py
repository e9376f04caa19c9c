"""Packets of a capture by the tens of thousands: one buffer, and columns that point into it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt

from tlsclose.core.frozen import dataclass
from tlsclose.wire.frame import Frame
from tlsclose.wire.scan import Buffer

if TYPE_CHECKING:
    from tlsclose.wire.columns import Columns

MAX_BATCH: Final = 2**15
"""Packets."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive packets. `buffer` is overwritten when the next batch is asked for."""

    buffer: Buffer
    start: Integers
    """Where each packet's link header stands in `buffer`."""
    captured: Integers
    """Bytes there."""
    original: Integers
    """Bytes on the wire."""
    at_ns: Integers
    """Nanoseconds since the Unix epoch."""
    link: Integers
    """LINKTYPE_ values."""
    first: int
    """Number of the first packet in the file, from 1."""
    idle_ns: int = 0
    """Wall-clock time in which a file that is still being written did not grow."""
    segments: "Columns | None" = None
    """`tcp_columns`, where made before."""

    def __len__(self) -> int:
        return len(self.start)

    def frame(self, index: int) -> Frame:
        """One packet, for what looks at it alone."""
        start = int(self.start[index])
        return Frame(
            at_ns=int(self.at_ns[index]),
            link_type=int(self.link[index]),
            data=bytes(self.buffer[start : start + int(self.captured[index])]),
            original_length=int(self.original[index]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """Columns of `Batch`, without its buffer."""

    start: Integers
    captured: Integers
    original: Integers
    at_ns: Integers
    link: Integers
    segments: "Sequence[Columns] | None" = None
    """Of each batch, where made before."""


def batches(buffer: Buffer, packets: Packets, first: int) -> Iterator[Batch]:
    """Tiny packets take more room as columns than in the file: so many at a time."""
    for number, at in enumerate(range(0, len(packets.start), MAX_BATCH)):
        part = slice(at, at + MAX_BATCH)
        yield Batch(
            buffer=buffer,
            start=packets.start[part],
            captured=packets.captured[part],
            original=packets.original[part],
            at_ns=packets.at_ns[part],
            link=packets.link[part],
            first=first + at,
            segments=packets.segments[number] if packets.segments else None,
        )


def no_packets() -> Packets:
    none = np.zeros(0, np.int64)
    return Packets(start=none, captured=none, original=none, at_ns=none, link=none)


def joined(parts: list[Packets]) -> Packets:
    if not parts:
        return no_packets()
    if len(parts) == 1:
        return parts[0]
    return Packets(
        start=np.concatenate([part.start for part in parts]),
        captured=np.concatenate([part.captured for part in parts]),
        original=np.concatenate([part.original for part in parts]),
        at_ns=np.concatenate([part.at_ns for part in parts]),
        link=np.concatenate([part.link for part in parts]),
    )


def view(numbers: Integers) -> "memoryview[int]":
    """For single integers in plain Python, at a fraction of what numpy takes for one."""
    return memoryview(cast("Any", numbers))


def empty(first: int, idle_ns: int) -> Batch:
    """No packets, only the news that time has passed."""
    none = np.zeros(0, np.int64)
    return Batch(
        buffer=bytearray(),
        start=none,
        captured=none,
        original=none,
        at_ns=none,
        link=none,
        first=first,
        idle_ns=idle_ns,
    )


def gather(buffer: "Buffer | bytes", at: Integers, width: int) -> npt.NDArray[Any]:
    """`width` bytes from each of these places; beyond the buffer's end there are zeros."""
    places = len(buffer) - width + 1
    if at.max(initial=0) >= places:
        return _gathered_at_end(buffer, at, width)
    every: npt.NDArray[Any] = np.ndarray((places,), dtype=f"V{width}", buffer=buffer, strides=(1,))
    return every[at]


def _gathered_at_end(buffer: "Buffer | bytes", at: Integers, width: int) -> npt.NDArray[Any]:
    """Headers are gathered blindly: what is not all there may not be wanted."""
    last = max(len(buffer) - width, 0)
    end = bytes(buffer[last:]) + bytes(2 * width)
    late = at >= last
    found = np.empty(len(at), f"V{width}")
    found[late] = gather(end, np.minimum(at[late] - last, width), width)
    if not late.all():
        found[~late] = gather(buffer, at[~late], width)
    return found


def words(buffer: Buffer, at: Integers, order: str, count: int = 1) -> Integers:
    """So many 32-bit numbers from each place on: a row for each number, byte order `<` or `>`."""
    found = gather(buffer, at, 4 * count).view(f"{order}u4").reshape(-1, count)
    return np.ascontiguousarray(found.T, np.int64)
