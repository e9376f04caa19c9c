"""Packets of a capture by the tens of thousands: one buffer, and columns that point into it."""

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

PADDING_BYTES: Final = 128
"""A batch's buffer is at least so much longer than its packets: headers are gathered blindly."""
MAX_TIME_NS: Final = 2**62

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive packets. `buffer` is overwritten when the next batch is asked for."""

    buffer: bytearray
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

    def __len__(self) -> int:
        return len(self.start)


def view(numbers: Integers) -> "memoryview[int]":
    """For single integers in plain Python, at a fraction of what numpy takes for one."""
    return memoryview(cast("Any", numbers))


def empty(first: int, idle_ns: int) -> Batch:
    """No packets, only the news that time has passed."""
    none = np.zeros(0, np.int64)
    return Batch(
        buffer=bytearray(PADDING_BYTES),
        start=none,
        captured=none,
        original=none,
        at_ns=none,
        link=none,
        first=first,
        idle_ns=idle_ns,
    )


def words(buffer: bytearray, at: Integers, order: str) -> npt.NDArray[np.uint32]:
    """The 32-bit numbers at these places, in byte order `<` or `>`."""
    view: npt.NDArray[np.uint32] = np.ndarray(
        (len(buffer) - 3,), dtype="V4", buffer=buffer, strides=(1,)
    )
    return view[at].view(f"{order}u4").astype(np.uint32)
