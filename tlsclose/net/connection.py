"""One live connection from TCP to report, for either role."""

import socket

from tlsclose.core.event import Kind, Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.report import (
    Action,
    ConnectionInfo,
    ProviderInfo,
    Report,
    Role,
    TargetInfo,
    Wait,
)
from tlsclose.net.address import address_text
from tlsclose.net.assemble import Account, assemble
from tlsclose.net.capture import CaptureRun, Watch
from tlsclose.net.clock import Clock
from tlsclose.net.endpoint import Endpoint
from tlsclose.net.exchange import Exchange
from tlsclose.net.scenario import Scenario
from tlsclose.net.session import Session
from tlsclose.net.transport import Transport
from tlsclose.providers.base import Provider, SecurityContext
from tlsclose.providers.registry import KEYLESS
from tlsclose.wire.inference import UNOPENED
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a connection is to do, known before it exists."""

    role: Role
    scenario: Scenario
    exchange: Exchange
    timeout_s: float
    ours: Address
    theirs: Address
    """From connect or accept: a peer that has reset already has no name any more."""
    target: TargetInfo | None = None
    stream: int = 0
    actions: tuple[Action, ...] = ()
    """What our side did to get the socket."""
    waits: tuple[Wait, ...] = ()

    @property
    def side(self) -> Side:
        return Side.SERVER if self.role is Role.SERVER else Side.CLIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The TLS engine of one connection, made before the connection so that it costs it no time."""

    context: SecurityContext
    keys: KeyLog
    info: ProviderInfo


def client_engine(provider: Provider, capture: CaptureRun, server_name: str | None) -> Engine:
    keys = KeyLog()
    context = provider.client(server_name, capture.sink(keys))
    return Engine(context=context, keys=keys, info=provider.info)


def server_engine(provider: Provider, capture: CaptureRun) -> Engine:
    keys = KeyLog()
    return Engine(context=provider.server(capture.sink(keys)), keys=keys, info=provider.info)


class Connection:
    """A connected socket with everything that watches it. `run` closes the socket."""

    def __init__(
        self,
        sock: socket.socket,
        plan: Plan,
        *,
        clock: Clock,
        engine: Engine,
        watch: Watch,
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._engine = engine
        self._observation = watch.observe(engine.keys, clock)
        self._observation.connected(self._address(Side.CLIENT), self._address(Side.SERVER))
        self._transport = Transport(sock, clock=clock, side=plan.side, tap=self._observation.tap)
        self._session = Session(
            transport=self._transport,
            context=self._engine.context,
            clock=clock,
            side=plan.side,
            timeout_s=plan.timeout_s,
            observation=self._observation,
        )

    def run(self) -> Report:
        """Handshake, scenario, teardown, judgement."""
        endpoint = Endpoint(self._session, self._plan.exchange, self._plan.scenario)
        try:
            endpoint.run()
        finally:
            self._transport.close()
        return assemble(self._account(endpoint))

    def _address(self, side: Side) -> Address:
        return self._plan.ours if side is self._plan.side else self._plan.theirs

    def _account(self, endpoint: Endpoint) -> Account:
        session, plan = self._session, self._plan
        followed = self._observation.finish(self._ended_ways())
        wire = () if followed is None else followed.events
        return Account(
            clock=self._clock,
            role=plan.role,
            scenario=plan.scenario,
            target=plan.target,
            connection=ConnectionInfo(
                client=address_text(*self._address(Side.CLIENT)),
                server=address_text(*self._address(Side.SERVER)),
                stream=plan.stream,
            ),
            provider=self._engine.info,
            tls=self._engine.context.tls,
            capture=self._observation.info(),
            events=(*wire, *session.events),
            steps=session.procedure.steps,
            steps_missing=endpoint.steps_missing,
            actions=(*plan.actions, *session.deeds),
            waits=(*plan.waits, *session.waits),
            message=endpoint.message,
            failure=endpoint.failure,
            notes=() if followed is None else self._notes(followed.notes),
            lost=self._transport.lost,
        )

    def _notes(self, notes: tuple[str, ...]) -> tuple[str, ...]:
        """An engine without keys is the reason for sealed records, and no key log would help."""
        name = self._engine.info.name
        if name not in KEYLESS:
            return notes
        sealed = f"{name} exports no keys: what sealed records hold is its API's word"
        return tuple(sealed if note.startswith(UNOPENED) else note for note in notes)

    def _ended_ways(self) -> set[tuple[Address, bool]]:
        """The packets that must have been on the wire: FIN and RST that the socket told of."""
        return {
            (self._address(event.sender), event.kind is Kind.RST)
            for event in self._transport.events
            if event.kind in (Kind.FIN, Kind.RST)
        }


def plain(sockaddr: tuple[str | int, ...]) -> Address:
    """A socket's address as packets show it."""
    ip = str(sockaddr[0]).partition("%")[0].removeprefix("::ffff:")
    return ip, int(sockaddr[1])
