"""The block format (draft-ietf-opsawg-pcapng): sections, interfaces, packets, secrets.

Blocks of other types are stepped over. A simple packet has no time of its own: it gets that of the
packet before it.
"""

from collections.abc import Callable
from struct import Struct, unpack_from
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tlsclose.wire.batch import MAX_TIME_NS, Integers, words
from tlsclose.wire.pcap_file import MAX_PACKET_BYTES
from tlsclose.wire.scan import Packets, Scan, joined

MAGIC: Final = b"\x0a\x0d\x0d\x0a"
MAX_SECRETS_BYTES: Final = 2**28
MAX_INTERFACES: Final = 2**16

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET = 0x0A0D0D0A, 1, 2, 3
_ENHANCED_PACKET, _SECRETS = 6, 10
_SMALLEST: Final = {_SECTION: 28, _INTERFACE: 20, _SIMPLE_PACKET: 16, _SECRETS: 20}
_SMALLEST_PACKET: Final = 32
_EMPTY_BLOCK: Final = 12
_PACKETS: Final = frozenset({_ENHANCED_PACKET, _OLD_PACKET, _SIMPLE_PACKET})
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_TLS_KEY_LOG: Final = 0x544C534B
_END_OF_OPTIONS, _TIME_RESOLUTION, _TIME_OFFSET = 0, 9, 14
_MICROSECONDS: Final = 6
_NANO_DIGITS: Final = 9
_SECOND_NS: Final = 10**9
_FRACTION_BITS: Final = 33
"""So many bits times `_SECOND_NS` fit into 64."""

Flags = npt.NDArray[np.bool_]
Ticks = npt.NDArray[np.uint64]


class _Interface(NamedTuple):
    link: int
    snap_length: int
    resolution: int
    offset_s: int


class PcapngFile:
    """State of the section at hand; `on_secrets` gets the text of each TLS key log."""

    def __init__(self, on_secrets: Callable[[bytes], None]) -> None:
        self._on_secrets = on_secrets
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._last_ns = 0

    def scan(self, buffer: bytearray, at: int, end: int) -> Scan:
        parts: list[Packets] = []
        while True:
            found, following = self._walk(buffer, at, end)
            if found:
                packets, damage = self._packets(buffer, np.array(found, np.int64))
                parts.append(packets)
                if damage:
                    at = found[len(packets.start)]
                    return Scan(packets=joined(parts), consumed=at, damage=damage)
            at = following
            step, needed, damage = self._other(buffer, at, end)
            if not step:
                return Scan(packets=joined(parts), consumed=at, needed=needed, damage=damage)
            at += step
            if at >= end:
                return Scan(packets=joined(parts), consumed=at, needed=_EMPTY_BLOCK)

    def _walk(self, buffer: bytearray, at: int, end: int) -> tuple[list[int], int]:
        """Whole packet blocks from here on, and where the first block of another kind stands."""
        found: list[int] = []
        add = found.append
        head = Struct(f"{self._order}II").unpack_from
        last = end - _SMALLEST[_SIMPLE_PACKET]
        while at <= last:
            kind, size = head(buffer, at)
            if kind != _ENHANCED_PACKET and kind not in _PACKETS:
                break
            if size < _SMALLEST_PACKET and (kind != _SIMPLE_PACKET or size < _SMALLEST[kind]):
                break
            if size & 3 or at + size > end:
                break
            add(at)
            at += size
        return found, at

    def _other(self, buffer: bytearray, at: int, end: int) -> tuple[int, int, str]:
        """One block: bytes to step over, else bytes needed, and what is wrong with it."""
        if end - at < _EMPTY_BLOCK:
            return 0, _EMPTY_BLOCK, ""
        kind, size = unpack_from(f"{self._order}II", buffer, at)
        if kind == _SECTION:
            order = _ORDERS.get(bytes(buffer[at + 8 : at + 12]))
            if order is None:
                return 0, 0, "a section of unknown byte order"
            kind, size = unpack_from(f"{order}II", buffer, at)
            self._order = order
        if damage := _wrong(kind, size):
            return 0, 0, damage
        known = kind in _SMALLEST or kind in _PACKETS
        if not known or end - at < size:
            return (0, size, "") if known else (size, 0, "")
        if unpack_from(f"{self._order}I", buffer, at + size - 4)[0] != size:
            return 0, 0, "the two lengths of a block differ"
        return self._take(kind, bytes(buffer[at + 8 : at + size - 4]), size)

    def _take(self, kind: int, body: bytes, size: int) -> tuple[int, int, str]:
        if kind == _SECTION:
            self._interfaces = []
        elif kind == _INTERFACE:
            if len(self._interfaces) >= MAX_INTERFACES:
                return 0, 0, f"more than {MAX_INTERFACES} interfaces"
            self._interfaces.append(self._interface(body))
        elif kind == _SECRETS:
            secret, length = unpack_from(f"{self._order}II", body)
            if secret == _TLS_KEY_LOG:
                self._on_secrets(body[8 : 8 + length])
        else:
            return 0, _SMALLEST_PACKET, ""
        return size, 0, ""

    def _interface(self, body: bytes) -> _Interface:
        link, _, snap_length = unpack_from(f"{self._order}HHI", body)
        resolution, offset_s, at = _MICROSECONDS, 0, 8
        while at + 4 <= len(body):
            code, size = unpack_from(f"{self._order}HH", body, at)
            value = body[at + 4 : at + 4 + size]
            if code == _END_OF_OPTIONS or len(value) < size:
                break
            if code == _TIME_RESOLUTION and size == 1:
                resolution = value[0]
            elif code == _TIME_OFFSET and size == 8:
                (offset_s,) = unpack_from(f"{self._order}q", value)
            at += 4 + size + -size % 4
        return _Interface(link, snap_length, resolution, offset_s)

    def _packets(self, buffer: bytearray, at: Integers) -> tuple[Packets, str]:
        """The packets in these blocks, up to the first that contradicts itself."""
        kind, size, number, high, low, captured, original = words(buffer, at, self._order, 7)
        start = at + 28
        if (kind == _OLD_PACKET).any():
            number = np.where(kind == _OLD_PACKET, self._halves(buffer, at + 8), number)
        simple = kind == _SIMPLE_PACKET
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
        return packets, damage

    def _halves(self, buffer: bytearray, at: Integers) -> Integers:
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


def _wrong(kind: int, size: int) -> str:
    smallest = _SMALLEST_PACKET if kind in _PACKETS else _EMPTY_BLOCK
    if size < _SMALLEST.get(kind, smallest) or size % 4:
        return f"a block of {size} bytes"
    if kind in _PACKETS and size > MAX_PACKET_BYTES:
        return f"a packet of {size} bytes"
    if kind in _SMALLEST and size > MAX_SECRETS_BYTES:
        return f"a block of {size} bytes"
    return ""


def _first(bad: Flags) -> int:
    return int(bad.argmax()) if bad.any() else len(bad)


def _nanoseconds(ticks: Ticks, interface: _Interface) -> Integers:
    """Ticks of one interface as nanoseconds since the epoch, at most `MAX_TIME_NS`."""
    power = interface.resolution & 0x7F
    if interface.resolution & 0x80:
        since = _binary(ticks, power)
    elif power <= _NANO_DIGITS:
        unit = 10 ** (_NANO_DIGITS - power)
        since = np.minimum(ticks, np.uint64(MAX_TIME_NS // unit)) * np.uint64(unit)
    else:
        since = ticks // np.uint64(10 ** min(power - _NANO_DIGITS, 19))
    offset = max(min(interface.offset_s * _SECOND_NS, MAX_TIME_NS), -MAX_TIME_NS)
    limited = np.minimum(since, np.uint64(MAX_TIME_NS)).astype(np.int64)
    return np.clip(limited + offset, -MAX_TIME_NS, MAX_TIME_NS)


def _binary(ticks: Ticks, power: int) -> Ticks:
    """Nanoseconds in ticks of 1 / 2**power seconds."""
    if power >= 64:
        return np.zeros_like(ticks)
    seconds = np.minimum(ticks >> np.uint64(power), np.uint64(MAX_TIME_NS // _SECOND_NS))
    fraction = ticks & np.uint64(2**power - 1)
    shown = min(power, _FRACTION_BITS)
    part = (fraction >> np.uint64(power - shown)) * np.uint64(_SECOND_NS)
    since: Ticks = seconds * np.uint64(_SECOND_NS) + (part >> np.uint64(shown))
    return since
