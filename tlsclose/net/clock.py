"""One time axis for steps, sockets and packets."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tlsclose.net.settings import NS_PER_S

MAX_STRETCH: Final = 12
"""How many times its first length a deadline can be put off to."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Nanoseconds since a report's start: monotonic, and anchored once to the time of day."""

    epoch_ns: int
    monotonic_ns: int

    @classmethod
    def start(cls) -> "Clock":
        return cls(epoch_ns=time.time_ns(), monotonic_ns=time.monotonic_ns())

    def now(self) -> int:
        return time.monotonic_ns() - self.monotonic_ns

    def from_epoch(self, epoch_ns: int) -> int:
        """Place a packet's time stamp on this axis."""
        return epoch_ns - self.epoch_ns

    @property
    def started_at(self) -> datetime:
        seconds, rest = divmod(self.epoch_ns, NS_PER_S)
        return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest // 1000)


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
