"""What a connection carries before TLS, or instead of it: found, named, bounded.

A protocol that turns to TLS (`upgrade`) says where: TLS begins right behind the client's request
and the server's consent, or it does not begin. In what nobody here knows, and behind a request
whose answer went astray, a whole hello is looked for; that counts only where both sides have one.
"""

from typing import Final

from tlsclose.core.event import Side
from tlsclose.core.record import HEADER_BYTES
from tlsclose.wire.dialogue import Dialogue
from tlsclose.wire.foreign import (
    EXAMINED_BYTES,
    HELLO_BYTES,
    begins_tls,
    describe,
    hello_at,
    recognised,
)
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.upgrade import Reading, marks
from tlsclose.wire.upgrade_names import Mark

MAX_SEARCHED_BYTES: Final = 2**16
"""How far into a side's plaintext the first TLS record is looked for."""
MAX_HELD_BYTES: Final = 1024
"""The longest unit, a PROXY header or an LDAP response, that is found in pieces."""

_PRINTABLE: Final = frozenset(b"\t\r\n") | frozenset(range(0x20, 0x7F))


class Foreign:
    """One side's bytes that are not TLS: described, counted, and searched for its beginning."""

    def __init__(
        self, stamp: Stamp, side: Side, dialogue: Dialogue, *, search: bool, whole: bool = True
    ) -> None:
        self.stamp = stamp
        """When the bytes came that `description` describes."""
        self.size = 0
        self.found = False
        """TLS begins in what `feed` returned last."""
        self._side = side
        self._dialogue = dialogue
        self._search = search
        self._whole = whole
        self._head = b""
        self._examined = b""
        self._tail = b""
        self._handled = 0
        """Up to here units have been found, counted from the stream's start."""
        self._mark: Mark | None = None
        """The unit whose next bytes have not come; its end counts likewise."""

    @property
    def description(self) -> str:
        return describe(self._examined)

    @property
    def text(self) -> bool:
        """Whether it is plain text by all appearances: ciphertext looks otherwise."""
        return len(self._head) == EXAMINED_BYTES and _PRINTABLE.issuperset(self._head)

    @property
    def idle(self) -> bool:
        """Whether more bytes change nothing but `size`."""
        return not self._search and bool(self.size) and len(self._examined) == EXAMINED_BYTES

    def hole(self, size: int) -> None:
        """Bytes are missing here: a unit that they were in is not found."""
        self.size += size
        self._whole = False
        self._tail = b""
        self._mark = None

    def feed(self, stamp: Stamp, data: bytes) -> bytes:
        """Take bytes; return those from the first TLS record on, none while there is none."""
        if not self._examined:
            self.stamp = stamp
        self._head += data[: EXAMINED_BYTES - len(self._head)]
        self._examined += data[: EXAMINED_BYTES - len(self._examined)]
        self.size += len(data)
        if not self._search:
            return b""
        held = self._tail + data
        start = self._beginning(stamp, held)
        if start is None:
            self._search = self.size < MAX_SEARCHED_BYTES
            self._tail = held[-MAX_HELD_BYTES:] if self._search else b""
            return b""
        self.found = True
        self.size -= len(held) - start
        return held[start:]

    def _beginning(self, stamp: Stamp, held: bytes) -> int | None:
        """Where TLS begins in the last bytes of the stream so far."""
        before = self.size - len(held)
        start = self._behind(stamp, held, before)
        if start is not None:
            return start
        whole = self._whole and not before
        for found in marks(self._side, Reading(held, whole, self._head)):
            mark = found._replace(end=found.end + before)
            if mark.end > self._handled:
                self._handled, self._mark = mark.end, mark
                self._dialogue.take(stamp, self._side, mark)
                start = self._behind(stamp, held, before)
                if start is not None:
                    return start
        return self._by_looks(held, before)

    def _behind(self, stamp: Stamp, held: bytes, before: int) -> int | None:
        """Look at what follows the last unit, as soon as there is enough of it."""
        if self._mark is None:
            return None
        start = self._mark.end - before
        if len(held) < start + HEADER_BYTES:
            return None
        mark, self._mark = self._mark, None
        if begins_tls(held[start : start + HEADER_BYTES]):
            self._dialogue.begin(self._side, mark.protocol, mark.end)
            return start
        if self._dialogue.agreed:
            self.stamp, self._examined = stamp, held[start : start + EXAMINED_BYTES]
        return None

    def _by_looks(self, held: bytes, before: int) -> int | None:
        told = self._whole and recognised(self._head) and self._dialogue.asked is None
        start = None if told else hello_at(held, self._side, len(self._tail) + 1 - HELLO_BYTES)
        if start is not None:
            self._dialogue.guessed = True
            self._dialogue.begin(self._side, self._dialogue.asked, before + start)
        return start
