"""Cuts a byte stream where TLS records end, so that an engine is fed no more than it should eat."""

from tlsclose.core.record import HEADER_BYTES


class RecordCutter:
    """Follows record headers through pieces of a stream cut anywhere (RFC 9846 section 5.1).

    Nothing is validated: for bytes that are not TLS the cuts are arbitrary.
    """

    def __init__(self) -> None:
        self._header = bytearray()
        self._left = 0

    def cut(self, data: bytes) -> int:
        """How many bytes of `data` belong to the record in progress: at least 1 unless empty."""
        used = 0
        if not self._left:
            used = min(HEADER_BYTES - len(self._header), len(data))
            self._header += data[:used]
            if len(self._header) < HEADER_BYTES:
                return used
            self._left = int.from_bytes(self._header[3:5])
            self._header.clear()
        body = min(self._left, len(data) - used)
        self._left -= body
        return used + body
