"""The block format (draft-ietf-opsawg-pcapng): sections, interfaces, packets, secrets.

Blocks of other types are stepped over. A simple packet has no time of its own: it gets that of the
packet before it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from struct import Struct, unpack_from
from typing import Any, Final, Generic, NamedTuple

from tlsclose.wire.pcap_format import MAX_PACKET_BYTES, SECOND_NS
from tlsclose.wire.scan import MAX_TIME_NS, Buffer, Made_co, Scan

MAGIC: Final = b"\x0a\x0d\x0d\x0a"
MAX_SECRETS_BYTES: Final = 2**26
MAX_INTERFACES: Final = 2**16

_SECTION, _INTERFACE, OLD_PACKET, SIMPLE_PACKET = 0x0A0D0D0A, 1, 2, 3
_ENHANCED_PACKET, _SECRETS = 6, 10
_SMALLEST: Final = {_SECTION: 28, _INTERFACE: 20, SIMPLE_PACKET: 16, _SECRETS: 20}
_SMALLEST_PACKET: Final = 32
_EMPTY_BLOCK: Final = 12
_PACKETS: Final = frozenset({_ENHANCED_PACKET, OLD_PACKET, SIMPLE_PACKET})
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_TLS_KEY_LOG: Final = 0x544C534B
_END_OF_OPTIONS, _TIME_RESOLUTION, _TIME_OFFSET = 0, 9, 14
_MICROSECONDS: Final = 6
NANO_DIGITS: Final = 9
FRACTION_BITS: Final = 33
"""Of a second: so many bits times a second's nanoseconds fit into 64."""


class Interface(NamedTuple):
    """What the packets of one interface have in common."""

    link: int
    snap_length: int
    resolution: int
    """As the option if_tsresol has it."""
    offset_s: int

    @property
    def offset_ns(self) -> int:
        """So limited that its sum with a time of at most `MAX_TIME_NS` fits into 64 bits."""
        return max(min(self.offset_s * SECOND_NS, MAX_TIME_NS - 1), -MAX_TIME_NS)


class PcapngFormat(ABC, Generic[Made_co]):
    """State of the section at hand; `on_secrets` gets the text of each TLS key log."""

    def __init__(self, on_secrets: Callable[[bytes], None]) -> None:
        self._on_secrets = on_secrets
        self._order = "<"
        self._interfaces: list[Interface] = []
        self._last_ns = 0

    @property
    def state(self) -> Any:  # noqa: ANN401 - whatever is given back
        """What a part of the file has to know of those before it."""
        return self._order, tuple(self._interfaces), self._last_ns

    @state.setter
    def state(self, state: tuple[str, tuple[Interface, ...], int]) -> None:
        self._order, interfaces, self._last_ns = state
        self._interfaces = list(interfaces)

    def scan(self, buffer: Buffer, at: int, end: int) -> Scan[Made_co]:
        parts: list[Made_co] = []
        while True:
            found, following = self._walk(buffer, at, end)
            if found:
                packets, count, damage = self._packets(buffer, found)
                parts.append(packets)
                if damage:
                    at = found[count]
                    return Scan(packets=self._joined(parts), consumed=at, damage=damage)
            at = following
            step, needed, damage = self._other(buffer, at, end)
            if not step:
                return Scan(packets=self._joined(parts), consumed=at, needed=needed, damage=damage)
            at += step
            if at >= end:
                return Scan(packets=self._joined(parts), consumed=at, needed=_EMPTY_BLOCK)

    def _walk(self, buffer: Buffer, at: int, end: int) -> tuple[list[int], int]:
        """Whole packet blocks from here on, and where the first block of another kind stands."""
        found: list[int] = []
        add = found.append
        head = Struct(f"{self._order}II").unpack_from
        last = end - _SMALLEST[SIMPLE_PACKET]
        while at <= last:
            kind, size = head(buffer, at)
            if kind != _ENHANCED_PACKET and kind not in _PACKETS:
                break
            if size < _SMALLEST_PACKET and (kind != SIMPLE_PACKET or size < _SMALLEST[kind]):
                break
            if size & 3 or at + size > end:
                break
            add(at)
            at += size
        return found, at

    def _other(self, buffer: Buffer, at: int, end: int) -> tuple[int, int, str]:
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

    def _interface(self, body: bytes) -> Interface:
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
        return Interface(link, snap_length, resolution, offset_s)

    @abstractmethod
    def _packets(self, buffer: Buffer, at: list[int]) -> tuple[Made_co, int, str]:
        """The packets in these blocks, up to the first that contradicts itself, and their count.

        And what is wrong with that one; empty where there is none.
        """

    @abstractmethod
    def _joined(self, parts: list[Made_co]) -> Made_co: ...


def _wrong(kind: int, size: int) -> str:
    smallest = _SMALLEST_PACKET if kind in _PACKETS else _EMPTY_BLOCK
    if size < _SMALLEST.get(kind, smallest) or size % 4:
        return f"a block of {size} bytes"
    if kind in _PACKETS and size > MAX_PACKET_BYTES:
        return f"a packet of {size} bytes"
    if kind in _SMALLEST and size > MAX_SECRETS_BYTES:
        return f"a block of {size} bytes"
    return ""
