"""HTTP/1.1 requests and responses, and whether a message is complete by its own framing.

h11 does the parsing. What is decided here is the framing (RFC 9112 section 6.3) and what a close
means for it (section 8): a message with Content-Length or chunks knows its end, a close-delimited
one does not. End of file is never fed to h11: the close is judged elsewhere.
"""

from collections.abc import Iterator
from typing import Final

import h11

from tlsclose.core.event import Side
from tlsclose.core.message import Framing, Message
from tlsclose.errors import UsageError
from tlsclose.net.settings import BodyFraming

USER_AGENT: Final = "tlsclose"
MAX_HEADERS: Final = 256 * 1024
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BODILESS: Final = frozenset({204, 304})
_PIECE: Final = 16 * 1024


def request_bytes(host: str, path: str, *, last: bool) -> bytes:
    """A GET; `last` asks the server to close after the response (RFC 9112 9.6).

    Raises UsageError where the path or host does not fit into a request.
    """
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", host), ("User-Agent", USER_AGENT), ("Accept", "*/*")]
    if last:
        headers.append(("Connection", "close"))
    try:
        sent = connection.send(h11.Request(method="GET", target=path, headers=headers)) or b""
    except (h11.LocalProtocolError, UnicodeError):
        raise UsageError(f"HTTP cannot ask {host!a} for {path!a}") from None
    return sent + (connection.send(h11.EndOfMessage()) or b"")


class Reader:
    """Reads the peer's messages from plaintext, keeping only the last one's outcome."""

    def __init__(self, sender: Side) -> None:
        self._sender = sender
        role = h11.CLIENT if sender is Side.SERVER else h11.SERVER
        self._role = role
        self._start()
        if role is h11.CLIENT:
            self._connection.send(h11.Request(method="GET", target="/", headers=[("Host", "-")]))
            self._connection.send(h11.EndOfMessage())

    def _start(self) -> None:
        self._connection = h11.Connection(self._role, max_incomplete_event_size=MAX_HEADERS)
        self._head: h11.Request | h11.Response | None = None
        self._bytes = 0
        self._ended = False
        self._error = ""

    @property
    def done(self) -> bool:
        """The message is complete by its framing, or can not be parsed any further."""
        return self._ended or bool(self._error)

    @property
    def complete(self) -> bool:
        """The whole message came, by its own framing."""
        return self._ended

    @property
    def summary(self) -> str:
        """`GET /path` or `HTTP 200`; empty before the header section came."""
        head = self._head
        if isinstance(head, h11.Request):
            return f"{head.method.decode('ascii')} {head.target.decode('latin-1')}"
        return "" if head is None else f"HTTP {head.status_code}"

    @property
    def is_head(self) -> bool:
        return isinstance(self._head, h11.Request) and self._head.method == b"HEAD"

    @property
    def malformed(self) -> bool:
        return bool(self._error)

    @property
    def knows_chunks(self) -> bool:
        """The peer speaks HTTP/1.1 (RFC 9112 section 6.1)."""
        return self._head is None or self._head.http_version >= b"1.1"

    @property
    def wants_continue(self) -> bool:
        """The peer holds its body back until it hears 100 (RFC 9110 section 10.1.1)."""
        return not self.done and self._connection.they_are_waiting_for_100_continue

    @property
    def started(self) -> bool:
        return self._head is not None

    @property
    def wants_close(self) -> bool:
        """The peer asked for the connection to end after this exchange."""
        head = self._head
        if head is None:
            return False
        tokens = _header(head, b"connection").lower()
        return b"close" in tokens or (head.http_version < b"1.1" and b"keep-alive" not in tokens)

    def feed(self, data: bytes) -> None:
        """Take plaintext; errors are kept, never raised."""
        if self.done or not data:  # an empty read is end of file to h11
            return
        try:
            self._connection.receive_data(data)
            self._drain()
        except h11.RemoteProtocolError as error:
            self._error = str(error)[:200]

    def next_request(self) -> None:
        """Start over for a further request on the same connection, keeping what came too early."""
        early, _ = self._connection.trailing_data
        self._start()
        if early:
            self.feed(early)

    def _drain(self) -> None:
        while not self._ended:
            event = self._connection.next_event()
            if isinstance(event, h11.Request | h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._bytes += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self._ended = True
            elif event is h11.NEED_DATA or event is h11.PAUSED:
                return

    def message(self) -> Message:
        """What came, as far as it came."""
        head = self._head
        framing = self._framing()
        length = _header(head, b"content-length") if head is not None else b""
        version = b"1.1" if head is None else head.http_version
        return Message(
            sender=self._sender,
            protocol=f"http/{version.decode('ascii')}",
            framing=framing,
            complete=self._complete(framing),
            bytes=self._bytes,
            expected=int(length) if framing is Framing.CONTENT_LENGTH and length else None,
            status=head.status_code if isinstance(head, h11.Response) else None,
            note=self._note(head),
        )

    def _complete(self, framing: Framing) -> bool | None:
        """None for a body that the close ends, and for what cannot be parsed to its end."""
        if self._error or framing is Framing.CLOSE_DELIMITED:
            return None
        return self._ended

    def _note(self, head: h11.Request | h11.Response | None) -> str:
        if self._error:
            return self._error
        return "no header section came" if head is None else ""

    def _framing(self) -> Framing:
        head = self._head
        if head is None:
            return Framing.UNKNOWN
        if isinstance(head, h11.Response) and head.status_code in _BODILESS:
            return Framing.NO_BODY
        if _header(head, b"transfer-encoding"):
            return Framing.CHUNKED
        if _header(head, b"content-length"):
            return Framing.CONTENT_LENGTH
        return Framing.NO_BODY if isinstance(head, h11.Request) else Framing.CLOSE_DELIMITED


def _header(head: h11.Request | h11.Response, name: bytes) -> bytes:
    return b", ".join(value for key, value in head.headers if key == name)


def response_parts(size: int, framing: BodyFraming, *, head: bool, close: bool) -> Iterator[bytes]:
    """A 200 response with `size` bytes of body, piece by piece; `head` leaves the body out."""
    lines = [b"HTTP/1.1 200 OK", b"Server: tlsclose", b"Content-Type: text/plain"]
    match framing:
        case BodyFraming.CONTENT_LENGTH:
            lines.append(b"Content-Length: %d" % size)
        case BodyFraming.CHUNKED:
            lines.append(b"Transfer-Encoding: chunked")
        case BodyFraming.CLOSE:
            pass
    if close or framing is BodyFraming.CLOSE:
        lines.append(b"Connection: close")
    header = b"\r\n".join(lines) + b"\r\n\r\n"
    if head:
        yield header
        return
    for piece in _body(size, framing):
        yield header + piece
        header = b""


def _body(size: int, framing: BodyFraming) -> Iterator[bytes]:
    """The body in pieces of about 16 KiB; at least one, empty if need be."""
    chunked = framing is BodyFraming.CHUNKED
    filler = (b"tlsclose " * 7 + b"\n") * (_PIECE // 64)
    for start in range(0, size, _PIECE):
        piece = filler[: min(_PIECE, size - start)]
        yield b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece
    if chunked or not size:
        yield b"0\r\n\r\n" if chunked else b""
