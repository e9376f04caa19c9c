"""An independent eye: the standard library's TLS on memory buffers, on a socket of its own.

It tells close_notify from a bare end and FIN from RST, so the peers' habits can be stated as facts
that do not come from tlsclose.
"""

import socket
import ssl
from dataclasses import dataclass
from typing import Final

from tests.interop.certs import Identity
from tests.interop.process import LOOPBACK

VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
GET: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET_AND_CLOSE: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
WAIT_S: Final = 1.5
"""Silence for this long is the end of what a peer has to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the peer's sending direction ended."""

    notified: bool
    tcp: str
    """`FIN`, `RST` or `open`."""
    data: bytes

    @property
    def brief(self) -> str:
        """`CN,FIN`, `FIN`, `CN,open`, ..."""
        return f"CN,{self.tcp}" if self.notified else self.tcp

    @property
    def open(self) -> bool:
        return self.tcp == "open"

    @property
    def body(self) -> bytes:
        """What followed the first empty line."""
        return self.data.partition(b"\r\n\r\n")[2]


def client_context(version: str) -> ssl.SSLContext:
    """Trusts anyone; reports a missing close_notify."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _strict(context, version)


def server_context(version: str, identity: Identity) -> ssl.SSLContext:
    """The same for the other side."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)
    return _strict(context, version)


def _strict(context: ssl.SSLContext, version: str) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = VERSIONS[version]
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context


class Connection:
    """One TLS connection whose socket stays in our hands."""

    def __init__(
        self, conn: socket.socket, context: ssl.SSLContext, *, server_side: bool = False
    ) -> None:
        self._socket = conn
        self._socket.settimeout(WAIT_S)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side)
        self._notified = False
        self._tcp = "open"
        self._data = bytearray()

    def handshake(self) -> None:
        """Bring the connection up; OSError where the peer does not."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                self._feed(self._socket.recv(65536))
            else:
                self.flush()
                return

    def write(self, data: bytes) -> None:
        """Queue application data; `flush` sends it."""
        self._tls.write(data)

    def notify(self) -> None:
        """Queue our close_notify; `flush` sends it."""
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            if "APPLICATION_DATA_AFTER_CLOSE_NOTIFY" not in str(error):
                raise

    def flush(self) -> None:
        """Hand what is queued to the socket."""
        self._socket.sendall(self._outgoing.read())

    def read(self, until: int | None = None) -> Ending:
        """Read until the TCP connection ends, the peer falls silent, or `until` bytes of data."""
        self._drain()
        while self._tcp == "open" and (until is None or len(self._data) < until):
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError:
                break
            except ConnectionResetError:
                self._tcp = "RST"
                break
            self._feed(chunk)
            self._drain()
            if not chunk:
                self._tcp = "FIN"
        return Ending(notified=self._notified, tcp=self._tcp, data=bytes(self._data))

    def read_response(self) -> Ending:
        """Read until one response with Content-Length is whole, or to the end without one."""
        ending = self.read(until=1)
        while not ending.notified and ending.open:
            head, mark, body = ending.data.partition(b"\r\n\r\n")
            wanted = _content_length(head)
            if mark and wanted is not None and len(body) >= wanted:
                break
            before = len(ending.data)
            ending = self.read(until=before + 1)
            if len(ending.data) == before:
                break
        return ending

    def end(self) -> Ending:
        """Read to the end and close the socket."""
        ending = self.read()
        self._socket.close()
        return ending

    def _feed(self, chunk: bytes) -> None:
        if chunk:
            self._incoming.write(chunk)
        else:
            self._incoming.write_eof()

    def _drain(self) -> None:
        while not self._notified:
            try:
                data = self._tls.read(65536)
            except (ssl.SSLWantReadError, ssl.SSLEOFError):
                return
            except ssl.SSLZeroReturnError:
                data = b""
            self._notified = not data
            self._data += data


def connect(port: int, version: str) -> Connection:
    """A client's connection, up."""
    connection = Connection(
        socket.create_connection((LOOPBACK, port), WAIT_S), client_context(version)
    )
    connection.handshake()
    return connection


def _content_length(head: bytes) -> int | None:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return None
