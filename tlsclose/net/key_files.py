"""Key logs that are read, and read on while a capture is still being written."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tlsclose.wire.keylog import MAX_LINE_BYTES, KeyLog

MOST_AT_ONCE: Final = 2**24
"""Bytes of one file taken in one go."""


class KeyFiles:
    """The keys of several files. Raises KeyLogError where one cannot be read."""

    def __init__(self, paths: Sequence[Path], on_warning: Callable[[str], None]) -> None:
        self.keys = KeyLog()
        self._read_to: dict[Path, int] = {}
        for path in paths:
            self._read_to[path] = max(_size(path) - MAX_LINE_BYTES, 0)
            for warning in self.keys.take(path):
                on_warning(warning)

    def read_on(self) -> None:
        """Take the lines that were added since. A line that is being written waits for its end."""
        for path, begin in self._read_to.items():
            if _size(path) > begin:
                with contextlib.suppress(OSError):
                    self._read_to[path] = self._take(path, begin)

    def _take(self, path: Path, begin: int) -> int:
        with path.open("rb") as file:
            file.seek(begin)
            new = file.read(MOST_AT_ONCE)
        end = new.rfind(b"\n") + 1
        for line in new[:end].splitlines():
            self.keys.add_line(line.decode("ascii", "replace"))
        return begin + (end or len(new) // MOST_AT_ONCE * len(new))


def _size(path: Path) -> int:
    """Bytes of a file; 0 for what has no length, such as a pipe."""
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0
