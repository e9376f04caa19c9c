"""One end of a TLS connection: the standard library's TLS on memory buffers, the socket in hand."""

import contextlib
import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Final

CHUNK: Final = 65_536
PATIENCE_S: Final = 20.0
CORRUPT: Final = b"\x17\x03\x03\x00\x40" + b"\x5a" * 0x40
RESET: Final = struct.pack("ii", 1, 0)
VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class End:
    """One side; every error of socket and TLS is an OSError."""

    def __init__(
        self,
        tcp: socket.socket,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        session: ssl.SSLSession | None = None,
    ) -> None:
        tcp.settimeout(PATIENCE_S)
        self.tcp = tcp
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_side,
            server_hostname=None if server_side else "localhost",
            session=session,
        )
        self.notified = False
        """The peer has sent close_notify."""

    def handshake(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                if not self._receive():
                    raise ConnectionError from None
            except ssl.SSLError:
                self.flush()
                raise
            else:
                self.flush()
                return

    def flush(self) -> None:
        """Send what TLS has to say."""
        if self._outgoing.pending:
            self.tcp.sendall(self._outgoing.read())

    def write(self, data: bytes | memoryview) -> None:
        for start in range(0, len(data), CHUNK):
            self.tls.write(data[start : start + CHUNK])
            self.flush()

    def read(self) -> bytes:
        """Some application data, or nothing once no more will come."""
        while not self.notified:
            try:
                data = self.tls.read(CHUNK)
            except ssl.SSLWantReadError:
                if not self._receive():
                    return b""
            except ssl.SSLZeroReturnError:
                self.notified = True
            except ssl.SSLError:
                self.flush()
                raise
            else:
                self.notified = not data
                return data
        return b""

    def run(self, steps: Sequence[str]) -> None:
        """Run a script of `plan`."""
        for step in steps:
            with contextlib.suppress(OSError):
                self._step(step)

    def notify(self) -> None:
        """Queue close_notify."""
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()

    def _step(self, step: str) -> None:
        match step:
            case "notify":
                self.notify()
                self.flush()
            case "await":
                self._read_out()
            case "drain":
                self._read_out()
                while self._receive():
                    pass
            case "corrupt":
                self.tcp.sendall(CORRUPT)
            case "shut":
                self.tcp.shutdown(socket.SHUT_WR)
            case _:
                self._leave(reset=step == "reset")

    def _read_out(self) -> None:
        while self.read():
            pass

    def _leave(self, *, reset: bool) -> None:
        if reset:
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.tcp.close()

    def _receive(self) -> bool:
        data = self.tcp.recv(CHUNK)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)
