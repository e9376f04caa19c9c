"""A TLS peer that does exactly what a script says, on a real socket, with the standard library."""

import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress

from tests.system import WINDOWS
from tlsclose.core.record import TlsVersion
from tlsclose.providers.identity import ephemeral

LOOPBACK = "127.0.0.1"
VERSIONS = {TlsVersion.TLS12: ssl.TLSVersion.TLSv1_2, TlsVersion.TLS13: ssl.TLSVersion.TLSv1_3}
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
IDENTITY = ephemeral()


def pem_file(folder):
    path = folder / "identity.pem"
    path.write_bytes(IDENTITY.certificate + IDENTITY.key)
    return path


def server_context(pem, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return _pinned(context, version)


def client_context(version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return _pinned(context, version)


def _pinned(context, version):
    if version is not None:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


class Peer:
    """One connected socket. `context` may be None for a peer that speaks no TLS."""

    def __init__(self, sock, context, *, server):
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        if context is not None:
            self._tls = context.wrap_bio(self._in, self._out, server_side=server)

    def handshake(self):
        self._until_done(self._tls.do_handshake)

    def send(self, data):
        self._tls.write(data)
        self.flush()

    def sealed(self, data):
        """The records that carry `data`, not sent."""
        self._tls.write(data)
        return self._out.read()

    def read(self):
        """Some plaintext; `b""` at close_notify; raises OSError at the end of TCP."""
        return self._until_done(lambda: self._tls.read(65536))

    def read_request(self):
        seen = b""
        while b"\r\n\r\n" not in seen:
            seen += self.read()
        return seen

    def read_to_close(self):
        """Wait for close_notify and return what came before it."""
        seen = b""
        while data := self.read():
            seen += data
        return seen

    def drain(self):
        """Wait for the end of TCP, whatever comes before."""
        with suppress(OSError):
            while self.sock.recv(65536):
                pass

    def close_notify(self):
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self.flush()

    def fin(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("HH" if WINDOWS else "ii", 1, 0)
        )
        self.sock.close()

    def flood(self, data):
        """Send the same bytes until nobody takes them any more."""
        with suppress(OSError):
            while True:
                self.send(data)

    def drip(self, data):
        """Send bytes one by one with pauses, for as long as they are taken."""
        pause = threading.Event()
        with suppress(OSError):
            for byte in data:
                self.sock.sendall(bytes([byte]))
                pause.wait(0.01)
            self.drain()

    def flush(self):
        if data := self._out.read():
            self.sock.sendall(data)

    def _until_done(self, call):
        while True:
            try:
                result = call()
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionError("end of file") from None
                self._in.write(data)
            except ssl.SSLZeroReturnError:
                return b""
            else:
                self.flush()
                return result


@contextmanager
def serving(script, context=None, clients=1):
    """A server that runs `script(peer)` for each client in turn; yields its port."""
    failures = []
    with socket.create_server((LOOPBACK, 0)) as listening:
        listening.settimeout(20)

        def serve():
            try:
                for _ in range(clients):
                    sock, _ = listening.accept()
                    sock.settimeout(20)
                    with sock:
                        script(Peer(sock, context, server=True))
            except Exception as error:  # noqa: BLE001
                failures.append(error)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(20)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


@contextmanager
def connected(port, context=None):
    """A client's peer, TCP only so far."""
    with socket.create_connection((LOOPBACK, port), timeout=20) as sock:
        yield Peer(sock, context, server=False)
