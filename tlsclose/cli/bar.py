"""How far a long file has been read: one line on standard error, for a terminal only."""

import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

LONG: Final = 64 * 2**20
"""Bytes of captures from which on it is worth a line."""
EVERY_S: Final = 0.1
BAR_CELLS: Final = 30


def length(paths: Sequence[Path]) -> int:
    """Bytes of those that are files."""
    return sum(path.stat().st_size for path in paths if path.is_file())


class Bar:
    """Draws at most ten times a second, and nothing at all unless it is `wanted`."""

    def __init__(self, total: int, *, wanted: bool) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self._drawn = wanted and total >= LONG and terminal
        self._total = total
        self._next = 0.0
        self._shown = 0

    def show(self, done: int) -> None:
        """So many bytes are read."""
        now = time.monotonic()
        if not self._drawn or now < self._next:
            return
        self._next = now + EVERY_S
        share = min(done / self._total, 1.0)
        bar = ("#" * round(share * BAR_CELLS)).ljust(BAR_CELLS, ".")
        text = f"reading [{bar}] {share:4.0%} of {self._total / 1e6:.0f} MB"
        self._write(f"\r{text}")
        self._shown = len(text)

    def hide(self) -> None:
        """Make room for a line of something else, or for good."""
        if self._shown:
            self._write(f"\r{' ' * self._shown}\r")
            self._shown = 0

    @staticmethod
    def _write(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
