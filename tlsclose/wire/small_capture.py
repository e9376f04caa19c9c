"""A small capture read at once: its packets as frames.

`capture_file` makes columns of packets, which pays from some thousands of them on: numpy takes
longer to load than all that a small capture needs. The formats are read by the same walkers, and
what is told of damage is the same.
"""

import os
import stat
from pathlib import Path
from struct import Struct
from typing import Final

from tlsclose.core.frozen import dataclass
from tlsclose.wire.embedded_keys import EmbeddedKeys
from tlsclose.wire.frame import Frame
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.pcap_format import FILE_HEADER_BYTES, SECOND_NS, PcapFormat, is_pcap
from tlsclose.wire.pcapng_format import (
    FRACTION_BITS,
    MAGIC,
    NANO_DIGITS,
    OLD_PACKET,
    SIMPLE_PACKET,
    Interface,
    PcapngFormat,
)
from tlsclose.wire.scan import BREAKS_OFF, BREAKS_OFF_EARLY, MAX_TIME_NS, Buffer, Scan

SMALL_BYTES: Final = 2**20
FEW_PACKETS: Final = 4096

_PADDING_BYTES: Final = 32
"""Behind the file's bytes: seven numbers are read of a block that may hold four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallCapture:
    """What one file holds."""

    frames: list[Frame]
    damage: str | None
    """Why the file could not be read to its end: names the file and the byte offset."""
    warnings: list[str]
    """What was wrong and did no harm."""
    bytes_read: int


def small_capture(path: Path, keys: KeyLog) -> SmallCapture | None:
    """Read a small file; secrets in it are added to `keys`.

    None for every other: one of many bytes or packets, one that is packed, no capture, a pipe,
    or not to be read.
    """
    data = _whole(path)
    if data is None or not (data.startswith(MAGIC) or is_pcap(data)):
        return None
    embedded = EmbeddedKeys(str(path), keys)
    scan = _scanned(data, embedded)
    if len(scan.packets) > FEW_PACKETS:
        return None
    damage = scan.damage or (BREAKS_OFF if scan.consumed != len(data) else "")
    where = min(scan.consumed, len(data))
    return SmallCapture(
        frames=scan.packets,
        damage=f"{path}: byte {where}: {damage}" if damage else None,
        warnings=embedded.warnings,
        bytes_read=len(data),
    )


def _scanned(data: bytes, embedded: EmbeddedKeys) -> Scan[list[Frame]]:
    """Everything in the file at once: what the next item would need does not come any more."""
    size, buffer = len(data), bytearray(data) + bytes(_PADDING_BYTES)
    if data.startswith(MAGIC):
        return _Blocks(embedded.add).scan(buffer, 0, size)
    if size < FILE_HEADER_BYTES:
        return Scan([], 0, damage=BREAKS_OFF_EARLY)
    return _Records(data[:FILE_HEADER_BYTES]).scan(buffer, FILE_HEADER_BYTES, size)


def _whole(path: Path) -> bytes | None:
    """A small regular file's bytes."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_size > SMALL_BYTES:
            return None
        with path.open("rb", buffering=0) as file:
            data = os.read(file.fileno(), SMALL_BYTES + 1)
    except OSError:
        return None
    return data if len(data) == about.st_size else None


class _Records(PcapFormat[list[Frame]]):
    """The classic format into frames."""

    def _packets(self, buffer: Buffer, at: list[int]) -> list[Frame]:
        numbers = Struct(f"{self._order}IIII").unpack_from
        frames = []
        for place in at:
            seconds, fraction, captured, original = numbers(buffer, place)
            start = place + self._header_bytes
            at_ns = min(seconds * SECOND_NS + fraction * self._unit_ns, MAX_TIME_NS)
            data = bytes(buffer[start : start + captured])
            frames.append(Frame(at_ns, self._link, data, original))
        return frames


class _Blocks(PcapngFormat[list[Frame]]):
    """The block format into frames."""

    def _packets(self, buffer: Buffer, at: list[int]) -> tuple[list[Frame], int, str]:
        frames: list[Frame] = []
        for place in at:
            frame, damage = self._frame(buffer, place)
            if frame is None:
                return frames, len(frames), damage
            frames.append(frame)
        return frames, len(frames), ""

    def _joined(self, parts: list[list[Frame]]) -> list[Frame]:
        return [frame for part in parts for frame in part]

    def _frame(self, buffer: Buffer, at: int) -> tuple[Frame | None, str]:
        words = Struct(f"{self._order}7I").unpack_from(buffer, at)
        kind, size, number, high, low, captured, original = words
        start, end = at + 28, at + size - 4
        if kind == OLD_PACKET:
            (number,) = Struct(f"{self._order}H").unpack_from(buffer, at + 8)
        elif kind == SIMPLE_PACKET:
            start, original, captured = at + 12, number, self._kept(number, size - 16)
            number = 0
        if Struct(f"{self._order}I").unpack_from(buffer, end)[0] != size or start + captured > end:
            return None, "a block contradicts itself"
        if number >= len(self._interfaces):
            return None, "a packet of no interface"
        interface = self._interfaces[number]
        if kind != SIMPLE_PACKET:
            self._last_ns = _nanoseconds(high << 32 | low, interface)
        data = bytes(buffer[start : start + captured])
        return Frame(self._last_ns, interface.link, data, original), ""

    def _kept(self, original: int, room: int) -> int:
        """A simple packet's captured length, which it does not tell."""
        limit = self._interfaces[0].snap_length if self._interfaces else 0
        return min(original, room, limit or original)


def _nanoseconds(ticks: int, interface: Interface) -> int:
    """Ticks of one interface as nanoseconds since the epoch, at most `MAX_TIME_NS`."""
    power = interface.resolution & 0x7F
    if interface.resolution & 0x80:
        since = _binary(ticks, power)
    elif power <= NANO_DIGITS:
        unit: int = 10 ** (NANO_DIGITS - power)
        since = min(ticks, MAX_TIME_NS // unit) * unit
    else:
        digits: int = 10 ** (power - NANO_DIGITS)
        since = ticks // digits
    return max(min(min(since, MAX_TIME_NS) + interface.offset_ns, MAX_TIME_NS), -MAX_TIME_NS)


def _binary(ticks: int, power: int) -> int:
    """Nanoseconds in ticks of 1 / 2**power seconds, as exact as numpy's 64 bits allow."""
    if power >= 64:
        return 0
    seconds = min(ticks >> power, MAX_TIME_NS // SECOND_NS)
    shown = min(power, FRACTION_BITS)
    part = (ticks & (1 << power) - 1) >> (power - shown)
    return seconds * SECOND_NS + (part * SECOND_NS >> shown)
