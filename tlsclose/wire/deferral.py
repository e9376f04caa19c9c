"""Client records that cannot be understood before the ServerHello: early data, mostly."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from tlsclose.core.record import ContentType
from tlsclose.wire.handshake_state import HandshakeState
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.records import Record

MAX_DEFERRED_BYTES: Final = 2**16
MAX_DEFERRED_RECORDS: Final = 256

_CLEAR: Final = frozenset({ContentType.ALERT, ContentType.HANDSHAKE})


class Deferral:
    """A bounded queue. Bodies past the bound are dropped, records past theirs do not wait."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Stamp, Record]] = deque()
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def applies(self, state: HandshakeState, content_type: int) -> bool:
        """Whether the client's next record has to wait."""
        if state.client_hello is None or state.hellos_seen:
            return False
        if state.tls13 and content_type == ContentType.CHANGE_CIPHER_SPEC:
            return False
        full = len(self._waiting) >= MAX_DEFERRED_RECORDS
        return not full and (bool(self._waiting) or content_type not in _CLEAR)

    def has_room(self, length: int) -> bool:
        """Whether a body of this many bytes can be held."""
        return self._bytes + length <= MAX_DEFERRED_BYTES

    def add(self, stamp: Stamp, record: Record) -> None:
        self._waiting.append((stamp, record))
        self._bytes += len(record.body or b"")

    def drain(self) -> Iterator[tuple[Stamp, Record]]:
        """Take out what waits, oldest first."""
        while self._waiting:
            stamp, record = self._waiting.popleft()
            self._bytes -= len(record.body or b"")
            yield stamp, record
