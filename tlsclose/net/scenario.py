"""Scenarios as data: what our side does, as client and as server, and what it provokes.

Adding a scenario is adding a line. The endpoint knows only the actions. An action that the
connection has overtaken (a request after the peer has closed) does nothing.
"""

from enum import StrEnum
from typing import Final

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.verdict import Code


class Action(StrEnum):
    """One thing that our side can do. Waits are bounded by the run's deadline."""

    EXCHANGE = "exchange"
    """As client: request, read the answer. As server: answer requests until one side must close."""
    EXCHANGE_LAST = "exchange-last"
    """The same with `Connection: close`, so that the peer is the one to close."""
    EXCHANGE_NOTIFIED = "exchange-notified"
    """Request (or response) and close_notify in one flight; then read the whole answer."""
    NOTIFY = "notify"
    """Apply the control token, empty-buffer handshake, send the close_notify."""
    AWAIT_CLOSE = "await-close"
    """Read until the peer's close_notify, FIN or RST."""
    AWAIT_FIN = "await-fin"
    """Read until the peer's FIN or RST."""
    FIN = "fin"
    RESET = "reset"


A = Action
_WAITS: Final = (Action.AWAIT_CLOSE, Action.AWAIT_FIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    summary: str
    client: tuple[Action, ...]
    server: tuple[Action, ...]
    provokes: frozenset[Code] = frozenset()
    """Verdicts that blame our own side because the scenario set out to do just that."""

    def leaves_close_to_peer(self, side: Side) -> bool:
        """Our side does not close before the peer has done so."""
        closing = (Action.NOTIFY, Action.FIN, Action.RESET, Action.EXCHANGE_NOTIFIED)
        first = next(action for action in self.actions(side) if action in (*closing, *_WAITS))
        return first in _WAITS and Action.NOTIFY not in self.actions(side)

    def actions(self, side: Side) -> tuple[Action, ...]:
        return self.client if side is Side.CLIENT else self.server


_CLOSE: Final = (A.NOTIFY, A.AWAIT_CLOSE, A.FIN, A.AWAIT_FIN)
_ANSWER: Final = (A.AWAIT_CLOSE, A.NOTIFY, A.AWAIT_CLOSE, A.FIN, A.AWAIT_FIN)

_ALL: Final = (
    Scenario(
        name="initiate",
        summary="exchange, send close_notify, wait for the peer's",
        client=(A.EXCHANGE, *_CLOSE),
        server=(A.EXCHANGE_LAST, *_CLOSE),
    ),
    Scenario(
        name="await",
        summary="let the peer close first, recognise it, answer with the same procedure",
        client=(A.EXCHANGE_LAST, *_ANSWER),
        server=(A.EXCHANGE, *_ANSWER),
    ),
    Scenario(
        name="half-close",
        summary="close_notify together with our last data; the whole answer must still come",
        client=(A.EXCHANGE_NOTIFIED, A.AWAIT_CLOSE, A.FIN, A.AWAIT_FIN),
        server=(A.EXCHANGE_NOTIFIED, A.AWAIT_CLOSE, A.FIN, A.AWAIT_FIN),
    ),
    Scenario(
        name="fin",
        summary="FIN without close_notify",
        client=(A.EXCHANGE, A.FIN, A.AWAIT_FIN),
        server=(A.EXCHANGE_LAST, A.FIN, A.AWAIT_FIN),
        provokes=frozenset({Code.PREMATURE_CLOSE, Code.INCOMPLETE_CLOSE}),
    ),
    Scenario(
        name="reset",
        summary="RST instead of any close",
        client=(A.EXCHANGE, A.RESET),
        server=(A.EXCHANGE_LAST, A.RESET),
        provokes=frozenset({Code.RESET, Code.DATA_LOST}),
    ),
    Scenario(
        name="silent",
        summary="never answer the peer's close_notify: how long does it wait",
        client=(A.EXCHANGE_LAST, A.AWAIT_CLOSE, A.AWAIT_FIN, A.FIN, A.AWAIT_FIN),
        server=(A.EXCHANGE, A.AWAIT_CLOSE, A.AWAIT_FIN, A.FIN, A.AWAIT_FIN),
        provokes=frozenset({Code.PREMATURE_CLOSE, Code.INCOMPLETE_CLOSE}),
    ),
)

SCENARIOS: Final = {scenario.name: scenario for scenario in _ALL}
