"""One side of a TLS conversation: where its stream stands, and what it sends instead of TLS."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from tlsclose.core.alert import Alert
from tlsclose.core.event import SEALED, Event, Kind, Side, Source
from tlsclose.core.record import ALERT_BYTES, ContentType
from tlsclose.wire.dialogue import Dialogue
from tlsclose.wire.inference import Sizes
from tlsclose.wire.messages import MessageReader, MessageType
from tlsclose.wire.opener import Opener
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.records import Record, RecordReader

if TYPE_CHECKING:
    from tlsclose.wire.preamble import Foreign

_MESSAGE_HEADER_BYTES: Final = 4
_KNOWN_MESSAGES: Final = frozenset(int(kind) for kind in MessageType)
_LONG_MESSAGES: Final = frozenset(
    {MessageType.CLIENT_HELLO, MessageType.SERVER_HELLO, MessageType.CERTIFICATE}
)
"""May be longer than one record."""


Wants = Callable[[int, int], bool]
"""Whether a record of this content type and length is to be read."""


def _no_body(_content_type: int, _length: int) -> bool:
    return False


class TlsSide:
    """The reading state of one direction."""

    def __init__(self, name: Side, dialogue: Dialogue, wants: Wants | None = None) -> None:
        """`wants` says which records are to be read, until `settle`; failing it the opener does."""
        self.name = name
        self.opener = Opener()
        self.messages = MessageReader()
        self._wants = wants or self.opener.wants
        self.reader = RecordReader(self._wants)
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
        self._dialogue = dialogue
        self._half_alert = b""

    @property
    def unseen(self) -> bool:
        """Whether no byte of this side has come."""
        return not self.records and self.foreign is None and not self.reader.partial

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

    def lose(self, stamp: Stamp) -> "Foreign":
        """Stop reading records: what comes is not TLS. It may begin, where none has been seen."""
        from tlsclose.wire.preamble import Foreign

        search = not self.records
        self.foreign = Foreign(stamp, self.name, self._dialogue, search=search, whole=self.whole)
        return self.foreign

    def foreign_event(self) -> Event | None:
        """What is to be said, at the end, of bytes that are not TLS."""
        foreign, refusal = self.foreign, self._dialogue.refusal
        if foreign is None or not foreign.size or (refusal and self.name is Side.CLIENT):
            return None
        size = foreign.size
        if refusal:
            stamp = self._dialogue.refused_at
            return self.event(stamp, Kind.NOT_TLS, Source.WIRE, refusal, size)
        if self.whole or (foreign.text and not self.records):
            return self.event(foreign.stamp, Kind.NOT_TLS, Source.WIRE, foreign.description, size)
        return self.event(foreign.stamp, Kind.RECORD, Source.INFERRED, SEALED, size)

    def lose_sync(self) -> None:
        """Stop reading records: a header is missing."""
        self.whole = False
        self.lose(self.stamp)

    def restart(self) -> None:
        """Read records from here on."""
        self.reader = RecordReader(self._wants)
        self.foreign = None

    def take_over(self, reader: RecordReader) -> None:
        """Go on with another reader of this side's records."""
        reader.wanted = self._wants
        self.reader = reader

    def settle(self) -> None:
        """Leave it to the opener which records are to be read."""
        self._wants = self.reader.wanted = self.opener.wants

    def close(self) -> None:
        """No more will be read. Lets go of the conversation, so that both are freed at once."""
        self._wants = _no_body
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
