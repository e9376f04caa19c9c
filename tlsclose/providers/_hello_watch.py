"""What the handshake says in the clear while it passes through: both hellos, and alerts.

Schannel does not tell a server which name the client asked for, nor which alert ended a handshake;
and not every secur32 names the version and suite of TLS 1.3 rightly.
"""

from collections.abc import Iterator
from typing import Final

from tlsclose.core.alert import Alert
from tlsclose.core.event import Side
from tlsclose.core.hello import ClientHello, ServerHello, parse_client_hello, parse_server_hello
from tlsclose.core.record import ALERT_BYTES, HEADER_BYTES, ContentType

MAX_BYTES: Final = 1 << 16
"""Of handshake messages that one side may send before its hello is complete."""

_MESSAGE_HEADER: Final = 4


class HelloWatch:
    """Both directions of one handshake, record by record."""

    def __init__(self) -> None:
        self._waiting = {Side.CLIENT: bytearray(), Side.SERVER: bytearray()}
        self.client: ClientHello | None = None
        self.server: ServerHello | None = None
        """The last one: a HelloRetryRequest only until the real one comes."""

    def passed(self, sender: Side, data: bytes) -> None:
        """Look at complete records that `sender` sent; a record that is cut off is left out."""
        waiting = self._waiting[sender]
        if self._known(sender) or len(waiting) > MAX_BYTES:
            return
        for kind, body in records(data):
            if kind == ContentType.HANDSHAKE:
                waiting += body
        self._parse(sender, waiting)

    def _known(self, sender: Side) -> bool:
        if sender is Side.CLIENT:
            return self.client is not None
        return self.server is not None and not self.server.retry

    def _parse(self, sender: Side, waiting: bytearray) -> None:
        while len(waiting) >= _MESSAGE_HEADER and not self._known(sender):
            end = _MESSAGE_HEADER + int.from_bytes(waiting[1:_MESSAGE_HEADER])
            if len(waiting) < end:
                return
            body = bytes(waiting[_MESSAGE_HEADER:end])
            del waiting[:end]
            if sender is Side.CLIENT:
                self.client = parse_client_hello(body)
            else:
                self.server = parse_server_hello(body)


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Content type and body of each complete record."""
    at = 0
    while len(data) - at >= HEADER_BYTES:
        end = at + HEADER_BYTES + int.from_bytes(data[at + 3 : at + HEADER_BYTES])
        if end > len(data):
            return
        yield data[at], data[at + HEADER_BYTES : end]
        at = end


def alerts(data: bytes) -> Iterator[Alert]:
    """Alerts in the clear: a protected one is longer than its two bytes (RFC 5246 6.2.3)."""
    for kind, body in records(data):
        if kind == ContentType.ALERT and len(body) == ALERT_BYTES:
            yield Alert(level=body[0], description=body[1])
