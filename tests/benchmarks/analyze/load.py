"""The Python clients of the made capture, in a process of their own:
`python -m tests.benchmarks.analyze.load ADDRESS ADDRESS6 KEYS CONNECTIONS BYTES PART PARTS`.
"""

import contextlib
import itertools
import socket
import ssl
import sys
import threading
from typing import Final

from tests.benchmarks.analyze.end import PATIENCE_S, VERSIONS, End
from tests.benchmarks.analyze.plan import CLOSES, Close, Planned, planned
from tests.benchmarks.analyze.serve import NEW_PORT, PORT

SIDE_BY_SIDE: Final = 12
FAILING: Final = Close(weight=0)


class Load:
    """Clients that share a key log and their sessions."""

    def __init__(self, address: str, address6: str, keys: str) -> None:
        self._addresses = (address, address6)
        self._keys = keys
        self._contexts: dict[tuple[str, str | None, bool], ssl.SSLContext] = {}
        self._sessions: dict[ssl.SSLContext, ssl.SSLSession] = {}

    def run(self, plan: Planned) -> None:
        """One connection, to its end."""
        port = NEW_PORT if plan.close == "old-version" else PORT
        tcp = socket.create_connection((self._addresses[plan.ipv6], port), PATIENCE_S)
        with tcp:
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context = self.context(plan)
            session = self._sessions.get(context) if plan.resume else None
            end = End(tcp, context, server_side=False, session=session)
            if plan.close in {"hello-fin", "hello-reset"}:
                self._hello(end, plan.close)
                return
            end.handshake()
            self._talk(end, plan)
            if (got := end.tls.session) is not None and plan.close == "server-first":
                self._sessions[context] = got
            end.run(CLOSES[plan.close].client)

    def context(self, plan: Planned) -> ssl.SSLContext:
        """Made once for each version, suite and trust."""
        version = "1.2" if plan.close == "old-version" else plan.version
        suite = plan.suite if version == plan.version else None
        name = (version, suite, plan.close == "distrust")
        if name not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if plan.close != "distrust":
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.minimum_version = context.maximum_version = VERSIONS[version]
            if suite:
                context.set_ciphers(suite)
            context.keylog_filename = self._keys
            self._contexts[name] = context
        return self._contexts[name]

    @staticmethod
    def _hello(end: End, close: str) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            end.tls.do_handshake()
        end.flush()
        end.run(("reset",) if close == "hello-reset" else ("close",))

    @staticmethod
    def _talk(end: End, plan: Planned) -> None:
        for number, size in enumerate(plan.answers):
            last = number == len(plan.answers) - 1
            close = CLOSES[plan.close] if last else FAILING
            request = f"GET {plan.path(number)} HTTP/1.1\r\nHost: localhost\r\n\r\n"
            end.tls.write(request.encode())
            if close.notified_request:
                end.notify()
            end.flush()
            with contextlib.suppress(OSError):
                _read_answer(end, int(size * close.read), whole=close.read == 1)


def _read_answer(end: End, size: int, *, whole: bool) -> None:
    """Read the head and `size` bytes after it, and the last chunk if the answer is `whole`."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        more = end.read()
        if not more:
            return
        data += more
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    chunked = whole and b"chunked" in head
    got, tail = len(body), body[-5:]
    while got < size or (chunked and tail != b"0\r\n\r\n"):
        more = end.read()
        if not more:
            return
        got, tail = got + len(more), (tail + more)[-5:]


def main() -> None:
    address, address6, keys, *numbers = sys.argv[1:]
    connections, total_bytes, part, parts = map(int, numbers)
    plans = planned(connections, total_bytes)[part::parts]
    load, counter, failed = Load(address, address6, keys), itertools.count(), itertools.count()
    for item in plans:
        load.context(item)  # so that no two threads make the same one

    def work() -> None:
        while (number := next(counter)) < len(plans):
            try:
                load.run(plans[number])
            except OSError:
                if plans[number].close in CLOSES:
                    next(failed)

    threads = [threading.Thread(target=work) for _ in range(SIDE_BY_SIDE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(f"{len(plans)} connections, {next(failed)} failed\n")


if __name__ == "__main__":
    main()
