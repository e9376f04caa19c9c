"""One GET, then a close in one chosen way.

python_client.py unwrap|close|reset PORT VERSION
"""

import socket
import ssl
import struct
import sys
from typing import Final

VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def receive(conn: ssl.SSLSocket) -> bytes:
    chunk = conn.recv(65536)
    if not chunk:
        raise EOFError("the server closed in the middle of its response")
    return chunk


def read_response(conn: ssl.SSLSocket) -> int:
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(conn)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if b"ength:" in line]
    while len(body) < int(lengths[0]):
        body += receive(conn)
    return len(body)


def main() -> None:
    ending, port, version = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = VERSIONS[version]
    conn = context.wrap_socket(socket.create_connection(("localhost", int(port))))
    conn.sendall(REQUEST)
    read_response(conn)
    if ending == "unwrap":
        conn = conn.unwrap()
    elif ending == "reset":
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


if __name__ == "__main__":
    main()
