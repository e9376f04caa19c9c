"""The server of the made capture: `python -m tests.benchmarks.analyze.serve CERT KEY`.

It serves what the path asks for and then closes as the path asks, with `close` of `plan`:
`/random/70000/chunked/server-first`.
"""

import contextlib
import random
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from typing import Final

from tests.benchmarks.analyze.end import End
from tests.benchmarks.analyze.plan import CLOSES, Close

PORT: Final = 443
NEW_PORT: Final = 8443
"""Speaks TLS 1.3 only."""
BUFFER: Final = 1 << 21
PIECE: Final = 1 << 16
LINE: Final = b"The quick brown fox jumps over the lazy dog, %07d times and counting.\r\n"
TYPES: Final = {"random": "application/octet-stream", "text": "text/plain; charset=utf-8"}
AGAIN: Final = Close(weight=0)


def main() -> None:
    cert, key = sys.argv[1:]
    chance = random.Random(len(LINE))
    contents = {
        "random": memoryview(chance.randbytes(BUFFER)),
        "text": memoryview(b"".join(LINE % number for number in range(BUFFER // 64))),
    }
    for port, oldest in ((PORT, ssl.TLSVersion.TLSv1_2), (NEW_PORT, ssl.TLSVersion.TLSv1_3)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = oldest
        context.load_cert_chain(cert, key)
        _start(_accept, _listener(port), context, contents)


def _start(work: object, *args: object) -> None:
    threading.Thread(target=work, args=args).start()  # type: ignore[arg-type]


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    listener.listen(512)
    return listener


def _accept(
    listener: socket.socket, context: ssl.SSLContext, contents: dict[str, memoryview]
) -> None:
    while True:
        tcp, _ = listener.accept()
        _start(_serve, tcp, context, contents)


def _serve(tcp: socket.socket, context: ssl.SSLContext, contents: dict[str, memoryview]) -> None:
    with contextlib.suppress(OSError), tcp:
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = End(tcp, context, server_side=True)
        end.handshake()
        for path in _requests(end):
            content, size, framing, close = path.strip("/").split("/")
            how = CLOSES.get(close, AGAIN)
            head = _head(TYPES[content], int(size), framing, last=how is not AGAIN)
            with contextlib.suppress(OSError):  # the client may have gone; our script still runs
                end.write(head)
                _body(end, contents[content], int(size), how.sent, chunked=framing == "chunked")
            if how is not AGAIN:
                end.run(how.server)
                return


def _requests(end: End) -> Iterator[str]:
    data = b""
    while True:
        head, mark, data = data.partition(b"\r\n\r\n")
        if mark:
            yield head.split()[1].decode()
            continue
        more = end.read()
        if not more:
            end.run(("notify",) if end.notified else ())
            return
        data = head + more


def _head(kind: str, size: int, framing: str, *, last: bool) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Server: bench", f"Content-Type: {kind}"]
    if framing == "length":
        lines.append(f"Content-Length: {size}")
    elif framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    if last:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode()


def _body(end: End, content: memoryview, size: int, share: float, *, chunked: bool) -> None:
    left = int(size * share)
    while left:
        start = (size + left) % (BUFFER - PIECE)
        piece = content[start : start + min(left, PIECE)]
        left -= len(piece)
        end.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    if chunked and share == 1:
        end.write(b"0\r\n\r\n")


if __name__ == "__main__":
    main()
