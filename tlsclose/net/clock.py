"""One time axis for steps, sockets and packets."""

import sys
import time
from datetime import UTC, datetime
from typing import Final

from tlsclose.core.frozen import dataclass
from tlsclose.net.settings import NS_PER_S

MAX_STRETCH: Final = 12
"""How many times its first length a deadline can be put off to."""

_TICKS_BEFORE_1970: Final = 116_444_736_000_000_000
"""Windows counts 100 ns ticks from 1601."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Nanoseconds since a report's start: monotonic, and anchored once to the time of day."""

    epoch_ns: int
    monotonic_ns: int

    @classmethod
    def start(cls) -> "Clock":
        return cls(epoch_ns=_time_of_day_ns(), monotonic_ns=time.perf_counter_ns())

    def now(self) -> int:
        return time.perf_counter_ns() - self.monotonic_ns

    def from_epoch(self, epoch_ns: int) -> int:
        """Place a packet's time stamp on this axis."""
        return epoch_ns - self.epoch_ns

    @property
    def started_at(self) -> datetime:
        seconds, rest = divmod(self.epoch_ns, NS_PER_S)
        return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest // 1000)


def _time_of_day_ns() -> int:
    """Nanoseconds since 1970; before Python 3.13, `time` counts in steps of 16 ms on Windows."""
    if sys.platform == "win32" and sys.version_info < (3, 13):
        import ctypes

        ticks = ctypes.c_uint64()
        ctypes.windll.kernel32.GetSystemTimePreciseAsFileTime(ctypes.byref(ticks))
        return (ticks.value - _TICKS_BEFORE_1970) * 100
    return time.time_ns()


class Deadline:
    """A point in time after which a wait is over.

    `extend` puts it off, but never further than its first length from now, so that what was
    gained in a burst cannot be spent in silence, nor beyond `MAX_STRETCH` lengths from the start.
    """

    __slots__ = ("_at", "_latest", "_seconds")

    def __init__(self, seconds: float) -> None:
        now = time.monotonic()
        self._seconds = seconds
        self._at = now + seconds
        self._latest = now + seconds * MAX_STRETCH

    @property
    def left(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self._at - time.monotonic())

    def extend(self, seconds: float) -> None:
        """Put the deadline off by so much, within bounds."""
        self._at = min(self._at + seconds, time.monotonic() + self._seconds, self._latest)
