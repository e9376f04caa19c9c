"""The server role: accept clients side by side and judge each close.

A client that fails is data; an exception in a client's thread is a bug, or the caller's own: it
ends `serve`, which raises it.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Callable
from threading import BoundedSemaphore, Condition, Event, Thread
from typing import Final

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.report import Action, Report, Role, TargetInfo
from tlsclose.errors import UsageError
from tlsclose.net.address import address_text
from tlsclose.net.capture import CaptureRun, Watch
from tlsclose.net.clock import Clock
from tlsclose.net.connection import Connection, Plan, plain, server_engine
from tlsclose.net.http_server import HttpServer
from tlsclose.net.resolve import Address, resolve
from tlsclose.net.scenario import SCENARIOS
from tlsclose.net.settings import BodyFraming, Family, ListenSettings
from tlsclose.net.winsock import winsock_text
from tlsclose.providers.base import Provider
from tlsclose.wire import packets

MAX_CLIENTS: Final = 512
"""Clients served at once; further ones wait in the kernel's backlog."""
BACKLOG: Final = 4096
_POLL_S: Final = 0.2
_BIND_HINTS: Final = {
    errno.EADDRINUSE: "the port is in use; choose another with --port, or 0 for any free one",
    errno.EACCES: "not permitted; ports below 1024 need root, choose a higher one"
    if os.name == "posix"
    else "another program holds the port, or Windows reserves it "
    "(netsh interface ip show excludedportrange tcp); choose another with --port",
    errno.EADDRNOTAVAIL: "this machine has no such address; see --host",
}
_MORE_DESCRIPTORS: Final = (
    "raise the limit with `ulimit -n`" if os.name == "posix" else "end other programs first"
)
_OWN_PORT: Final = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
"""On Windows SO_REUSEADDR would let others take the port while we hold it."""
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PASSING: Final = frozenset(
    {errno.EPROTO, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT}
)
"""Trouble of the one connection that `accept` was to return (accept(2))."""

_Client = tuple[socket.socket, packets.Address]
_OnReport = Callable[[Report], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a listener came up and how it captures."""

    host: str
    port: int
    capture: str


class Listener:
    """Holds its port from its making on. `serve` runs until told to stop.

    Raises UsageError where it cannot have the port.
    """

    def __init__(
        self, settings: ListenSettings, *, provider: Provider, capture: CaptureRun
    ) -> None:
        _check(settings)
        self._settings = settings
        self._provider = provider
        self._capture = capture
        self._sock = _bind(settings.host, settings.port)
        self._slots = BoundedSemaphore(MAX_CLIENTS)
        self._changed = Condition()
        self._clients: set[socket.socket] = set()
        self._judged = 0
        self.abandoned = 0
        """Clients that were still connected at the end."""
        self._failure: BaseException | None = None
        self._over = False

    @property
    def listening(self) -> Listening:
        host, port, *_ = self._sock.getsockname()
        return Listening(host=host, port=port, capture=self._capture.summary)

    def serve(
        self, *, on_ready: Callable[[Listening], None], on_report: _OnReport, stop: Event
    ) -> int:
        """Accept until `count` clients came or `stop` is set; return how many were judged.

        Clients that are still connected when `stop` is set are not judged. `on_report` is called
        by one thread at a time, and not after the return.
        """
        where = self.listening
        with self._sock, self._capture.watch(where.port, where.host, serving=True) as watch:
            self._open(where)
            on_ready(where)
            try:
                self._accept_all(watch, on_report, stop)
                self._sock.close()
                self._await_clients(stop)
            finally:
                self._end()
        if self._failure is not None:
            raise self._failure
        return self._judged

    def _open(self, where: Listening) -> None:
        """Let clients in, now that every packet is seen."""
        try:
            self._sock.listen(BACKLOG)
        except OSError as error:
            raise _cannot_listen(where.host, where.port, error) from None

    def _accept_all(self, watch: Watch, on_report: _OnReport, stop: Event) -> None:
        accepted = 0
        while accepted != self._settings.count and not self._ending(stop):
            client = self._accept(stop)
            if client is not None:
                self._start(client, watch, accepted, on_report)
                accepted += 1

    def _ending(self, stop: Event) -> bool:
        return stop.is_set() or self._failure is not None

    def _accept(self, stop: Event) -> _Client | None:
        """The next client once there is a free slot; None when there was none for a while."""
        if not self._slots.acquire(timeout=_POLL_S):
            return None
        self._sock.settimeout(_POLL_S)
        try:
            sock, peer = self._sock.accept()
        except (TimeoutError, ConnectionError):
            self._slots.release()
            return None
        except OSError as error:
            self._slots.release()
            self._bear(error)
            stop.wait(_POLL_S)
            return None
        if not peer:  # BSD and Wine accept a client that has reset already, without its address
            sock.close()
            self._slots.release()
            return None
        return sock, plain(peer)

    def _bear(self, error: OSError) -> None:
        """Pass over what one client's end or another client's end can cure."""
        with self._changed:
            curable = bool(self._clients)
        if error.errno in _PASSING or (error.errno in _EXHAUSTED and curable):
            return
        if error.errno in _EXHAUSTED:
            reason = f"cannot accept clients: {error.strerror}; {_MORE_DESCRIPTORS}"
            raise UsageError(reason) from None
        raise error

    def _await_clients(self, stop: Event) -> None:
        with self._changed:
            while self._clients and not self._ending(stop):
                self._changed.wait(_POLL_S)

    def _end(self) -> None:
        """No report from here on; who is still connected is sent away."""
        with self._changed:
            self._over = True
            self.abandoned = len(self._clients)
            for sock in self._clients:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _start(self, client: _Client, watch: Watch, stream: int, on_report: _OnReport) -> None:
        with self._changed:
            self._clients.add(client[0])
        Thread(
            target=self._serve_one,
            args=(client, watch, stream, on_report),
            name=f"client-{stream}",
            daemon=True,
        ).start()

    def _serve_one(self, client: _Client, watch: Watch, stream: int, on_report: _OnReport) -> None:
        try:
            report = self._judge(client, watch, stream)
            with self._changed:
                if not self._over:
                    on_report(report)
                    self._judged += 1
        except BaseException as error:  # noqa: BLE001  # raised again by `serve`
            self._failure = self._failure or error
        finally:
            self._slots.release()
            with self._changed:
                self._clients.discard(client[0])
                self._changed.notify_all()

    def _judge(self, client: _Client, watch: Watch, stream: int) -> Report:
        settings = self._settings
        sock, (host, port) = client
        with sock:
            clock = Clock.start()
            plan = Plan(
                role=Role.SERVER,
                scenario=SCENARIOS[settings.scenario],
                exchange=HttpServer(settings.body, settings.framing),
                timeout_s=settings.timeout_s,
                ours=plain(sock.getsockname()),
                theirs=(host, port),
                target=TargetInfo(host=host, port=port, address=host),
                stream=stream,
                actions=(Action(at_ns=0, name="accept"),),
            )
            engine = server_engine(self._provider, self._capture)
            return Connection(sock, plan, clock=clock, engine=engine, watch=watch).run()


def _check(settings: ListenSettings) -> None:
    """Refuse what cannot mean anything."""
    scenario = SCENARIOS[settings.scenario]
    if settings.framing is BodyFraming.CLOSE and scenario.leaves_close_to_peer(Side.SERVER):
        raise UsageError(
            f"scenario {scenario.name} never closes, so no response can end with the connection; "
            "choose another --framing"
        )
    if settings.tls.verify and settings.tls.cafile is None:
        raise UsageError("--verify needs --cafile here: whose client certificates are good?")


def _bind(host: str, port: int) -> socket.socket:
    """A socket at the first of the host's addresses that this machine has."""
    found = resolve(host, port, Family.ANY, 5.0)
    if isinstance(found, str):
        raise UsageError(f"--host: {found}")
    failure = OSError()
    for address in found:
        try:
            return _bound(address)
        except OSError as error:
            failure = error
    raise _cannot_listen(host, port, failure)


def _bound(address: Address) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _OWN_PORT, 1)
        sock.bind(address.sockaddr)
    except OSError:
        sock.close()
        raise
    return sock


def _cannot_listen(host: str, port: int, error: OSError) -> UsageError:
    hint = _BIND_HINTS.get(error.errno or 0) or winsock_text(error) or error.strerror
    return UsageError(f"cannot listen on {address_text(host, port)}: {hint}")
