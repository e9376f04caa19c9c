"""The client role: one target, one scenario, one report."""

import socket
from contextlib import ExitStack

from tlsclose.core.report import Action, Report, Role, Stage, TargetInfo, Wait
from tlsclose.net.assemble import unobserved
from tlsclose.net.capture import CaptureRun, Watch
from tlsclose.net.clock import Clock
from tlsclose.net.connection import Connection, Plan, client_engine
from tlsclose.net.exchange import Exchange, HttpClient, RawRequest, Silence
from tlsclose.net.resolve import Address, address_text, resolve
from tlsclose.net.scenario import SCENARIOS, Scenario
from tlsclose.net.settings import ProbeSettings
from tlsclose.net.target import Target
from tlsclose.providers.base import Provider


class Prober:
    """Connects to targets. Safe to use from several threads at once."""

    def __init__(self, settings: ProbeSettings, *, provider: Provider, capture: CaptureRun) -> None:
        self._settings = settings
        self._provider = provider
        self._capture = capture

    def probe(self, target: Target, scenario_name: str, *, stream: int = 0) -> Report:
        """Run one scenario against one target. Network trouble is in the report."""
        attempt = _Attempt(self._settings, target, SCENARIOS[scenario_name], stream)
        engine = client_engine(self._provider, self._capture, self._settings.sni or target.host)
        with ExitStack() as stack:
            reached = attempt.connect(self._capture, stack)
            if isinstance(reached, Report):
                return reached
            sock, watch, plan = reached
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
        self._said = self._exchange()
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
        for address in found:
            sock = stack.enter_context(socket.socket(address.family, socket.SOCK_STREAM))
            # The port is chosen before the SYN, so that the capture can be ready for it.
            sock.bind(("", 0))
            watch = stack.enter_context(capture.watch(sock.getsockname()[1], address.ip))
            self.clock = Clock.start()
            reason = self._try(sock, address)
            if not reason:
                return sock, watch, self._plan(address)
            reasons.append(f"{reason} ({address_text(address.ip, address.port)})")
        return self._unobserved(Stage.CONNECT, "; ".join(dict.fromkeys(reasons)))

    def _try(self, sock: socket.socket, address: Address) -> str:
        sock.settimeout(self._settings.timeout_s)
        try:
            sock.connect(address.sockaddr)
        except TimeoutError:
            return f"no answer within {self._settings.timeout_s:g} s"
        except OSError as error:
            return (error.strerror or str(error)).lower()
        return ""

    def _plan(self, address: Address) -> Plan:
        return Plan(
            role=Role.CLIENT,
            scenario=self._scenario,
            exchange=self._said,
            timeout_s=self._settings.timeout_s,
            target=self._info(address),
            stream=self._stream,
            actions=(Action(at_ns=0, name="connect", detail=str(self._target)),),
            waits=(Wait(name="connect", at_ns=0, length_ns=self.clock.now(), outcome="answered"),),
        )

    def _exchange(self) -> Exchange:
        request = self._settings.request
        if request.http:
            return HttpClient(self._host_header(), self._target.path or request.path)
        return RawRequest(request.raw) if request.raw else Silence()

    def _host_header(self) -> str:
        return self._target.host if self._target.port == 443 else str(self._target)

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
