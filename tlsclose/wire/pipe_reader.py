"""Reading a pipe with patience: what comes within a time, on Windows by a thread that waits.

Windows can wait for sockets, but not for what a console or another program writes.
"""

import os
import select
import sys
from queue import Empty, Queue
from threading import Thread
from typing import Final, Protocol

_PIECE_BYTES: Final = 64 * 1024
_PIECES_AHEAD: Final = 64
"""What the thread reads ahead at most: 4 MiB."""


class PipeReader(Protocol):
    """One reader at a time."""

    def read(self, into: memoryview, wait_s: float) -> int | None:
        """Bytes read: 0 at the end, None where none came within `wait_s`. Raises OSError."""


def pipe_reader(descriptor: int) -> PipeReader:
    """The kind of reader that this system needs."""
    return ThreadReader(descriptor) if sys.platform == "win32" else SelectReader(descriptor)


class SelectReader:
    """Asks the system whether something is there."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, into: memoryview, wait_s: float) -> int | None:
        if not select.select([self._descriptor], [], [], max(0.0, wait_s))[0]:
            return None
        data = os.read(self._descriptor, len(into))
        into[: len(data)] = data
        return len(data)


class ThreadReader:
    """Lets a daemon thread wait, which ends with the pipe or with the process."""

    def __init__(self, descriptor: int) -> None:
        self._pieces: Queue[bytes | OSError] = Queue(_PIECES_AHEAD)
        self._rest = b""
        self._ended = False
        Thread(target=self._pump, args=(descriptor,), name="pipe", daemon=True).start()

    def read(self, into: memoryview, wait_s: float) -> int | None:
        if not self._rest and not self._ended:
            try:
                piece = self._pieces.get(timeout=max(0.0, wait_s))
            except Empty:
                return None
            if isinstance(piece, OSError):
                raise piece
            self._rest, self._ended = piece, not piece
        data = self._rest[: len(into)]
        self._rest = self._rest[len(data) :]
        into[: len(data)] = data
        return len(data)

    def _pump(self, descriptor: int) -> None:
        piece = b"begun"
        while piece:
            try:
                piece = os.read(descriptor, _PIECE_BYTES)
            except OSError as error:
                self._pieces.put(error)
                return
            self._pieces.put(piece)
