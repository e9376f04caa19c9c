"""TLS records of one direction, chained header to header (RFC 9846 5.1, RFC 5246 6.2.1).

A record's header says where the next one begins, so a body that nobody will read is counted and
never kept. Who reads decides by `wanted`, asked once per header, after every earlier record of the
direction has been handled: the answer may depend on what those said.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final, NamedTuple

from tlsclose.core.record import HEADER_BYTES, MAX_CIPHERTEXT_BYTES, ContentType

_TYPES: Final = frozenset(int(item) for item in ContentType)
_MAJOR_VERSION: Final = 3
_LAST_MINOR_VERSION: Final = 4
VERSIONS: Final = range(_MAJOR_VERSION << 8, (_MAJOR_VERSION << 8) + _LAST_MINOR_VERSION + 1)
HEADER: Final = Struct("!BHH").unpack_from
"""Content type, version and length, from bytes and a place in them."""


class Record(NamedTuple):
    """One whole record."""

    content_type: int
    version: int
    """The record header's version field, 0x0301 to 0x0304."""
    length: int
    """Bytes of the body."""
    body: bytes | None
    """None where it was not wanted or parts of it were not captured."""


def plausible(content_type: int, version: int, length: int) -> bool:
    """Whether a TLS record can begin like this."""
    return content_type in _TYPES and version in VERSIONS and length <= MAX_CIPHERTEXT_BYTES


def plausible_header(header: bytes | bytearray) -> bool:
    """Whether five bytes can begin a TLS record."""
    return plausible(*HEADER(header))


class RecordReader:
    """Splits one direction's bytes into records, however they are cut.

    `wanted(content_type, length)` says whether a body is to be kept.
    """

    def __init__(self, wanted: Callable[[int, int], bool]) -> None:
        self.broken: bytes | None = None
        """The bytes that are not a record header, once such came; nothing is read after them."""
        self.wanted = wanted
        self._header = bytearray()
        self._body: bytearray | None = None
        self._missing = 0
        self._started = False

    @property
    def partial(self) -> bool:
        """Whether the stream stands inside a record."""
        return self._started or bool(self._header)

    @property
    def foreign_start(self) -> bytes:
        """The fewer than five bytes that have come so far, where no record begins like that."""
        start = bytes(self._header)
        if self._started or not start:
            return b""
        likely = start[0] in _TYPES and start[1:2] in (b"", bytes([_MAJOR_VERSION]))
        return b"" if likely else start

    @property
    def idle(self) -> int:
        """So many bytes from here on belong to a body that nobody wants."""
        return self._missing if self._started and self._body is None else 0

    def skip(self, size: int) -> None:
        """Step over captured bytes, fewer than `idle`."""
        self._missing -= size

    def feed(self, data: bytes) -> Iterator[Record]:
        """Take the next bytes of the stream; yield the records that they complete."""
        at = 0
        size = len(data)
        while at < size or (self._started and not self._missing):
            if self.broken is not None:
                return
            if self._started:
                at = self._take_body(data, at)
                if not self._missing:
                    yield self._complete()
            elif self._header or size - at < HEADER_BYTES:
                at = self._take_header(data, at)
            else:
                kind, version, length = HEADER(data, at)
                if not plausible(kind, version, length):
                    self.broken = data[at:]
                    return
                body = at + HEADER_BYTES
                end = body + length
                wanted = self.wanted(kind, length)
                if end <= size:
                    at = end
                    yield Record(kind, version, length, data[body:end] if wanted else None)
                else:
                    self._header += data[at:body]
                    self._missing = length
                    self._started = True
                    self._body = bytearray() if wanted else None
                    at = body

    def hole(self, size: int) -> Iterator[Record]:
        """Step over `size` bytes that were not captured.

        Bytes of the body at hand are stepped over, and the record comes without its body. A hole
        beyond it takes a header with it: `broken` is then empty bytes.
        """
        if size <= 0 or self.broken is not None:
            return
        if not self._started or size > self._missing:
            self.broken = b""
            return
        self._body = None
        self._missing -= size
        if not self._missing:
            yield self._complete()

    def _take_header(self, data: bytes, at: int) -> int:
        end = at + HEADER_BYTES - len(self._header)
        self._header += data[at:end]
        if len(self._header) < HEADER_BYTES:
            return len(data)
        if not plausible_header(self._header):
            self.broken = bytes(self._header) + data[end:]
            return len(data)
        content_type, self._missing = self._header[0], int.from_bytes(self._header[3:5])
        self._started = True
        self._body = bytearray() if self.wanted(content_type, self._missing) else None
        return end

    def _take_body(self, data: bytes, at: int) -> int:
        end = min(at + self._missing, len(data))
        if self._body is not None:
            self._body += data[at:end]
        self._missing -= end - at
        return end

    def _complete(self) -> Record:
        content_type, version, length = HEADER(self._header)
        body = None if self._body is None else bytes(self._body)
        self._header.clear()
        self._body = None
        self._started = False
        return Record(content_type, version, length, body)
