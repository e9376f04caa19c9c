"""The classic capture format (draft-ietf-opsawg-pcap): a file header, then packets."""

from abc import ABC, abstractmethod
from struct import Struct
from typing import Final, Generic

from tlsclose.wire.scan import Buffer, Made_co, Scan

FILE_HEADER_BYTES: Final = 24
MAX_PACKET_BYTES: Final = 2**24

_USUAL_SNAP_LENGTH: Final = 2**18
_LINK_MASK: Final = 0x0FFF_FFFF
"""The upper four bits tell about frame check sequences."""
_NANOSECOND: Final = 1
_MICROSECOND: Final = 1000
SECOND_NS: Final = 10**9
_MAGICS: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", _MICROSECOND, 16),
    b"\xa1\xb2\xc3\xd4": (">", _MICROSECOND, 16),
    b"\x4d\x3c\xb2\xa1": ("<", _NANOSECOND, 16),
    b"\xa1\xb2\x3c\x4d": (">", _NANOSECOND, 16),
    b"\x34\xcd\xb2\xa1": ("<", _MICROSECOND, 24),
    b"\xa1\xb2\xcd\x34": (">", _MICROSECOND, 24),
}
"""Byte order, unit of the fraction, packet header's length (the last two: Kuznetzov's variant)."""


def is_pcap(magic: bytes) -> bool:
    return magic[:4] in _MAGICS


class PcapFormat(ABC, Generic[Made_co]):
    """One file's format, told by its header."""

    def __init__(self, header: bytes) -> None:
        """Take the `FILE_HEADER_BYTES` that a file begins with, magic number included."""
        self.state: object = None
        """What a part of the file has to know of those before it: nothing."""
        self._order, self._unit_ns, self._header_bytes = _MAGICS[header[:4]]
        snap_length, link = Struct(f"{self._order}II").unpack_from(header, 16)
        self._link = link & _LINK_MASK
        self._limit = max(_USUAL_SNAP_LENGTH, min(snap_length, MAX_PACKET_BYTES))
        self._length_at = Struct(f"{self._order}I").unpack_from

    def scan(self, buffer: Buffer, at: int, end: int) -> Scan[Made_co]:
        headers: list[int] = []
        found = headers.append
        length_at, header, limit = self._length_at, self._header_bytes, self._limit
        last = end - header
        following = at
        damage = ""
        while at <= last:
            (size,) = length_at(buffer, at + 8)
            following = at + header + size
            if size > limit:
                damage = f"a packet of {size} bytes"
                break
            if following > end:
                break
            found(at)
            at = following
        needed = 0 if damage else max(following - at, header)
        packets = self._packets(buffer, headers)
        return Scan(packets=packets, consumed=at, needed=needed, damage=damage)

    @abstractmethod
    def _packets(self, buffer: Buffer, at: list[int]) -> Made_co:
        """The packets whose headers stand at these places."""
