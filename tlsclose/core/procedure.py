"""The shutdown procedure of the Schannel documentation, run over any provider and recorded.

Source: "Shutting Down an Schannel Connection" and "Recognizing a Shutdown" (Microsoft, win32):

1. apply the control token SCHANNEL_SHUTDOWN;
2. call the handshake function with empty buffers until it says SEC_I_CONTEXT_EXPIRED or SEC_E_OK;
3. send the output, if there is any: it is the close_notify;
4. delete the context.

When the peer closed first, DecryptMessage said so (SEC_I_CONTEXT_EXPIRED): that recognition is
recorded as a step of its own and the same four follow.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol

from tlsclose.core.frozen import dataclass
from tlsclose.core.status import SecStatus

MAX_ROUNDS: Final = 16
"""Empty-buffer calls before the procedure gives up on a provider that never finishes."""

_FINISHED: Final = frozenset({SecStatus.SEC_E_OK, SecStatus.SEC_I_CONTEXT_EXPIRED})
_AGAIN: Final = frozenset({SecStatus.SEC_I_CONTINUE_NEEDED, SecStatus.SEC_E_INCOMPLETE_MESSAGE})


class StepName(StrEnum):
    """The five steps, in the order of the documentation."""

    SHUTDOWN_RECOGNIZED = "shutdown-recognized"
    CONTROL_TOKEN_APPLIED = "control-token-applied"  # noqa: S105
    EMPTY_BUFFER_HANDSHAKE = "empty-buffer-handshake"
    FINAL_OUTPUT_SENT = "final-output-sent"
    CONTEXT_DELETED = "context-deleted"


CALLS: Final = {
    StepName.SHUTDOWN_RECOGNIZED: (
        "`DecryptMessage` -> `SEC_I_CONTEXT_EXPIRED`",
        "`SSL_read` -> `SSL_ERROR_ZERO_RETURN` (`SSL_RECEIVED_SHUTDOWN`)",
    ),
    StepName.CONTROL_TOKEN_APPLIED: (
        "`ApplyControlToken(SCHANNEL_SHUTDOWN)`",
        "the decision to call `SSL_shutdown`",
    ),
    StepName.EMPTY_BUFFER_HANDSHAKE: (
        "`Initialize`/`AcceptSecurityContext` until `SEC_I_CONTEXT_EXPIRED` or `SEC_E_OK`",
        "`SSL_shutdown`",
    ),
    StepName.FINAL_OUTPUT_SENT: (
        "the output token goes to the socket",
        "the drained BIO goes to the socket",
    ),
    StepName.CONTEXT_DELETED: ("`DeleteSecurityContext`", "`SSL_free`"),
}
"""What each step is with Schannel and with OpenSSL."""


class ControlToken(StrEnum):
    """What `apply_control_token` is asked to arm."""

    SHUTDOWN = "SCHANNEL_SHUTDOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step as it went."""

    name: StepName
    at_ns: int
    """Integer nanoseconds since the report's `started_at`, taken when the call returned."""
    call: str
    """The provider's own call: `SSL_shutdown`, `ApplyControlToken`, ..."""
    status: SecStatus
    native: str
    """What that call returned in its own terms."""
    bytes: int = 0
    """Bytes of output produced (step 2) or handed to the socket (step 3)."""
    rounds: int = 1
    """How often the call was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What a provider says of its last call."""

    call: str
    status: SecStatus
    native: str


class ClosableContext(Protocol):
    """The part of a security context that the procedure needs; `providers.base` has the whole."""

    def handshake(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        """Run the handshake function; return status, output token and unconsumed input."""
        ...

    def apply_control_token(self, token: ControlToken) -> SecStatus:
        """Arm the shutdown."""
        ...

    def delete(self) -> SecStatus:
        """Free the context; harmless when repeated."""
        ...

    @property
    def last_call(self) -> CallResult:
        """The provider's own name and result of the last call made."""
        ...


class Procedure:
    """Runs the steps of one connection's close and keeps their record.

    `send` hands bytes to the socket and returns how many it took, fewer only where it gave up; it
    may raise OSError, which is passed on after what happened so far is recorded. `clock` gives
    nanoseconds since the report's start.
    """

    def __init__(
        self,
        context: ClosableContext,
        *,
        send: Callable[[bytes], int],
        clock: Callable[[], int],
    ) -> None:
        self._context = context
        self._send = send
        self._clock = clock
        self._steps: list[Step] = []

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps so far, in order."""
        return tuple(self._steps)

    def recognized(self) -> None:
        """Record that the last decrypt call reported the peer's close_notify."""
        self._record(StepName.SHUTDOWN_RECOGNIZED)

    def notify(self, prefix: bytes = b"") -> bool:
        """Apply the token, drain the handshake function, send the output: our close_notify is out.

        `prefix` goes to the socket in the same write, ahead of the output (a half-close sends its
        request and its close_notify in one flight); without an output it stays unsent. Returns
        False where the provider refused or did not finish, had no output, or the socket did not
        take all of it.
        """
        status = self._context.apply_control_token(ControlToken.SHUTDOWN)
        self._record(StepName.CONTROL_TOKEN_APPLIED)
        if status.failed:
            return False
        status, output = self._drain()
        if not output:
            return False
        sent = self._send(prefix + output)
        self._record(
            StepName.FINAL_OUTPUT_SENT,
            CallResult(call="send", status=SecStatus.SEC_E_OK, native=str(sent)),
            size=max(0, sent - len(prefix)),
        )
        return status in _FINISHED and sent == len(prefix) + len(output)

    def delete(self) -> None:
        """Free the context; recorded once, however often it is called."""
        self._context.delete()
        if all(step.name is not StepName.CONTEXT_DELETED for step in self._steps):
            self._record(StepName.CONTEXT_DELETED)

    def _drain(self) -> tuple[SecStatus, bytes]:
        output = bytearray()
        rounds = 0
        status = SecStatus.SEC_I_CONTINUE_NEEDED
        while status in _AGAIN and rounds < MAX_ROUNDS:
            status, chunk, _ = self._context.handshake(b"")
            rounds += 1
            output += chunk
            if status is SecStatus.SEC_E_INCOMPLETE_MESSAGE and not chunk:
                break
        self._record(StepName.EMPTY_BUFFER_HANDSHAKE, size=len(output), rounds=rounds)
        return status, bytes(output)

    def _record(
        self, name: StepName, result: CallResult | None = None, *, size: int = 0, rounds: int = 1
    ) -> None:
        result = result or self._context.last_call
        self._steps.append(
            Step(
                name=name,
                at_ns=self._clock(),
                call=result.call,
                status=result.status,
                native=result.native,
                bytes=size,
                rounds=rounds,
            )
        )
