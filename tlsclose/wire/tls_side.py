"""One side of a TLS conversation: where its stream stands, and what it sends instead of TLS."""

from collections.abc import Callable, Iterator
from typing import Final

from tlsclose.core.alert import Alert
from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.core.record import ALERT_BYTES, ContentType
from tlsclose.wire.foreign import EXAMINED_BYTES, HELLO_BYTES, describe, hello_at
from tlsclose.wire.inference import Sizes
from tlsclose.wire.messages import MessageReader, MessageType
from tlsclose.wire.opener import Opener
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.records import Record, RecordReader

MAX_SEARCHED_BYTES: Final = 2**16
"""How far into a plaintext preamble (STARTTLS, a proxy) the first TLS record is looked for."""

_MESSAGE_HEADER_BYTES: Final = 4
_KNOWN_MESSAGES: Final = frozenset(int(kind) for kind in MessageType)
_LONG_MESSAGES: Final = frozenset(
    {MessageType.CLIENT_HELLO, MessageType.SERVER_HELLO, MessageType.CERTIFICATE}
)
"""May be longer than one record."""


class Foreign:
    """Bytes that are not TLS: described, counted, and searched for a beginning of TLS."""

    def __init__(self, stamp: Stamp, *, search: bool) -> None:
        self.stamp = stamp
        self.size = 0
        self.found = False
        """TLS begins in what `feed` returned last."""
        self._search = search
        self._examined = b""
        self._tail = b""

    @property
    def description(self) -> str:
        return describe(self._examined)

    @property
    def idle(self) -> bool:
        """Whether more bytes change nothing but `size`."""
        return not self._search and bool(self.size) and len(self._examined) == EXAMINED_BYTES

    def feed(self, data: bytes) -> bytes:
        """Take bytes; return those from the first TLS record on, none while there is none."""
        self._examined += data[: EXAMINED_BYTES - len(self._examined)]
        self.size += len(data)
        if not self._search:
            return b""
        held = self._tail + data
        start = hello_at(held)
        if start is not None:
            self.found = True
            self.size -= len(held) - start
            return held[start:]
        self._tail = held[1 - HELLO_BYTES :]
        self._search = self.size < MAX_SEARCHED_BYTES
        return b""


def _no_body(_content_type: int, _length: int) -> bool:
    return False


def _nothing(_side: "TlsSide", _content_type: int, _length: int) -> bool:
    return False


class TlsSide:
    """The reading state of one direction."""

    def __init__(self, name: Side, wants: Callable[["TlsSide", int, int], bool]) -> None:
        self.name = name
        self.opener = Opener()
        self.messages = MessageReader()
        self.reader = self._reader(wants)
        self.foreign: Foreign | None = None
        self.whole = True
        """The stream was seen from its first byte on."""
        self.records = 0
        self.sealed_records = 0
        """Those that could not be opened, alert-sized ones not counted."""
        self.held: Event | None = None
        """The last record, where it may be a sealed alert: held back until it is known."""
        self.held_alert_shaped = False
        """It has just the length of an alert; otherwise it could only be a padded one."""
        self.sizes = Sizes()
        self.stamp = Stamp(0, None)
        self._wants = wants
        self._half_alert = b""

    def event(
        self,
        stamp: Stamp,
        kind: Kind,
        source: Source,
        detail: str = "",
        size: int = 0,
        *,
        alert: Alert | None = None,
    ) -> Event:
        """An event of this side."""
        return Event(
            at_ns=stamp.at_ns,
            sender=self.name,
            kind=kind,
            source=source,
            detail=detail,
            alert=alert,
            bytes=size,
            packet=stamp.number,
        )

    def lose(self, stamp: Stamp, *, search: bool) -> Foreign:
        """Stop reading records: what comes is not TLS."""
        self.foreign = Foreign(stamp, search=search)
        return self.foreign

    def lose_sync(self) -> None:
        """Stop reading records: a header is missing."""
        self.lose(self.stamp, search=False)
        self.whole = False

    def restart(self) -> None:
        """Read records from here on."""
        self.reader = self._reader(self._wants)
        self.foreign = None

    def close(self) -> None:
        """No more will be read. Lets go of the conversation, so that both are freed at once."""
        self._wants = _nothing
        self.reader = RecordReader(_no_body)

    def starts_well(self, record: Record) -> bool:
        """Whether a handshake record can be in the clear: asked of the first one of a stream.

        A sealed one begins with a nonce or with noise: a known type with a length that fits is
        then most unlikely, but for a nonce that counts from 0 (a HelloRequest, by its looks).
        """
        body = record.body or b""
        if self.records > 1 or len(body) < _MESSAGE_HEADER_BYTES:
            return self.records > 1 and bool(body)
        if body[0] == MessageType.HELLO_REQUEST:
            return len(body) == _MESSAGE_HEADER_BYTES
        size = int.from_bytes(body[1:_MESSAGE_HEADER_BYTES]) + _MESSAGE_HEADER_BYTES
        return body[0] in _KNOWN_MESSAGES and (size <= len(body) or body[0] in _LONG_MESSAGES)

    def alert_in_clear(self, record: Record) -> bool:
        """Whether an alert record is not sealed; sealed ones are longer, whatever the suite."""
        if record.content_type != ContentType.ALERT:
            return False
        return (not self.opener.sealed and self.records > 1) or record.length <= ALERT_BYTES

    def take_alerts(self, data: bytes) -> Iterator[Alert]:
        """Split alert plaintext into alerts; half of one waits for the next record."""
        data = self._half_alert + data
        whole = len(data) - len(data) % ALERT_BYTES
        self._half_alert = data[whole:]
        for at in range(0, whole, ALERT_BYTES):
            yield Alert(level=data[at], description=data[at + 1])

    def _reader(self, wants: Callable[["TlsSide", int, int], bool]) -> RecordReader:
        return RecordReader(lambda content_type, length: wants(self, content_type, length))
