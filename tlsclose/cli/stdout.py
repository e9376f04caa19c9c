"""Standard output for reports: a reader that goes away does not change the verdict."""

import io
import sys
from collections.abc import Callable
from functools import partial
from typing import TextIO

from tlsclose.cli.group import reader_gone, silence_stdout
from tlsclose.errors import UsageError


class ReportStdout(io.TextIOBase):
    """Writes to `sys.stdout`; once its reader is gone (`| head`), writes go nowhere."""

    def __init__(self) -> None:
        self._target: TextIO | None = sys.stdout
        self.reader_gone = self._target is None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._target, "encoding", None) or "ascii"

    def isatty(self) -> bool:
        return self._target is not None and self._target.isatty()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._target is not None and not self.reader_gone:
            self._attempt(partial(self._target.write, self._encodable(text)))
        return len(text)

    def flush(self) -> None:
        if self._target is not None and not self.reader_gone:
            self._attempt(self._target.flush)

    def _encodable(self, text: str) -> str:
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            silence_stdout()
            if reader_gone(error):
                self.reader_gone = True
                return
            raise UsageError(f"cannot write to standard output: {error.strerror}") from None
