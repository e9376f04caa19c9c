"""A server that drives OpenSSL where the standard library's TLS does not let it go.

pyopenssl_server.py BEHAVIOUR PORT CERT KEY VERSION
"""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Final

from OpenSSL import SSL

BODY: Final = bytes(int(os.environ.get("PEER_BODY_BYTES", "204800")))
HEAD: Final = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
VERSIONS: Final = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}


def read_request(conn: SSL.Connection) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += conn.recv(4096)


def read_until_end(conn: SSL.Connection) -> None:
    while conn.recv(65536):
        pass


def write_after_close(conn: SSL.Connection) -> None:
    """Half a response, close_notify, its other half: OpenSSL told to forget that it had closed."""
    read_request(conn)
    conn.sendall(HEAD + BODY[: len(BODY) // 2])
    conn.shutdown()
    conn.set_shutdown(0)
    conn.sendall(BODY[len(BODY) // 2 :])
    conn.sock_shutdown(socket.SHUT_WR)
    read_until_end(conn)


def renegotiate(conn: SSL.Connection) -> None:
    """Ask for a second handshake, and a certificate in it, once the request is known.

    Web servers do so for one directory of a site; OpenSSL ends the connection of who refuses.
    """
    read_request(conn)
    required = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    conn.set_verify(required, lambda *_: True)
    conn.renegotiate()
    conn.do_handshake()
    read_until_end(conn)


BEHAVIOURS: Final[dict[str, Callable[[SSL.Connection], None]]] = {
    "write-after-close": write_after_close,
    "renegotiate": renegotiate,
}


def serve(sock: socket.socket, behaviour: str, context: SSL.Context) -> None:
    with contextlib.suppress(OSError, SSL.Error), sock:
        conn = SSL.Connection(context, sock)
        conn.set_accept_state()
        conn.do_handshake()
        BEHAVIOURS[behaviour](conn)


def main() -> None:
    behaviour, port, cert, key, version = sys.argv[1:]
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(cert)
    context.use_privatekey_file(key)
    context.set_session_id(b"peer")
    context.set_min_proto_version(VERSIONS[version])
    context.set_max_proto_version(VERSIONS[version])
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=64)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, behaviour, context), daemon=True).start()


if __name__ == "__main__":
    main()
