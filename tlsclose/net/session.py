"""TLS over one transport: handshake, data, the shutdown procedure, and every wait of them.

The session turns what the TLS API says into events as it hears it. End of file is not told to the
TLS engine: as in Schannel, the socket's end is the application's to judge.
"""

from collections.abc import Callable
from typing import Final, Literal

from tlsclose.core.event import Event, Handshake, Kind, Side, Source
from tlsclose.core.procedure import Procedure
from tlsclose.core.report import Action as Deed
from tlsclose.core.report import Wait
from tlsclose.core.status import SecStatus
from tlsclose.net.clock import Clock, Deadline
from tlsclose.net.observe import Observation
from tlsclose.net.transport import Ending, Transport
from tlsclose.providers.base import SecurityContext
from tlsclose.wire.event_log import EventLog

GRACE_S: Final = 0.25
"""Longest wait for TCP to settle after both sides have closed."""
_OUR_MESSAGE: Final = {Side.CLIENT: "request", Side.SERVER: "response"}

MAX_CATCH_UP: Final = 64
"""Reads without waiting; a peer that floods can not keep us from what we do next."""


class Session:
    """One connection's TLS life and its record. `side` is ours."""

    def __init__(
        self,
        *,
        transport: Transport,
        context: SecurityContext,
        clock: Clock,
        side: Side,
        timeout_s: float,
        observation: Observation,
    ) -> None:
        self.transport = transport
        self.context = context
        self.clock = clock
        self.side = side
        self.timeout_s = timeout_s
        self._observation = observation
        self.procedure = Procedure(context, send=self._send, clock=clock.now)
        self._early = b""
        self._early_is_news = False
        """`_early` has not been given to `decrypt` yet: it needs no further bytes."""
        self._heard = 0
        self._log = EventLog()
        self._waits: list[Wait] = []
        self._deeds: list[Deed] = []
        self.up = False
        self.notified = False
        """Our close_notify is out."""
        self.peer_notified = False
        self.gave_up = False
        """A wait for the peer's close ran out, and we have not closed since."""
        self.broken = ""
        """Why TLS can go on no further: a fatal alert, or bytes that are not TLS."""

    @property
    def events(self) -> tuple[Event, ...]:
        return (*self._log.ordered(), *self.transport.events)

    @property
    def waits(self) -> tuple[Wait, ...]:
        return tuple(self._waits)

    @property
    def deeds(self) -> tuple[Deed, ...]:
        return tuple(self._deeds)

    @property
    def peer_done(self) -> bool:
        """The peer will send nothing more that could be read."""
        return self.peer_notified or self.transport.ending is not None or bool(self.broken)

    def did(self, name: str, detail: str = "") -> None:
        """Record something our side did outside the procedure."""
        self._deeds.append(Deed(at_ns=self.clock.now(), name=name, detail=detail))

    def handshake(self) -> str:
        """Bring TLS up. Returns an empty string, or in one line why it did not come up."""
        return self.wait("handshake", self._handshake) or ""

    def _handshake(self, deadline: Deadline) -> str | None:
        token = b""
        while True:
            status, output, rest = self.context.handshake(token)
            self._hear()
            if output:
                self._send(output, deadline)
            if status is SecStatus.SEC_E_OK:
                self._early, self._early_is_news = rest, bool(rest)
                self._comes_up()
                return ""
            if status is SecStatus.SEC_I_CONTEXT_EXPIRED:
                self.broken = f"the {self.side.other} sent close_notify during the handshake"
                return self.broken
            if status.failed and status is not SecStatus.SEC_E_INCOMPLETE_MESSAGE:
                self.broken = self.context.error or status.name
                return self.broken
            data = self.transport.receive(deadline)
            if data is None:
                return None
            if not data:
                return self._handshake_cut()
            token = rest + data

    def _handshake_cut(self) -> str:
        if self.transport.lost:
            return f"the connection was lost during the handshake: {self.transport.lost}"
        how = "reset" if self.transport.ending is Ending.RST else "closed"
        return f"the {self.side.other} {how} the connection during the handshake"

    def _comes_up(self) -> None:
        self.up = True
        self._tell(self.side, Kind.HANDSHAKE, Handshake.COMPLETE)
        self._observation.pump()

    def write(self, data: bytes, deadline: Deadline | None = None) -> bool:
        """Send application data; False where the connection no longer takes it."""
        records = self.sealed(data)
        if not records:
            return False
        sent = self._send(records, deadline) == len(records)
        self._observation.pump()
        return sent

    def sealed(self, data: bytes) -> bytes:
        """Records that carry `data`, to be sent together with something else."""
        status, records = self.context.encrypt(data)
        if status.failed:
            return b""
        self._narrate(self.side, len(data))
        return records

    def read(self, deadline: Deadline | None) -> bytes | None:
        """Plaintext, possibly empty; None at the deadline. `peer_done` tells of the end.

        Without a deadline only what is there already: None where there is nothing.
        """
        token = self._early
        if not self._early_is_news:
            data = self.transport.receive(deadline)
            if not data:
                return data
            token += data
        self._early, self._early_is_news = b"", False
        plain = self._open(token)
        self._observation.pump()
        return plain

    def _open(self, token: bytes) -> bytes:
        plain = bytearray()
        while True:
            status, data, rest = self.context.decrypt(token)
            self._narrate(self.side.other, len(data))
            self._hear()
            plain += data
            if status is SecStatus.SEC_I_CONTEXT_EXPIRED:
                self._recognize()
                return bytes(plain)
            if status is SecStatus.SEC_E_INCOMPLETE_MESSAGE:
                self._early = rest
                self._flush()
                return bytes(plain)
            if status.failed:
                self.broken = self.context.error or status.name
                self._flush()
                return bytes(plain)
            if not data and not rest:
                self._flush()
                return bytes(plain)
            token = rest

    def _recognize(self) -> None:
        if not self.peer_notified and not self.notified:
            self.procedure.recognized()
        self.peer_notified = True

    def _flush(self) -> None:
        output = self.context.pending_output()
        if output:
            self._send(output)

    def catch_up(self) -> None:
        """Take in what has come already: a FIN among it came before what we do next."""
        for _ in range(MAX_CATCH_UP):
            if not self.up or self.transport.ending is not None or self.read(None) is None:
                return

    def notify(self, prefix: bytes = b"") -> str:
        """Steps 1 to 3. Returns an empty string, or why they were not reached."""
        if self.notified:
            return ""
        self.catch_up()
        if self.broken:
            return f"TLS had already failed: {self.broken}"
        if not self.transport.writable:
            return self._why_unwritable()
        if not self.procedure.notify(prefix):
            self._heard = len(self.context.alerts)  # ours did not leave
            refused = f"the provider refused the shutdown: {self.context.error}"
            return refused if self.transport.writable else self._why_unwritable()
        self.notified = True
        self.gave_up = False
        self._hear()
        self._observation.pump()
        return ""

    def _why_unwritable(self) -> str:
        if self.transport.clogged:
            return f"the {self.side.other} does not read: TCP took no more"
        if self.transport.lost:
            return f"the connection was lost: {self.transport.lost}"
        return "TCP had already been " + ("closed by us" if self.transport.finished else "reset")

    def finish(self) -> None:
        """Send FIN."""
        self.catch_up()
        self.transport.finish()
        self.gave_up = False

    def wait(
        self,
        name: str,
        until: Callable[[Deadline], str | None],
        *,
        closing: bool = False,
        timeout_s: float | None = None,
        owed: bool = True,
    ) -> str | None:
        """Run a bounded wait and record it. `until` returns None at the deadline.

        Where what was waited for is not `owed`, its absence is no event.
        """
        began = self.clock.now()
        result = until(Deadline(self.timeout_s if timeout_s is None else timeout_s))
        length = self.clock.now() - began
        self._waits.append(
            Wait(name=name, at_ns=began, length_ns=length, outcome=self._outcome(result, closing))
        )
        if result is None and owed:
            self.gave_up = closing
            self._ran_out(name, length)
        return result

    def _ran_out(self, name: str, length: int) -> None:
        self._log.add(
            Event(
                at_ns=self.clock.now(),
                sender=self.side.other,
                kind=Kind.TIMEOUT,
                source=Source.SOCKET,
                detail=name,
                waited_ns=length,
            )
        )

    def _outcome(
        self, result: str | None, closing: bool
    ) -> Literal["answered", "timeout", "ended"]:
        if result is None:
            return "timeout"
        ended = self.transport.ending is not None or bool(self.broken)
        return "ended" if ended and not closing else "answered"

    def settle(self) -> None:
        """Delete the context and learn how TCP ended."""
        self.procedure.delete()
        self.transport.settle(Deadline(min(GRACE_S, self.timeout_s)))

    def _send(self, data: bytes, deadline: Deadline | None = None) -> int:
        began, clogged = self.clock.now(), self.transport.clogged
        sent = self.transport.send(data, deadline or Deadline(self.timeout_s))
        if self.transport.clogged and not clogged:
            name = _OUR_MESSAGE[self.side] if self.up else "handshake"
            length = self.clock.now() - began
            self._waits.append(Wait(name=name, at_ns=began, length_ns=length, outcome="timeout"))
            self._ran_out(name, length)
        return sent

    def _hear(self) -> None:
        """Turn alerts that the provider newly told of into events."""
        alerts = self.context.alerts
        for told in alerts[self._heard :]:
            alert = told.alert
            closing = alert.is_close_notify
            self._log.add(
                Event(
                    at_ns=self.clock.now(),
                    sender=told.sender,
                    kind=Kind.CLOSE_NOTIFY if closing else Kind.ALERT,
                    source=Source.PROVIDER,
                    detail=alert.level_name if closing else str(alert),
                    alert=alert,
                )
            )
        self._heard = len(alerts)

    def _narrate(self, sender: Side, size: int) -> None:
        """Where the wire does not testify, the TLS API's account of data is all there is."""
        if size and not self._observation.testifies:
            self._tell(sender, Kind.APP_DATA, size=size)

    def _tell(self, sender: Side, kind: Kind, detail: str = "", *, size: int = 0) -> None:
        self._log.add(
            Event(
                at_ns=self.clock.now(),
                sender=sender,
                kind=kind,
                source=Source.PROVIDER,
                detail=detail,
                bytes=size,
            )
        )
