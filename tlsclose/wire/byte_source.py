"""Where a capture's bytes come from: a file, a pipe that is still being written, gzip, zstd."""

import gzip
import io
import os
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tlsclose.errors import CaptureFileError
from tlsclose.wire.pipe_reader import pipe_reader

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

STANDARD_INPUT: Final = Path("-")

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_LONGEST_MAGIC: Final = 4
_GATHER_S: Final = 0.05
"""A pipe's bytes are gathered so long before they are handed on."""
_IDLE_S: Final = 0.2


class ByteSource(Protocol):
    """Bytes in order."""

    live: bool
    """More may be written while we read."""

    def fill(self, into: memoryview) -> int | None:
        """Read as much as there is room for: 0 at the end, None where nothing came for a while.

        Raises CaptureFileError where the file cannot be read or its compression is broken.
        """


class _File:
    """A file that ends where it ends, compressed or not."""

    live = False

    def __init__(self, name: str, file: io.RawIOBase | io.BufferedIOBase) -> None:
        self._name = name
        self._file = file
        self._failure: Exception | None = None

    def fill(self, into: memoryview) -> int:
        taken = 0
        while taken < len(into) and self._failure is None:
            try:
                count = self._file.readinto(into[taken:])
            except (OSError, EOFError, zlib.error) as error:
                self._failure = error
                break
            if not count:
                return taken
            taken += count
        if not taken and self._failure is not None:
            raise CaptureFileError(f"{self._name}: cannot be read on: {self._failure}")
        return taken


class _Gzip(gzip.GzipFile):
    """Gives what it has: the usual `readinto` loses it where the file breaks off."""

    def readinto(self, into: "Buffer") -> int:
        return self.readinto1(into)


class _Cut(io.RawIOBase):
    """The first bytes of a file that may be growing."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, into: "Buffer") -> int:
        with memoryview(into) as view:
            count = self._file.readinto(view[: self._left])
        self._left -= count
        return count


class _Pipe:
    """A file descriptor that delivers when it pleases."""

    live = True

    def __init__(self, name: str, descriptor: int, begun: bytes) -> None:
        self._name = name
        self._reader = pipe_reader(descriptor)
        self._begun = begun

    def fill(self, into: memoryview) -> int | None:
        taken = len(self._begun)
        into[:taken] = self._begun
        self._begun = b""
        deadline = time.monotonic() + _GATHER_S
        wait_s = 0.0 if taken else _IDLE_S
        while taken < len(into):
            try:
                count = self._reader.read(into[taken:], wait_s)
            except OSError as error:
                raise CaptureFileError(f"{self._name}: {error.strerror}") from error
            if count is None:
                return taken or None
            taken += count
            wait_s = deadline - time.monotonic()
            if not count or wait_s <= 0:
                break
        return taken


class _Begun(io.RawIOBase):
    """A pipe whose first bytes have been read already."""

    def __init__(self, descriptor: int, begun: bytes) -> None:
        self._descriptor = descriptor
        self._begun = begun

    def readable(self) -> bool:
        return True

    def readinto(self, into: "Buffer") -> int:
        view = memoryview(into)
        data = self._begun[: len(view)] or os.read(self._descriptor, len(view))
        self._begun = self._begun[len(data) :]
        view[: len(data)] = data
        return len(data)


def packed(magic: bytes) -> bool:
    """Whether a file that begins so has to be unpacked."""
    return magic.startswith((_GZIP, _ZSTD))


@contextmanager
def opened(path: Path, size: int | None = None) -> Iterator[ByteSource]:
    """Open a capture, or the first `size` bytes of a file; `-` is standard input.

    Raises CaptureFileError.
    """
    with ExitStack() as stack:
        try:
            source = _source(path, size, stack)
        except OSError as error:
            raise CaptureFileError(f"cannot open {path}: {error.strerror or error}") from error
        yield source


def _source(path: Path, size: int | None, stack: ExitStack) -> ByteSource:
    name = str(path)
    if path == STANDARD_INPUT:
        return _pipe(name, sys.stdin.fileno(), stack)
    file = stack.enter_context(path.open("rb", buffering=0))
    if not file.seekable():
        return _pipe(name, file.fileno(), stack)
    magic = file.read(_LONGEST_MAGIC) or b""
    file.seek(0)
    shown = file if size is None else _Cut(file, size)
    return _File(name, _decompressed(name, shown, magic, stack))


def _pipe(name: str, descriptor: int, stack: ExitStack) -> ByteSource:
    magic = b""
    while len(magic) < _LONGEST_MAGIC and (more := os.read(descriptor, _LONGEST_MAGIC)):
        magic += more
    if not packed(magic):
        return _Pipe(name, descriptor, magic)
    return _File(name, _decompressed(name, _Begun(descriptor, magic), magic, stack))


def _decompressed(
    name: str, file: io.RawIOBase, magic: bytes, stack: ExitStack
) -> io.RawIOBase | io.BufferedIOBase:
    if magic.startswith(_GZIP):
        return stack.enter_context(_Gzip(fileobj=io.BufferedReader(file), mode="rb"))
    if magic.startswith(_ZSTD):
        return _zstd(name, file)
    return file


def _zstd(name: str, file: io.RawIOBase) -> io.RawIOBase:
    try:
        from tlsclose.wire.zstd_source import ZstdSource
    except ImportError:
        raise CaptureFileError(
            f"{name}: zstd needs the Python package `zstandard` (pip install zstandard)"
        ) from None
    return ZstdSource(file)
