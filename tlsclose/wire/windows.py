"""The part of a capture's bytes that is looked at: copied into a buffer, or mapped into memory.

Both show the same parts one after the other. What has not been taken of one begins the next.
"""

import contextlib
import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from tlsclose.wire.byte_source import ByteSource, packed
from tlsclose.wire.scan import Buffer

if TYPE_CHECKING:
    from tlsclose.wire.relay import Member

_RELEASE: Final[int | None] = getattr(mmap, "MADV_DONTNEED", None)


class SharedFile(NamedTuple):
    """A mapped file and this process's part in reading it."""

    file: mmap.mmap
    member: "Member"


class Window(Protocol):
    """What stands between `at` and `end` in `buffer` has been read and not been taken."""

    live: bool
    """More may be written while we read."""
    at: int
    """Behind `end` where what comes next is not needed."""
    end: int

    @property
    def buffer(self) -> Buffer: ...

    @property
    def bytes_read(self) -> int:
        """Of the unpacked file, up to `end`."""

    def more(self, needed: int) -> int | None:
        """Read on, and more than usual where the next item takes `needed` bytes.

        0 at the end of the file, None where nothing came for a while. Raises CaptureFileError.
        """


def window_on(source: ByteSource | mmap.mmap, size: int) -> Window:
    """`size`: how much is looked at at once, unless one item is larger."""
    return (
        MappedWindow(source, size) if isinstance(source, mmap.mmap) else CopiedWindow(source, size)
    )


class CopiedWindow:
    """A buffer that is filled, and grows only with bytes that are there."""

    def __init__(self, source: ByteSource, size: int) -> None:
        self.live = source.live
        self.at = self.end = self.bytes_read = 0
        self.buffer = bytearray(size)
        self._source = source

    def more(self, needed: int) -> int | None:
        while self.at > self.end:
            count = self._fill(0, min(self.at - self.end, len(self.buffer)))
            if not count:
                return count
            self.at -= count
        self._make_room(needed)
        count = self._fill(self.end, len(self.buffer))
        self.end += count or 0
        return count

    def _fill(self, first: int, behind: int) -> int | None:
        with memoryview(self.buffer) as whole, whole[first:behind] as free:
            count = self._source.fill(free)
        self.bytes_read += count or 0
        return count

    def _make_room(self, needed: int) -> None:
        """Move what is left to the front; grow, by no more than there already is, if it is full."""
        left = self.end - self.at
        if left and self.at:
            self.buffer[:left] = self.buffer[self.at : self.end]
        self.at, self.end = 0, left
        if left == len(self.buffer):
            larger = bytearray(_grown(left, needed))
            larger[:left] = self.buffer
            self.buffer = larger


class MappedWindow:
    """A file's own pages. A process that looks at one that was cut off meanwhile dies of SIGBUS."""

    live = False

    def __init__(self, file: mmap.mmap, size: int) -> None:
        self.at = self.end = 0
        self.buffer = file
        self._size = size
        self._released = 0

    @property
    def bytes_read(self) -> int:
        return self.end

    def more(self, needed: int) -> int:
        self.release(self._released, min(self.at, self.end))
        self._released = min(self.at, self.end)
        before = self.end
        self._size = self._size_at(self.at, needed)
        self.end = self.following(self.at, needed) or before
        return self.end - before

    def following(self, at: int, needed: int) -> int | None:
        """Where the next window ends, if it begins at an offset; None at the end of the file."""
        end = min(at + self._size_at(at, needed), len(self.buffer))
        return end if end > self.end else None

    def _size_at(self, at: int, needed: int) -> int:
        full = self.end - at == self._size
        return _grown(self._size, needed) if full else self._size

    def release(self, first: int, behind: int) -> None:
        """What was looked at counts as this process's memory until it is given back."""
        first, behind = (at // mmap.PAGESIZE * mmap.PAGESIZE for at in (first, behind))
        if _RELEASE is not None and first < behind:
            self.buffer.madvise(_RELEASE, first, behind - first)


def _grown(size: int, needed: int) -> int:
    return min(max(needed, size + 1), 2 * size)


def mapped(path: Path, size: int) -> mmap.mmap | None:
    """The first bytes of a file; None where it has not so many, is packed or cannot be mapped."""
    with contextlib.suppress(OSError, ValueError), path.open("rb", buffering=0) as file:
        if not packed(file.read(8)):
            return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    return None
