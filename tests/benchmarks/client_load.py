"""Load for a listener, in a process of its own: `python -m tests.benchmarks.client_load PORT ...`.

Each client connects, asks for one page, reads it, closes with close_notify, waits for the answer
and closes TCP: what a listener judges as `clean`. Prints one JSON object.
"""

import argparse
import itertools
import json
import socket
import ssl
import sys
import threading
import time

HOST = "127.0.0.1"
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
TIMEOUT_S = 60.0


def one_client(port: int, context: ssl.SSLContext, together: threading.Barrier | None) -> bool:
    """Whether the whole page and the listener's close_notify came."""
    try:
        tcp = socket.create_connection((HOST, port), TIMEOUT_S)
        with tcp, context.wrap_socket(tcp, suppress_ragged_eofs=False) as tls:
            if together is not None:
                together.wait(TIMEOUT_S)
            tls.sendall(REQUEST)
            whole = _read(tls)
            tls.unwrap().close()
            return whole
    except (OSError, threading.BrokenBarrierError):
        return False


def _read(tls: ssl.SSLSocket) -> bool:
    head, _, body = _more(tls, b"").partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        data = tls.recv(65536)
        if not data:
            return False
        body += data
    return len(body) == length


def _more(tls: ssl.SSLSocket, data: bytes) -> bytes:
    while b"\r\n\r\n" not in data:
        new = tls.recv(65536)
        if not new:
            raise ConnectionError
        data += new
    return data


def load(port: int, clients: int, at_once: int, *, hold: bool) -> dict[str, float]:
    """Run `clients` clients, `at_once` side by side; with `hold` all are up before any asks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    together = threading.Barrier(at_once) if hold else None
    numbers, served = itertools.count(), []

    def work() -> None:
        while next(numbers) < clients:
            served.append(one_client(port, context, together))

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"seconds": time.perf_counter() - began, "served": sum(served), "tried": len(served)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--hold", action="store_true", help="all connect before any asks")
    asked = parser.parse_args()
    result = load(asked.port, asked.clients, asked.at_once, hold=asked.hold)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
