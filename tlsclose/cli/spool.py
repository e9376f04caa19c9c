"""Text that has to wait: in memory while it is short, then in a temporary file."""

import io
from collections.abc import Iterator
from typing import IO, Final

SHORT: Final = 8 * 2**20
"""Characters kept in memory."""
PIECE: Final = 2**16
"""Characters read back at a time."""


class Spool:
    """Written first, then read once.

    The standard library's is not used: its module loads random numbers and two compressors.
    """

    def __init__(self) -> None:
        self._text: IO[str] = io.StringIO()
        self._size = 0

    @property
    def empty(self) -> bool:
        return self._size == 0

    def write(self, text: str) -> None:
        before, self._size = self._size, self._size + len(text)
        if before <= SHORT < self._size:
            self._to_file()
        self._text.write(text)

    def pieces(self) -> Iterator[str]:
        """Everything that was written; the spool is used up then."""
        self._text.seek(0)
        while piece := self._text.read(PIECE):
            yield piece
        self._text.close()

    def _to_file(self) -> None:
        import tempfile

        memory = self._text
        self._text = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115
        memory.seek(0)
        while piece := memory.read(PIECE):
            self._text.write(piece)
