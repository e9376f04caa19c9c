"""The server role: accept clients side by side and judge each close."""

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore, Condition, Event, Thread
from typing import Final

from tlsclose.core.report import Action, Report, Role, TargetInfo
from tlsclose.errors import UsageError
from tlsclose.net.capture import CaptureRun, Watch
from tlsclose.net.clock import Clock
from tlsclose.net.connection import Connection, Plan, ends, server_engine
from tlsclose.net.exchange import HttpServer
from tlsclose.net.resolve import resolve
from tlsclose.net.scenario import SCENARIOS
from tlsclose.net.settings import Family, ListenSettings
from tlsclose.providers.base import Provider

MAX_CLIENTS: Final = 512
"""Clients served at once; further ones wait in the kernel's backlog."""
BACKLOG: Final = 4096
_POLL_S: Final = 0.2
_STACK_HINTS: Final = {
    errno.EADDRINUSE: "the port is in use; choose another with --port, or 0 for any free one",
    errno.EACCES: "not permitted; ports below 1024 need root, choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address; see --host",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a listener came up and how it captures."""

    host: str
    port: int
    capture: str


class Listener:
    """Listens from its making on. `serve` runs until told to stop."""

    def __init__(
        self, settings: ListenSettings, *, provider: Provider, capture: CaptureRun
    ) -> None:
        self._settings = settings
        self._provider = provider
        self._capture = capture
        self._sock = _bind(settings.host, settings.port)
        self._slots = BoundedSemaphore(MAX_CLIENTS)
        self._changed = Condition()
        self._active = 0
        self._judged = 0

    @property
    def listening(self) -> Listening:
        host, port, *_ = self._sock.getsockname()
        return Listening(host=host, port=port, capture=self._capture.summary)

    def serve(
        self,
        *,
        on_ready: Callable[[Listening], None],
        on_report: Callable[[Report], None],
        stop: Event,
    ) -> int:
        """Accept until `count` clients came or `stop` is set; return how many were judged.

        Clients that are still connected when `stop` is set are not judged. `on_report` is called
        by one thread at a time.
        """
        where = self.listening
        with self._sock, self._capture.watch(where.port, where.host) as watch:
            on_ready(where)
            accepted = 0
            while accepted != self._settings.count and not stop.is_set():
                sock = self._accept(stop)
                if sock is not None:
                    self._start(sock, watch, accepted, on_report)
                    accepted += 1
            self._sock.close()
            with self._changed:
                while self._active and not stop.is_set():
                    self._changed.wait(_POLL_S)
                return self._judged

    def _accept(self, stop: Event) -> socket.socket | None:
        """The next client once there is a free slot; None when there was none for a while."""
        while not self._slots.acquire(timeout=_POLL_S):
            if stop.is_set():
                return None
        self._sock.settimeout(_POLL_S)
        try:
            return self._sock.accept()[0]
        except (TimeoutError, ConnectionError):
            self._slots.release()
            return None

    def _start(
        self, sock: socket.socket, watch: Watch, stream: int, on_report: Callable[[Report], None]
    ) -> None:
        with self._changed:
            self._active += 1
        Thread(
            target=self._serve_one,
            args=(sock, watch, stream, on_report),
            name=f"client-{stream}",
            daemon=True,
        ).start()

    def _serve_one(
        self, sock: socket.socket, watch: Watch, stream: int, on_report: Callable[[Report], None]
    ) -> None:
        try:
            report = self._judge(sock, watch, stream)
            with self._changed:
                on_report(report)
                self._judged += 1
        finally:
            self._slots.release()
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    def _judge(self, sock: socket.socket, watch: Watch, stream: int) -> Report:
        settings = self._settings
        clock = Clock.start()
        host, port = ends(sock)[1]
        plan = Plan(
            role=Role.SERVER,
            scenario=SCENARIOS[settings.scenario],
            exchange=HttpServer(settings.body, settings.framing),
            timeout_s=settings.timeout_s,
            target=TargetInfo(host=host, port=port, address=host),
            stream=stream,
            actions=(Action(at_ns=0, name="accept"),),
        )
        with sock:
            return Connection(
                sock,
                plan,
                clock=clock,
                engine=server_engine(self._provider, self._capture),
                watch=watch,
            ).run()


def _bind(host: str, port: int) -> socket.socket:
    found = resolve(host, port, Family.ANY, 5.0)
    if isinstance(found, str):
        raise UsageError(f"--host: {found}")
    address = found[0]
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address.sockaddr)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        hint = _STACK_HINTS.get(error.errno or 0, error.strerror)
        raise UsageError(f"cannot listen on {host}:{port}: {hint}") from None
    return sock
