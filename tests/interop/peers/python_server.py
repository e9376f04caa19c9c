"""A server that ends its connections in one chosen way.

    python_server.py BEHAVIOUR PORT CERT KEY VERSION [ADDRESS]

Only the standard library: `SSLSocket.close()` without `unwrap()` is what most Python servers do.
"""

import contextlib
import os
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

BODY: Final = (bytes(range(256)) * 800)[: int(os.environ.get("PEER_BODY_BYTES", "204800"))]
VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
DRIP_S: Final = 1.0
SERVER_HELLO_BEGUN: Final = bytes.fromhex("160303007a020000760303") + bytes(111)


def head(*, length: bool) -> bytes:
    framing = f"Content-Length: {len(BODY)}\r\n" if length else "Connection: close\r\n"
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n{framing}\r\n".encode()


def read_request(conn: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = conn.recv(4096)
        if not chunk:
            raise ConnectionError("closed before a request came")
        data += chunk


def reset(conn: socket.socket) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def read_until_end(conn: socket.socket) -> None:
    while conn.recv(65536):
        pass


def wait_for_ever() -> None:
    threading.Event().wait()


def bare_close(conn: ssl.SSLSocket) -> None:
    """A complete response, then close() without close_notify."""
    read_request(conn)
    conn.sendall(head(length=True) + BODY)
    conn.close()


def bare_close_delimited(conn: ssl.SSLSocket) -> None:
    """A response that only the close ends, and no close_notify."""
    read_request(conn)
    conn.sendall(head(length=False) + BODY)
    conn.close()


def bare_close_keep_alive(conn: ssl.SSLSocket) -> None:
    """Keep the connection; when the client's close_notify comes, close() without an answer."""
    read_request(conn)
    conn.sendall(head(length=True) + BODY)
    read_until_end(conn)
    conn.close()


def notify_close(conn: ssl.SSLSocket) -> None:
    """A complete response, close_notify, and the client's before closing."""
    read_request(conn)
    conn.sendall(head(length=True) + BODY)
    conn.unwrap().close()


def notify_reset(conn: ssl.SSLSocket) -> None:
    """A complete response, close_notify both ways, then RST instead of FIN."""
    read_request(conn)
    conn.sendall(head(length=True) + BODY)
    reset(conn.unwrap())


def cut_on_notify(conn: ssl.SSLSocket) -> None:
    """Half a response; its other half is dropped when the client's close_notify comes."""
    read_request(conn)
    conn.sendall(head(length=True) + BODY[: len(BODY) // 2])
    read_until_end(conn)
    conn.unwrap().close()


def reset_after(conn: ssl.SSLSocket) -> None:
    """A complete response, then RST."""
    read_request(conn)
    conn.sendall(head(length=True) + BODY)
    read_until_end(conn)
    reset(conn)


def reset_midway(conn: ssl.SSLSocket) -> None:
    """Half a response, then RST."""
    read_request(conn)
    conn.sendall(head(length=True) + BODY[: len(BODY) // 2])
    time.sleep(0.3)
    reset(conn)


def deaf(conn: ssl.SSLSocket) -> None:
    """A complete response; then neither read nor close."""
    read_request(conn)
    conn.sendall(head(length=True) + BODY)
    wait_for_ever()


def drip_response(conn: ssl.SSLSocket) -> None:
    """A response of one byte a second."""
    read_request(conn)
    for value in head(length=True) + BODY:
        conn.sendall(bytes([value]))
        time.sleep(DRIP_S)


def reset_in_handshake(conn: socket.socket) -> None:
    """RST as the answer to the ClientHello."""
    conn.recv(65536)
    reset(conn)


def mute(conn: socket.socket) -> None:
    """Accept, and say nothing."""
    del conn
    wait_for_ever()


def plain_http(conn: socket.socket) -> None:
    """No TLS here: answer anything with a plain HTTP error."""
    conn.recv(65536)
    conn.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    conn.close()


def drip_handshake(conn: socket.socket) -> None:
    """A ServerHello of one byte a second."""
    for value in SERVER_HELLO_BEGUN:
        conn.sendall(bytes([value]))
        time.sleep(DRIP_S)
    wait_for_ever()


OVER_TLS: Final[dict[str, Callable[[ssl.SSLSocket], None]]] = {
    "bare-close": bare_close,
    "bare-close-delimited": bare_close_delimited,
    "bare-close-keep-alive": bare_close_keep_alive,
    "notify-close": notify_close,
    "notify-reset": notify_reset,
    "cut-on-notify": cut_on_notify,
    "reset-after": reset_after,
    "reset-midway": reset_midway,
    "deaf": deaf,
    "drip-response": drip_response,
}
OVER_TCP: Final[dict[str, Callable[[socket.socket], None]]] = {
    "reset-in-handshake": reset_in_handshake,
    "mute": mute,
    "plain-http": plain_http,
    "drip-handshake": drip_handshake,
}


def serve(conn: socket.socket, behaviour: str, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError), conn:
        if behaviour in OVER_TCP:
            OVER_TCP[behaviour](conn)
        else:
            OVER_TLS[behaviour](context.wrap_socket(conn, server_side=True))


def main() -> None:
    behaviour, port, cert, key, version, *address = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    listener = socket.create_server((*(address or ["127.0.0.1"]), int(port)), backlog=64)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn, behaviour, context), daemon=True).start()


if __name__ == "__main__":
    main()
