"""The session over an engine and a transport that follow a script."""

from collections import deque

import pytest

from tlsclose.core.alert import Alert
from tlsclose.core.event import Kind, Side, Source
from tlsclose.core.procedure import CallResult
from tlsclose.core.status import SecStatus
from tlsclose.net.clock import Clock, Deadline
from tlsclose.net.observe import NoObservation
from tlsclose.net.session import Session
from tlsclose.net.transport import Ending
from tlsclose.providers.base import ProviderAlert

OK, MORE = SecStatus.SEC_E_OK, SecStatus.SEC_E_INCOMPLETE_MESSAGE
AGAIN, EXPIRED = SecStatus.SEC_I_CONTINUE_NEEDED, SecStatus.SEC_I_CONTEXT_EXPIRED
FAILED = SecStatus.SEC_E_ILLEGAL_MESSAGE
CLOSE = ProviderAlert(sender=Side.SERVER, alert=Alert(1, 0))
OWN_CLOSE = ProviderAlert(sender=Side.CLIENT, alert=Alert(1, 0))


class Engine:
    """Answers `handshake` and `decrypt` from lists, and keeps what it was given."""

    def __init__(self, *, handshake=((OK, b"", b""),), decrypt=()):
        self._handshake, self._decrypt = deque(handshake), deque(decrypt)
        self.given = []
        self.alerts = ()
        self.error = ""
        self.last_call = CallResult(call="x", status=OK, native="")

    def handshake(self, token):
        self.given.append(token)
        return self._handshake.popleft()

    def decrypt(self, token):
        self.given.append(token)
        return self._decrypt.popleft()

    def encrypt(self, data):
        return OK, b"<" + data + b">"

    def pending_output(self):
        return b""

    def apply_control_token(self, _):
        self.alerts += (OWN_CLOSE,)
        return OK

    def delete(self):
        return OK


class Wire:
    """A transport that gives what the script says and takes `room` bytes."""

    def __init__(self, *incoming, room=10_000):
        self._incoming = deque(incoming)
        self._room = room
        self.taken = b""
        self.events = ()
        self.ending = None
        self.clogged = self.finished = False
        self.lost = ""

    @property
    def writable(self):
        return not self.clogged and self.ending is not Ending.RST

    def send(self, data, _):
        if not self.writable:
            return 0
        taken = data[: self._room - len(self.taken)]
        self.taken += taken
        self.clogged = len(taken) < len(data)
        return len(taken)

    def receive(self, _):
        data = self._incoming.popleft() if self._incoming else None
        if isinstance(data, Ending):
            self.ending, data = data, b""
        return data

    def settle(self, _):
        pass


def session(engine, wire, *, up=True):
    made = Session(
        transport=wire,
        context=engine,
        clock=Clock.start(),
        side=Side.CLIENT,
        timeout_s=9.0,
        observation=NoObservation(),
    )
    if up:
        assert made.handshake() == ""
        engine.given.clear()
    return made


def soon():
    return Deadline(9.0)


def kinds(made):
    return [(event.kind, event.sender, event.detail) for event in made.events]


def test_what_follows_the_handshake_is_read_without_waiting_for_more():
    engine = Engine(handshake=[(OK, b"", b"rest")], decrypt=[(OK, b"data", b""), (MORE, b"", b"")])
    made = session(engine, Wire())
    assert made.read(soon()) == b"data"
    assert engine.given == [b"rest", b""]
    assert made.read(soon()) is None


def test_part_of_a_record_waits_for_the_rest_of_it():
    """An engine that keeps nothing (Schannel) is not asked again before there is more."""
    engine = Engine(decrypt=[(MORE, b"", b"par"), (OK, b"whole", b""), (MORE, b"", b"")])
    made = session(engine, Wire(b"par", b"tial"))
    assert made.read(soon()) == b""
    assert made.read(soon()) == b"whole"
    assert engine.given == [b"par", b"partial", b""]


def test_part_of_a_record_and_then_silence_is_silence():
    made = session(Engine(decrypt=[(MORE, b"", b"par")]), Wire(b"par"))
    assert made.read(soon()) == b""
    assert made.read(soon()) is None


def test_several_records_in_one_read():
    answers = [(OK, b"a", b"2"), (OK, b"", b"3"), (OK, b"b", b""), (OK, b"", b"")]
    engine = Engine(decrypt=answers)
    assert session(engine, Wire(b"123")).read(soon()) == b"ab"
    assert engine.given == [b"123", b"2", b"3", b""]


def test_close_notify_with_data_before_it():
    engine = Engine(decrypt=[(EXPIRED, b"last", b"")])
    made = session(engine, Wire(b"x"))
    engine.alerts = (CLOSE,)
    assert made.read(soon()) == b"last"
    assert made.peer_notified
    assert (Kind.CLOSE_NOTIFY, Side.SERVER, "warning") in kinds(made)
    assert [step.name for step in made.procedure.steps] == ["shutdown-recognized"]


def test_broken_record_ends_reading_with_the_engines_words():
    engine = Engine(decrypt=[(FAILED, b"before", b"")])
    made = session(engine, Wire(b"x"))
    engine.error = "bad record mac"
    assert made.read(soon()) == b"before"
    assert made.broken == "bad record mac"
    assert made.notify() == "TLS had already failed: bad record mac"


HANDSHAKES = {
    "silence": ([], (AGAIN, b"hello", b""), "", "timeout"),
    "end of file": ([Ending.FIN], (AGAIN, b"", b""), "the server closed the connection", "ended"),
    "reset": ([Ending.RST], (AGAIN, b"", b""), "the server reset the connection", "ended"),
    "lost": ([Ending.LOST], (AGAIN, b"", b""), "the connection was lost", "ended"),
    "close_notify": ([], (EXPIRED, b"", b""), "the server sent close_notify during", "ended"),
    "failure": ([], (FAILED, b"alert", b""), "SEC_E_ILLEGAL_MESSAGE", "ended"),
}


@pytest.mark.parametrize(
    ("incoming", "answer", "words", "outcome"), HANDSHAKES.values(), ids=HANDSHAKES
)
def test_handshake_that_fails(incoming, answer, words, outcome):
    wire = Wire(*incoming)
    wire.lost = "no route to host" if incoming == [Ending.LOST] else ""
    made = session(Engine(handshake=[answer]), wire, up=False)
    assert made.handshake().startswith(words)
    assert not made.up
    assert wire.taken == answer[1]
    assert [wait.outcome for wait in made.waits] == [outcome]
    silent = outcome == "timeout"
    assert ((Kind.TIMEOUT, Side.SERVER, "handshake") in kinds(made)) is silent


def test_incomplete_handshake_record_is_given_again_with_more():
    engine = Engine(handshake=[(AGAIN, b"", b""), (MORE, b"", b"ab"), (OK, b"", b"")])
    made = session(engine, Wire(b"ab", b"cd"), up=False)
    assert made.handshake() == ""
    assert engine.given == [b"", b"ab", b"abcd"]


def test_notify_is_told_when_it_is_out():
    engine, wire = Engine(handshake=[(OK, b"", b""), (OK, b"bye", b"")]), Wire()
    made = session(engine, wire)
    assert made.notify(made.sealed(b"last")) == ""
    assert wire.taken == b"<last>bye"
    assert (Kind.CLOSE_NOTIFY, Side.CLIENT, "warning") in kinds(made)
    assert made.notify() == ""
    assert wire.taken == b"<last>bye"


def test_notify_that_tcp_does_not_take_is_not_told():
    engine = Engine(handshake=[(OK, b"", b""), (OK, b"bye", b"")])
    made = session(engine, Wire(room=2))
    assert made.notify() == "the server does not read: TCP took no more"
    assert not made.notified
    assert Kind.CLOSE_NOTIFY not in [kind for kind, *_ in kinds(made)]
    assert made.waits[-1].outcome == "timeout"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ending": Ending.RST}, "TCP had already been reset"),
        ({"clogged": True}, "the server does not read: TCP took no more"),
    ],
)
def test_notify_that_cannot_be_sent(change, words):
    wire = Wire()
    made = session(Engine(), wire)
    for name, value in change.items():
        setattr(wire, name, value)
    assert made.notify() == words
    assert made.procedure.steps == ()


def test_peer_that_does_not_read_is_an_event_once():
    made = session(Engine(), Wire(room=3))
    assert not made.write(b"hello")
    assert not made.write(b"more")
    timeouts = [event for event in made.events if event.kind is Kind.TIMEOUT]
    assert [(event.detail, event.sender) for event in timeouts] == [("request", Side.SERVER)]


def test_wait_that_runs_out_is_an_event_and_one_that_is_not_owed_is_none():
    made = session(Engine(), Wire())
    before = len(made.events)
    assert made.wait("close_notify", lambda _: None, closing=True, owed=False) is None
    assert len(made.events) == before
    assert not made.gave_up
    made.wait("close_notify", lambda _: None, closing=True)
    assert made.gave_up
    assert made.events[-1].kind is Kind.TIMEOUT
    assert made.events[-1].source is Source.SOCKET
    assert [wait.outcome for wait in made.waits[1:]] == ["timeout", "timeout"]


def test_data_is_narrated_in_folds_where_the_wire_is_silent():
    engine = Engine(decrypt=[(OK, b"x", b""), (MORE, b"", b"")] * 500)
    made = session(engine, Wire(*[b"r"] * 500))
    for _ in range(500):
        assert made.read(soon()) == b"x"
    data = [event for event in made.events if event.kind is Kind.APP_DATA]
    assert sum(event.bytes for event in data) == 500
    assert len(data) < 500
