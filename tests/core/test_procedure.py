"""The five steps over a scripted context: every loop, refusal and partial send."""

from dataclasses import dataclass, field
from itertools import count

import pytest

from tlsclose.core.procedure import (
    MAX_ROUNDS,
    CallResult,
    ControlToken,
    Procedure,
    StepName,
)
from tlsclose.core.status import SecStatus

OK = SecStatus.SEC_E_OK
EXPIRED = SecStatus.SEC_I_CONTEXT_EXPIRED
MORE = SecStatus.SEC_I_CONTINUE_NEEDED
INCOMPLETE = SecStatus.SEC_E_INCOMPLETE_MESSAGE
REFUSED = SecStatus.SEC_E_UNSUPPORTED_FUNCTION

APPLIED = StepName.CONTROL_TOKEN_APPLIED
DRAINED = StepName.EMPTY_BUFFER_HANDSHAKE
SENT = StepName.FINAL_OUTPUT_SENT
DELETED = StepName.CONTEXT_DELETED


@dataclass
class Scripted:
    """A context that answers `handshake` from a list; the last answer repeats."""

    answers: list[tuple[SecStatus, bytes]]
    apply: SecStatus = OK
    calls: list[str] = field(default_factory=list)
    last_call: CallResult = CallResult(call="decrypt", status=EXPIRED, native="zero return")

    def handshake(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        assert token == b""
        status, output = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self._did("handshake", status)
        return status, output, b""

    def apply_control_token(self, token: ControlToken) -> SecStatus:
        assert token is ControlToken.SHUTDOWN
        return self._did("apply", self.apply)

    def delete(self) -> SecStatus:
        return self._did("delete", OK)

    def _did(self, call: str, status: SecStatus) -> SecStatus:
        self.calls.append(call)
        self.last_call = CallResult(call=call, status=status, native=f"native {call}")
        return status


@dataclass
class Socket:
    """Takes at most `room` bytes."""

    room: int = 1 << 20
    taken: bytes = b""

    def send(self, data: bytes) -> int:
        self.taken += data[: self.room]
        return min(self.room, len(data))


def run(context: Scripted, socket: Socket | None = None, prefix: bytes = b""):
    procedure = Procedure(context, send=(socket or Socket()).send, clock=count(100, 10).__next__)
    done = procedure.notify(prefix)
    return done, procedure


def names(procedure: Procedure) -> list[StepName]:
    return [step.name for step in procedure.steps]


@pytest.mark.parametrize(
    ("answers", "done", "steps", "rounds", "output"),
    [
        ([(OK, b"cn")], True, [APPLIED, DRAINED, SENT], 1, b"cn"),
        ([(EXPIRED, b"cn")], True, [APPLIED, DRAINED, SENT], 1, b"cn"),
        ([(MORE, b"c"), (MORE, b""), (OK, b"n")], True, [APPLIED, DRAINED, SENT], 3, b"cn"),
        ([(INCOMPLETE, b"c"), (EXPIRED, b"n")], True, [APPLIED, DRAINED, SENT], 2, b"cn"),
        ([(MORE, b"c"), (INCOMPLETE, b"")], False, [APPLIED, DRAINED, SENT], 2, b"c"),
        ([(INCOMPLETE, b"")], False, [APPLIED, DRAINED], 1, b""),
        ([(OK, b"")], False, [APPLIED, DRAINED], 1, b""),
        ([(REFUSED, b"")], False, [APPLIED, DRAINED], 1, b""),
        ([(REFUSED, b"alert")], False, [APPLIED, DRAINED, SENT], 1, b"alert"),
        ([(MORE, b"")], False, [APPLIED, DRAINED], MAX_ROUNDS, b""),
        ([(MORE, b"x")], False, [APPLIED, DRAINED, SENT], MAX_ROUNDS, b"x" * MAX_ROUNDS),
    ],
)
def test_the_handshake_is_called_until_it_has_finished(answers, done, steps, rounds, output):
    socket = Socket()
    result, procedure = run(Scripted(answers), socket)
    assert (result, names(procedure), socket.taken) == (done, steps, output)
    assert procedure.steps[1].rounds == rounds
    assert procedure.steps[1].bytes == len(output)


def test_a_refused_token_ends_it():
    context = Scripted([(OK, b"cn")], apply=REFUSED)
    done, procedure = run(context)
    assert (done, names(procedure), context.calls) == (False, [APPLIED], ["apply"])
    assert procedure.steps[0].status is REFUSED


def test_steps_keep_the_providers_words_and_times():
    _, procedure = run(Scripted([(EXPIRED, b"cn")]))
    procedure.delete()
    told = [(step.at_ns, step.call, step.status, step.native) for step in procedure.steps]
    assert told == [
        (100, "apply", OK, "native apply"),
        (110, "handshake", EXPIRED, "native handshake"),
        (120, "send", OK, "2"),
        (130, "delete", OK, "native delete"),
    ]


def test_recognition_comes_first_and_the_four_follow():
    procedure = Procedure(Scripted([(EXPIRED, b"cn")]), send=len, clock=lambda: 0)
    procedure.recognized()
    assert procedure.notify()
    procedure.delete()
    assert names(procedure) == list(StepName)
    assert procedure.steps[0].call == "decrypt"
    assert procedure.steps[0].status is EXPIRED


def test_a_prefix_goes_in_the_same_write_and_is_not_counted():
    socket = Socket()
    done, procedure = run(Scripted([(OK, b"cn")]), socket, b"request")
    assert (done, socket.taken) == (True, b"requestcn")
    assert procedure.steps[2].bytes == 2
    assert procedure.steps[2].native == "9"


def test_a_prefix_stays_unsent_without_an_output():
    socket = Socket()
    done, _ = run(Scripted([(REFUSED, b"")]), socket, b"request")
    assert (done, socket.taken) == (False, b"")


@pytest.mark.parametrize(("room", "counted"), [(0, 0), (7, 0), (8, 1)])
def test_what_the_socket_did_not_take_was_not_sent(room, counted):
    done, procedure = run(Scripted([(OK, b"cn")]), Socket(room=room), b"request")
    assert not done
    assert procedure.steps[2].bytes == counted


def test_a_socket_error_is_passed_on_with_the_steps_kept():
    def broken(data: bytes) -> int:
        raise ConnectionResetError

    procedure = Procedure(Scripted([(OK, b"cn")]), send=broken, clock=lambda: 0)
    with pytest.raises(ConnectionResetError):
        procedure.notify()
    assert names(procedure) == [APPLIED, DRAINED]


def test_deleting_twice_is_one_step():
    context = Scripted([(OK, b"")])
    procedure = Procedure(context, send=len, clock=lambda: 0)
    procedure.delete()
    procedure.delete()
    assert names(procedure) == [DELETED]
