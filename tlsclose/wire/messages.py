"""Handshake messages of one direction, taken out of record bodies (RFC 9846 section 4).

A message may span records and several may share one. Only the few whose content is read are kept.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

MAX_KEPT_BYTES: Final = 2**16
"""Longest message whose body is kept; a ClientHello is seldom longer than 2 kB."""

_HEADER_BYTES: Final = 4


class MessageType(IntEnum):
    """The IANA TLS HandshakeType registry."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    NEW_SESSION_TICKET = 4
    END_OF_EARLY_DATA = 5
    HELLO_RETRY_REQUEST = 6
    ENCRYPTED_EXTENSIONS = 8
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    CLIENT_KEY_EXCHANGE = 16
    FINISHED = 20
    CERTIFICATE_URL = 21
    CERTIFICATE_STATUS = 22
    SUPPLEMENTAL_DATA = 23
    KEY_UPDATE = 24
    COMPRESSED_CERTIFICATE = 25
    NEXT_PROTOCOL = 67


_NAMES: Final = {item.value: item.name.lower() for item in MessageType}
_KEPT: Final = frozenset(
    {MessageType.CLIENT_HELLO, MessageType.SERVER_HELLO, MessageType.ENCRYPTED_EXTENSIONS}
)


class Message(NamedTuple):
    """One whole handshake message."""

    kind: int
    body: bytes | None
    """None where nobody reads it or it is too long."""

    @property
    def name(self) -> str:
        """See `message_name`."""
        return message_name(self.kind)


def message_name(kind: int) -> str:
    """`client_hello`, or `message-99` for a number that is not assigned."""
    return _NAMES.get(kind) or f"message-{kind}"


def types_in(data: bytes) -> bytes | None:
    """The types of the messages that a record's plaintext is; None where one is not whole."""
    size = len(data) - _HEADER_BYTES
    if size < 0:
        return None
    if int.from_bytes(data[1:_HEADER_BYTES]) == size:
        return data[:1]
    types, at = bytearray(), 0
    while at < len(data):
        types.append(data[at])
        at = _end_of_message(data, at)
    return bytes(types) if at == len(data) else None


class MessageReader:
    """Joins and splits; bodies that nobody reads are counted and not kept."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._body: bytearray | None = None
        self._missing = 0

    @property
    def partial(self) -> bool:
        """Whether the last message is not whole."""
        return bool(self._header)

    def only(self, data: bytes) -> int | None:
        """The type of the one message that a record's plaintext is; None where it is not just one.

        Instead of `feed`, where its type is all that is needed.
        """
        size = len(data) - _HEADER_BYTES
        if size < 0 or self._header or int.from_bytes(data[1:_HEADER_BYTES]) != size:
            return None
        return data[0]

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take one record's plaintext; yield the messages that it completes."""
        at = 0
        while at < len(data):
            if not self._header and (end := _end_of_message(data, at)) <= len(data):
                yield _whole(data, at, end)
                at = end
                continue
            if len(self._header) < _HEADER_BYTES:
                at = self._take_header(data, at)
            else:
                at = self._take_body(data, at)
            if len(self._header) == _HEADER_BYTES and not self._missing:
                yield self._complete()

    def reset(self) -> None:
        """Forget a message that will not be completed."""
        self._header.clear()
        self._body, self._missing = None, 0

    def _take_header(self, data: bytes, at: int) -> int:
        end = min(at + _HEADER_BYTES - len(self._header), len(data))
        self._header += data[at:end]
        if len(self._header) == _HEADER_BYTES:
            self._missing = int.from_bytes(self._header[1:])
            kept = self._header[0] in _KEPT and self._missing <= MAX_KEPT_BYTES
            self._body = bytearray() if kept else None
        return end

    def _take_body(self, data: bytes, at: int) -> int:
        end = min(at + self._missing, len(data))
        if self._body is not None:
            self._body += data[at:end]
        self._missing -= end - at
        return end

    def _complete(self) -> Message:
        message = Message(self._header[0], None if self._body is None else bytes(self._body))
        self.reset()
        return message


def _end_of_message(data: bytes, at: int) -> int:
    """Where the message that begins here ends; behind all data where its header is cut."""
    body = at + _HEADER_BYTES
    return body + int.from_bytes(data[at + 1 : body]) if body <= len(data) else body


def _whole(data: bytes, at: int, end: int) -> Message:
    kept = data[at] in _KEPT and end - at - _HEADER_BYTES <= MAX_KEPT_BYTES
    return Message(data[at], data[at + _HEADER_BYTES : end] if kept else None)
