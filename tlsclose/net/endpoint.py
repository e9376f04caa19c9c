"""Runs one scenario over one session and hands everything that was seen to the assembler."""

from typing import Final, assert_never

from tlsclose.core.message import Message
from tlsclose.net.clock import Deadline
from tlsclose.net.exchange import Exchange
from tlsclose.net.scenario import Action, Scenario
from tlsclose.net.session import Session

FIN_PATIENCE_S: Final = 0.005


class Endpoint:
    """Our end of one connection, after TCP is up."""

    def __init__(self, session: Session, exchange: Exchange, scenario: Scenario) -> None:
        self._session = session
        self._exchange = exchange
        self._scenario = scenario
        self.failure = ""
        """Why the handshake did not finish; empty where it did."""
        self.steps_missing = ""
        self.message: Message | None = None

    def run(self) -> None:
        """Handshake, scenario, deletion. The socket is still open afterwards."""
        session = self._session
        self.failure = session.handshake()
        if session.up:
            for action in self._scenario.actions(session.side):
                self._do(action)
            self.steps_missing = self.steps_missing or self._left_out()
        elif not self.failure:
            self.failure = f"no TLS answer within {session.timeout_s:g} s"
        if not session.up:
            self.steps_missing = "TLS never came up: there is nothing to close"
            session.finish()
        session.settle()
        if session.up:
            self.message = self._exchange.message(session)

    def _do(self, action: Action) -> None:
        session = self._session
        match action:
            case Action.EXCHANGE:
                self._exchange.run(session, last=False)
            case Action.EXCHANGE_LAST:
                self._exchange.run(session, last=True)
            case Action.EXCHANGE_NOTIFIED:
                self.steps_missing = self._exchange.run_notified(session)
            case Action.NOTIFY:
                self._let_fin_come()
                self.steps_missing = session.notify()
            case Action.AWAIT_CLOSE:
                self._await_close()
            case Action.AWAIT_FIN:
                self._await_fin()
            case Action.FIN:
                session.finish()
            case Action.RESET:
                session.catch_up()
                session.did("reset", "close with SO_LINGER 0")
                session.transport.reset()
            case _:
                assert_never(action)

    def _await_close(self) -> None:
        session = self._session
        if session.peer_done or session.gave_up:
            return
        patience = self._patience()
        if patience is None:
            session.wait("close_notify", self._until_closed, closing=True)
        elif patience > 0:
            session.wait("close_notify", self._until_closed, timeout_s=patience, owed=False)

    def _patience(self) -> float | None:
        """How long to leave the first word to a peer that may be waiting for ours."""
        ours = self._exchange.patience_s
        answers = Action.NOTIFY in self._scenario.actions(self._session.side)
        if ours is None or self._session.notified or not answers:
            return None
        return min(ours, self._session.timeout_s)

    def _until_closed(self, deadline: Deadline) -> str | None:
        while not self._session.peer_done:
            if self._session.read(deadline) is None:
                return None
        return "closed"

    def _let_fin_come(self) -> None:
        """A peer that closes without waiting has its FIN right behind its close_notify.

        If our answer overtakes that FIN it lies unread in the peer's socket, and the peer's kernel
        sends RST in place of the FIN. A moment's patience shows what the peer really does.
        """
        session = self._session
        if session.peer_notified and session.transport.ending is None:
            patience = min(FIN_PATIENCE_S, session.timeout_s)
            session.wait("fin-behind", self._until_ended, timeout_s=patience, owed=False)

    def _await_fin(self) -> None:
        if self._session.transport.ending is None:
            self._session.wait("fin", self._until_ended, closing=True)

    def _until_ended(self, deadline: Deadline) -> str | None:
        while self._session.transport.ending is None:
            if self._session.read(deadline) is None:
                return None
        return "ended"

    def _left_out(self) -> str:
        if self._session.notified:
            return ""
        return f"the scenario {self._scenario.name} sends no close_notify"
