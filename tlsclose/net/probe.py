"""The client role: one target, one scenario, one report."""

import contextlib
import errno
import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from tlsclose.core.report import Action, Report, Role, Stage, TargetInfo, Wait
from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.net.address import address_text
from tlsclose.net.assemble import unobserved
from tlsclose.net.capture import CaptureRun, Watch
from tlsclose.net.clock import Clock
from tlsclose.net.connection import Connection, Plan, client_engine, plain
from tlsclose.net.exchange import Exchange, HttpClient, RawRequest, Silence
from tlsclose.net.resolve import Address, resolve
from tlsclose.net.scenario import SCENARIOS, Scenario
from tlsclose.net.settings import ProbeSettings
from tlsclose.net.target import Target
from tlsclose.net.winsock import winsock_text
from tlsclose.providers.base import Provider
from tlsclose.wire import packets

HTTPS_PORT: Final = 443
MAX_ADDRESSES: Final = 8
"""Of one host that are tried."""


def check(targets: Sequence[Target], settings: ProbeSettings, provider: Provider) -> None:
    """Raise UsageError for what could not be asked, before anything is sent."""
    for name in settings.scenarios:
        if name not in SCENARIOS:
            raise UsageError(f"no scenario {name!a}; choose from {', '.join(SCENARIOS)}")
    for target in targets:
        _said(settings, target)
        provider.client(_server_name(settings, target), lambda _: None).delete()


class Prober:
    """Connects to targets. Safe to use from several threads at once."""

    def __init__(self, settings: ProbeSettings, *, provider: Provider, capture: CaptureRun) -> None:
        self._settings = settings
        self._provider = provider
        self._capture = capture
        self._live: set[socket.socket] = set()

    def abandon(self) -> None:
        """End every probe that is under way; what it still reports means nothing."""
        for sock in tuple(self._live):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def probe(self, target: Target, scenario_name: str, *, stream: int = 0) -> Report:
        """Run one scenario against one target. Network trouble is in the report."""
        attempt = _Attempt(self._settings, target, SCENARIOS[scenario_name], stream)
        server_name = _server_name(self._settings, target)
        engine = client_engine(self._provider, self._capture, server_name)
        with ExitStack() as stack:
            reached = attempt.connect(self._capture, stack)
            if isinstance(reached, Report):
                return reached
            sock, watch, plan = reached
            self._live.add(sock)
            stack.callback(self._live.discard, sock)
            return Connection(
                sock,
                plan,
                clock=attempt.clock,
                engine=engine,
                watch=watch,
            ).run()


class _Attempt:
    """The way to one connected socket."""

    def __init__(
        self, settings: ProbeSettings, target: Target, scenario: Scenario, stream: int
    ) -> None:
        self._settings = settings
        self._target = target
        self._scenario = scenario
        self._stream = stream
        self.clock = Clock.start()

    def connect(
        self, capture: CaptureRun, stack: ExitStack
    ) -> tuple[socket.socket, Watch, Plan] | Report:
        """Try the addresses in the resolver's order."""
        target, settings = self._target, self._settings
        found = resolve(target.host, target.port, settings.family, settings.timeout_s)
        if isinstance(found, str):
            return self._unobserved(Stage.DNS, found)
        reasons: list[str] = []
        for address in found[:MAX_ADDRESSES]:
            with ExitStack() as attempt:
                try:
                    reached = self._try(attempt, capture, address)
                except CaptureDeniedError as error:
                    return self._unobserved(Stage.CAPTURE, str(error))
                except OSError as error:
                    reasons.append(f"{self._why(error)} ({address_text(*plain(address.sockaddr))})")
                    continue
                stack.push(attempt.pop_all())
                return reached
        return self._unobserved(Stage.CONNECT, "; ".join(dict.fromkeys(reasons)))

    def _try(
        self, stack: ExitStack, capture: CaptureRun, address: Address
    ) -> tuple[socket.socket, Watch, Plan]:
        """Connect. Raises OSError where that fails, CaptureDeniedError where none may look on."""
        sock = stack.enter_context(socket.socket(address.family, socket.SOCK_STREAM))
        # The port is chosen before the SYN, so that the capture can be ready for it.
        sock.bind(("", 0))
        watch = stack.enter_context(capture.watch(sock.getsockname()[1], address.ip))
        sock.settimeout(self._settings.timeout_s)
        self.clock = Clock.start()
        sock.connect(address.sockaddr)
        ours, theirs = plain(sock.getsockname()), plain(address.sockaddr)
        if ours == theirs:  # simultaneous open with itself: nobody listens there
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        return sock, watch, self._plan(address, ours, theirs)

    def _why(self, error: OSError) -> str:
        if isinstance(error, TimeoutError) and error.errno is None:
            return f"no answer within {self._settings.timeout_s:g} s"
        return winsock_text(error) or (error.strerror or str(error)).lower()

    def _plan(self, address: Address, ours: packets.Address, theirs: packets.Address) -> Plan:
        return Plan(
            role=Role.CLIENT,
            scenario=self._scenario,
            exchange=_said(self._settings, self._target),
            timeout_s=self._settings.timeout_s,
            ours=ours,
            theirs=theirs,
            target=self._info(address),
            stream=self._stream,
            actions=(Action(at_ns=0, name="connect", detail=str(self._target)),),
            waits=(Wait(name="connect", at_ns=0, length_ns=self.clock.now(), outcome="answered"),),
        )

    def _info(self, address: Address | None) -> TargetInfo:
        return TargetInfo(
            host=self._target.host,
            port=self._target.port,
            address=None if address is None else address.ip,
        )

    def _unobserved(self, stage: Stage, reason: str) -> Report:
        return unobserved(
            clock=self.clock,
            role=Role.CLIENT,
            scenario=self._scenario,
            target=self._info(None),
            stage=stage,
            reason=reason,
        )


def _server_name(settings: ProbeSettings, target: Target) -> str:
    return settings.sni or target.host


def _said(settings: ProbeSettings, target: Target) -> Exchange:
    request = settings.request
    if request.http:
        return HttpClient(_host_header(target), target.path or request.path)
    return RawRequest(request.raw) if request.raw else Silence()


def _host_header(target: Target) -> str:
    """The Host field (RFC 9110 section 7.2); a zone means nothing to the server (RFC 6874)."""
    host = target.host.partition("%")[0]
    host = f"[{host}]" if ":" in host else host
    return host if target.port == HTTPS_PORT else f"{host}:{target.port}"
