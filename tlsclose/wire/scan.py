"""What a reader of one capture format makes of the bytes in a buffer."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tlsclose.wire.batch import Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """Columns of `Batch`, without its buffer."""

    start: Integers
    captured: Integers
    original: Integers
    at_ns: Integers
    link: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """How far the format could be read."""

    packets: Packets
    consumed: int
    """Offset in the buffer behind the last whole item; behind the buffer's end where an item that
    nobody needs goes on there."""
    needed: int = 0
    """Bytes from `consumed` on that the next item takes, as far as that is known."""
    damage: str = ""
    """What is wrong with the bytes at `consumed`: nothing behind them can be read."""


class Format(Protocol):
    """Reads items one after the other, and remembers what earlier ones said."""

    def scan(self, buffer: bytearray, at: int, end: int) -> Scan:
        """Read all whole items between two offsets."""


def no_packets() -> Packets:
    none = np.zeros(0, np.int64)
    return Packets(start=none, captured=none, original=none, at_ns=none, link=none)


def joined(parts: list[Packets]) -> Packets:
    if not parts:
        return no_packets()
    if len(parts) == 1:
        return parts[0]
    return Packets(
        start=np.concatenate([part.start for part in parts]),
        captured=np.concatenate([part.captured for part in parts]),
        original=np.concatenate([part.original for part in parts]),
        at_ns=np.concatenate([part.at_ns for part in parts]),
        link=np.concatenate([part.link for part in parts]),
    )
