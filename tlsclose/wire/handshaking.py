"""What handshake messages change: the state that both sides share, and what opens each side."""

from typing import Final, NamedTuple

from tlsclose.core.event import Side
from tlsclose.core.hello import parse_client_hello, parse_encrypted_alpn, parse_server_hello
from tlsclose.wire.handshake_state import HandshakeState
from tlsclose.wire.messages import Message, MessageType, message_name
from tlsclose.wire.protection import Epoch
from tlsclose.wire.tls_side import TlsSide

MAX_NAMES: Final = 8
"""Of one record's messages."""

_TELLING: Final = frozenset(
    {
        MessageType.CLIENT_HELLO,
        MessageType.SERVER_HELLO,
        MessageType.ENCRYPTED_EXTENSIONS,
        MessageType.SERVER_HELLO_DONE,
        MessageType.END_OF_EARLY_DATA,
        MessageType.KEY_UPDATE,
    }
)
"""Messages that change what comes after them."""
_FINISHED: Final = int(MessageType.FINISHED)
_RETRY: Final = message_name(MessageType.HELLO_RETRY_REQUEST)


class Read(NamedTuple):
    """What one record of handshake messages held."""

    names: str
    """Of the messages that it completed; empty for none."""
    finished: bool
    """There was a Finished."""
    retry: bool = False
    """There was a HelloRetryRequest."""


class Handshaking:
    """Reads both sides' messages. `notes` takes a sentence for what could not be read."""

    def __init__(
        self, state: HandshakeState, client: TlsSide, server: TlsSide, notes: list[str]
    ) -> None:
        self._state = state
        self._client = client
        self._server = server
        self._notes = notes

    def read(self, side: TlsSide, data: bytes) -> Read:
        """Take one record's plaintext."""
        only = side.messages.only(data)
        if only is not None and only not in _TELLING:
            return Read(message_name(only), only == _FINISHED)
        names, finished = [], False
        for message in side.messages.feed(data):
            names.append(self._message(side, message))
            finished = finished or message.kind == _FINISHED
        more = ", ..." if len(names) > MAX_NAMES else ""
        return Read(", ".join(names[:MAX_NAMES]) + more, finished, _RETRY in names)

    def _message(self, side: TlsSide, message: Message) -> str:
        """Take a message; return its name."""
        if message.kind not in _TELLING:
            return message.name
        body = message.body or b""
        match message.kind:
            case MessageType.CLIENT_HELLO if side.name is Side.CLIENT:
                self._client_hello(body)
            case MessageType.SERVER_HELLO if side.name is Side.SERVER:
                return self._server_hello(body) or message.name
            case MessageType.ENCRYPTED_EXTENSIONS:
                self._state.alpn = parse_encrypted_alpn(body)
            case MessageType.SERVER_HELLO_DONE:
                self._state.full = True
            case MessageType.END_OF_EARLY_DATA:
                side.opener.advance(Epoch.HANDSHAKE)
            case MessageType.KEY_UPDATE:
                side.opener.update()
        return message.name

    def _client_hello(self, body: bytes) -> None:
        hello = parse_client_hello(body)
        self._state.take_client_hello(hello)
        if hello is None:
            self._note("the ClientHello could not be parsed")

    def _server_hello(self, body: bytes) -> str:
        """Take a ServerHello; return the name of another message that it is, or nothing."""
        hello = parse_server_hello(body)
        if hello is None:
            self._note("the ServerHello could not be parsed")
            return ""
        if hello.retry:
            self._state.retry()
            return _RETRY
        self._state.take_server_hello(hello)
        self._client.settle()
        if self._state.tls13:
            early = self._state.early_data
            self._climb(self._client, Epoch.EARLY if early else Epoch.HANDSHAKE)
            self._climb(self._server, Epoch.HANDSHAKE)
        return ""

    def _climb(self, side: TlsSide, epoch: Epoch) -> None:
        side.opener.climb_from(self._state.negotiated, epoch, self._state.ladder(side.name))

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)
