"""The block format as columns: all packets of a buffer at once."""

from typing import Final

import numpy as np
import numpy.typing as npt

from tlsclose.wire.batch import Integers, Packets, joined, words
from tlsclose.wire.pcap_format import SECOND_NS
from tlsclose.wire.pcapng_format import (
    FRACTION_BITS,
    NANO_DIGITS,
    OLD_PACKET,
    SIMPLE_PACKET,
    Interface,
    PcapngFormat,
)
from tlsclose.wire.scan import MAX_TIME_NS, Buffer

Flags = npt.NDArray[np.bool_]
Ticks = npt.NDArray[np.uint64]
_MOST_DIGITS: Final = 19
"""Of a power of ten in 64 bits; more than these are no nanoseconds at all."""


class PcapngFile(PcapngFormat[Packets]):
    """Blocks into columns."""

    def _packets(self, buffer: Buffer, at: list[int]) -> tuple[Packets, int, str]:
        return self._columns(buffer, np.array(at, np.int64))

    def _joined(self, parts: list[Packets]) -> Packets:
        return joined(parts)

    def _columns(self, buffer: Buffer, at: Integers) -> tuple[Packets, int, str]:
        kind, size, number, high, low, captured, original = words(buffer, at, self._order, 7)
        start = at + 28
        if (kind == OLD_PACKET).any():
            number = np.where(kind == OLD_PACKET, self._halves(buffer, at + 8), number)
        simple = kind == SIMPLE_PACKET
        if simple.any():
            room = size - 16
            captured = np.where(simple, np.minimum(number, room), captured)
            if self._interfaces and self._interfaces[0].snap_length:
                captured[simple] = np.minimum(captured, self._interfaces[0].snap_length)[simple]
            original = np.where(simple, number, original)
            number, start = np.where(simple, 0, number), np.where(simple, at + 12, start)
        again = words(buffer, at + size - 4, self._order)[0]
        bad = (again != size) | (start + captured > at + size - 4)
        good = _first(bad | (number >= len(self._interfaces)))
        damage = ""
        if good < len(at):
            damage = "a block contradicts itself" if bad[good] else "a packet of no interface"
        part = slice(good)
        at_ns = self._times(number[part], high[part] << 32 | low[part], simple[part])
        link = np.array([interface.link for interface in self._interfaces] or [0], np.int64)
        packets = Packets(
            start=start[part],
            captured=captured[part],
            original=original[part],
            at_ns=at_ns,
            link=link[number[part]],
        )
        return packets, good, damage

    def _halves(self, buffer: Buffer, at: Integers) -> Integers:
        (both,) = words(buffer, at, self._order)
        halves: Integers = both >> 16 if self._order == ">" else both & 0xFFFF
        return halves

    def _times(self, number: Integers, ticks: Integers, simple: Flags) -> Integers:
        at_ns = np.zeros(len(number), np.int64)
        for index in np.unique(number) if number.any() else [0] * bool(len(number)):
            chosen = number == index
            at_ns[chosen] = _nanoseconds(ticks[chosen].view(np.uint64), self._interfaces[index])
        if simple.any():
            known = np.maximum.accumulate(np.where(simple, -1, np.arange(len(number))))
            at_ns = np.where(known < 0, self._last_ns, at_ns[known])
        if len(at_ns):
            self._last_ns = int(at_ns[-1])
        return at_ns


def _first(bad: Flags) -> int:
    return int(bad.argmax()) if bad.any() else len(bad)


def _nanoseconds(ticks: Ticks, interface: Interface) -> Integers:
    """Ticks of one interface as nanoseconds since the epoch, at most `MAX_TIME_NS`."""
    power = interface.resolution & 0x7F
    if interface.resolution & 0x80:
        since = _binary(ticks, power)
    elif power <= NANO_DIGITS:
        unit = 10 ** (NANO_DIGITS - power)
        since = np.minimum(ticks, np.uint64(MAX_TIME_NS // unit)) * np.uint64(unit)
    elif power - NANO_DIGITS <= _MOST_DIGITS:
        since = ticks // np.uint64(10 ** (power - NANO_DIGITS))
    else:
        since = np.zeros_like(ticks)
    limited = np.minimum(since, np.uint64(MAX_TIME_NS)).astype(np.int64)
    return np.clip(limited + interface.offset_ns, -MAX_TIME_NS, MAX_TIME_NS)


def _binary(ticks: Ticks, power: int) -> Ticks:
    """Nanoseconds in ticks of 1 / 2**power seconds."""
    if power >= 64:
        return np.zeros_like(ticks)
    seconds = np.minimum(ticks >> np.uint64(power), np.uint64(MAX_TIME_NS // SECOND_NS))
    fraction = ticks & np.uint64(2**power - 1)
    shown = min(power, FRACTION_BITS)
    part = (fraction >> np.uint64(power - shown)) * np.uint64(SECOND_NS)
    since: Ticks = seconds * np.uint64(SECOND_NS) + (part >> np.uint64(shown))
    return since
