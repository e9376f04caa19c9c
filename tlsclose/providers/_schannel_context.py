"""What Schannel's statuses mean for one connection: the state behind the `SecurityContext`.

Three rules of Schannel are kept here:

- SEC_I_RENEGOTIATE from DecryptMessage (a ticket, a KeyUpdate, a renegotiation): SECBUFFER_EXTRA
  goes to the handshake function, or every later call fails. Until that says SEC_E_OK, what comes
  goes there as well.
- After our shutdown EncryptMessage may still work: nothing may follow a close_notify (RFC 9846
  6.1), so we refuse by ourselves.
- DecryptMessage tells of a close_notify by SEC_I_CONTEXT_EXPIRED and by nothing else. Which level
  it had, and which error alert came once records are protected, Schannel does not tell.
"""

from typing import Final, Protocol

from tlsclose.core.alert import Alert, AlertDescription, AlertLevel
from tlsclose.core.event import Side
from tlsclose.core.procedure import CallResult, ControlToken
from tlsclose.core.record import HEADER_BYTES, MAX_CIPHERTEXT_BYTES, ContentType
from tlsclose.core.report import CertificateCheck, TlsInfo
from tlsclose.core.status import SecStatus
from tlsclose.providers._hello_watch import HelloWatch, alerts
from tlsclose.providers._schannel_channel import CALLS, Answer, Channel
from tlsclose.providers._schannel_facts import Settled
from tlsclose.providers._schannel_trust import ALERTS, Trust
from tlsclose.providers._schannel_words import named, status_of, told
from tlsclose.providers.base import ProviderAlert, SecurityContext

MAX_ALERTS: Final = 64
"""Alerts remembered of one connection; from then on the newest replaces the last."""

_OK: Final = SecStatus.SEC_E_OK
_MORE: Final = SecStatus.SEC_I_CONTINUE_NEEDED
_EXPIRED: Final = SecStatus.SEC_I_CONTEXT_EXPIRED
_INCOMPLETE: Final = SecStatus.SEC_E_INCOMPLETE_MESSAGE
_INVALID: Final = SecStatus.SEC_E_INVALID_HANDLE

_BAD_RECORD: Final = frozenset({SecStatus.SEC_E_MESSAGE_ALTERED, SecStatus.SEC_E_DECRYPT_FAILURE})
"""A record that could not be opened: the peer is to hear of it (RFC 9846 6.2)."""

_CONTENT_TYPES: Final = frozenset(item.value for item in ContentType)
_CLOSE_NOTIFY: Final = Alert(level=AlertLevel.WARNING, description=AlertDescription.CLOSE_NOTIFY)


class Examiner(Protocol):
    """Finds out what a connection has settled."""

    def settled(self, channel: Channel, watch: HelloWatch) -> Settled:
        """Ask once, when the connection is up."""
        ...


class SchannelContext(SecurityContext):
    """One connection. What is not consumed is handed back: nothing of the peer's is kept."""

    def __init__(
        self, channel: Channel, *, side: Side, sni: str | None, examiner: Examiner, verify: bool
    ) -> None:
        self._channel = channel
        self._side = side
        self._examiner = examiner
        self._verify = verify
        self._call = CALLS[side]
        self._watch = HelloWatch()
        self._settled = Settled(tls=TlsInfo(sni=sni))
        self._last = CallResult(call="AcquireCredentialsHandle", status=_OK, native=named(0))
        self._error = ""
        self._alerts: list[ProviderAlert] = []
        self._outbox = bytearray()
        self._tokens: list[int] = []
        """Bytes of output of each call since the shutdown was armed."""
        self._broken: SecStatus | None = None
        self._deleted = False
        self._armed: Alert | None = None
        self._up = False
        self._renegotiating = False
        self._notified: SecStatus | None = None
        """What the call that made our close_notify said."""
        self._peer_notified = False

    def handshake(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        refusal = self._refusal(self._call)
        if refusal is not None:
            return refusal, b"", b""
        if self._armed is not None or self._notified is not None:
            return (*self._shut_down(), token)
        if not token and (self._channel.exists or self._side is Side.SERVER):
            return self._uncalled(self._call, _MORE), b"", b""
        return self._shake(token)

    def encrypt(self, data: bytes) -> tuple[SecStatus, bytes]:
        call = "EncryptMessage"
        refusal = self._refusal(call)
        if refusal is not None:
            return refusal, b""
        if self._notified is not None:
            return self._uncalled(call, SecStatus.SEC_E_CONTEXT_EXPIRED), b""
        if not self._up:
            return self._uncalled(call, _INVALID), b""
        records = bytearray()
        self._uncalled(call, _OK)
        for start in range(0, len(data), self._channel.largest):
            answer = self._channel.encrypt(data[start : start + self._channel.largest])
            if self._done(answer) is not _OK:
                self._error = told(call, answer.code)
                return answer.status, bytes(records)
            records += answer.output
        return _OK, bytes(records)

    def decrypt(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        call = "DecryptMessage"
        refusal = self._refusal(call)
        if refusal is not None:
            return refusal, b"", b""
        if self._peer_notified:
            return self._uncalled(call, _EXPIRED), b"", b""
        if not self._up:
            return self._uncalled(call, _INVALID), b"", token
        data = bytearray()
        status, rest = _OK, token
        while rest and status is _OK:
            before = len(rest)
            status, rest = self._open(rest, data)
            if len(rest) >= before and status is _OK:
                break
        if status is _OK and not data and len(rest) == len(token):
            status = self._uncalled(call, _INCOMPLETE) if not token else _INCOMPLETE
        if status is _INCOMPLETE and (data or len(rest) < len(token)):
            status = _OK
        return status, bytes(data), rest

    def pending_output(self) -> bytes:
        output = bytes(self._outbox)
        self._outbox.clear()
        return b"" if self._deleted else output

    def apply_control_token(self, token: ControlToken) -> SecStatus:
        return self._arm(_CLOSE_NOTIFY, f"token {token}")

    def apply_alert(self, alert: Alert) -> SecStatus:
        return self._arm(alert, f"token SCHANNEL_ALERT {alert}")

    def delete(self) -> SecStatus:
        call = "DeleteSecurityContext"
        if self._deleted:
            return self._uncalled(call, _OK)
        self._deleted = True
        context, credential = self._channel.delete()
        counted = f"{self._channel.buffers} output buffers freed"
        freed = "none freed" if credential is None else named(credential)
        native = "no context" if context is None else named(context)
        status = _OK if context is None else status_of(context)
        self._last = CallResult(
            call=call, status=status, native=f"{native}; FreeCredentialsHandle {freed}; {counted}"
        )
        return status

    @property
    def last_call(self) -> CallResult:
        return self._last

    @property
    def alerts(self) -> tuple[ProviderAlert, ...]:
        return tuple(self._alerts)

    @property
    def tls(self) -> TlsInfo:
        return self._settled.tls

    @property
    def certificate(self) -> CertificateCheck:
        return self._settled.trust.check

    @property
    def error(self) -> str:
        return self._error

    def _shake(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        output = bytearray()
        status, rest = _MORE, token
        while True:
            before = len(rest)
            status, made, rest = self._step(rest)
            output += made
            if status is not _MORE or not 0 < len(rest) < before:
                break
        if status is _OK:
            status, alert = self._come_up()
            output += alert
        return status, bytes(output), rest

    def _step(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        """One flight of a handshake or of a renegotiation: status, output, what is left."""
        answer = self._channel.step(token)
        if answer.status is SecStatus.SEC_I_INCOMPLETE_CREDENTIALS:
            # The server asks for a certificate that we do not have: asked again, it goes without.
            answer = self._channel.step(token)
        if answer.status is SecStatus.SEC_I_INCOMPLETE_CREDENTIALS:
            answer = Answer(call=answer.call, code=SecStatus.SEC_E_NO_CREDENTIALS)
        if answer.status is _INCOMPLETE:
            answer = _checked(answer, token)
        status = self._done(answer)
        taken = token[: len(token) - len(answer.rest)]
        output = _to_send(answer)
        self._overhear(taken, output)
        if status is _EXPIRED:
            self._hear_close()
        elif status.failed and status is not _INCOMPLETE:
            self._fail(answer)
        return status, output, answer.rest

    def _overhear(self, taken: bytes, output: bytes) -> None:
        """Read what goes by in the clear."""
        if self._up:
            return
        for sender, data in ((self._side.other, taken), (self._side, output)):
            self._watch.passed(sender, data)
            for alert in alerts(data):
                self._tell(sender, alert)

    def _come_up(self) -> tuple[SecStatus, bytes]:
        """Ask what was settled; returns the status and, where that is a failure, our alert."""
        status = self._measure()
        if status is not _OK:
            return status, b""
        self._up = True
        self._settled = self._examiner.settled(self._channel, self._watch)
        trust = self._settled.trust
        if self._verify and trust.check.ok is not True and self._required(trust):
            return self._refuse_certificate(trust)
        return _OK, b""

    def _measure(self) -> SecStatus:
        """Ask for the sizes of a record: a renegotiation may bring a suite that has others."""
        sizes = self._channel.measure()
        return self._fail(sizes) if sizes.code else _OK

    def _required(self, trust: Trust) -> bool:
        """A client always gets a certificate; a server with --verify insists on one."""
        return trust.check.ok is False or self._side is Side.SERVER

    def _refuse_certificate(self, trust: Trust) -> tuple[SecStatus, bytes]:
        missing = trust.check.ok is None
        status = SecStatus.SEC_E_NO_CREDENTIALS if missing else trust.status
        why = trust.check.error or "the peer sent no certificate"
        description = ALERTS.get(status, AlertDescription.BAD_CERTIFICATE)
        alert = self._complain(AlertDescription.CERTIFICATE_REQUIRED if missing else description)
        self._error = f"certificate verify failed: {why}"
        self._broken = status
        native = f"{named(status)}: {why}"
        self._last = CallResult(call=self._call, status=status, native=native)
        return status, alert

    def _open(self, token: bytes, data: bytearray) -> tuple[SecStatus, bytes]:
        """One record: status and what is left of `token`."""
        if self._renegotiating:
            return self._feed_back(token)
        answer = self._channel.decrypt(token)
        if answer.status is _INCOMPLETE:
            answer = _checked(answer, token)
        status = self._done(answer)
        data += answer.output
        if status is SecStatus.SEC_I_RENEGOTIATE:
            return self._feed_back(answer.rest)
        if status is _EXPIRED:
            self._hear_close()
            return status, b""
        if status is _INCOMPLETE:
            return status, token
        if status.failed:
            self._fail(answer)
            if status in _BAD_RECORD and token[0] != ContentType.ALERT:
                self._outbox += self._complain(AlertDescription.BAD_RECORD_MAC)
            return status, b""
        return status, answer.rest

    def _feed_back(self, token: bytes) -> tuple[SecStatus, bytes]:
        """Give the handshake function what it asked for; its output has to be sent."""
        self._renegotiating = True
        status, output, rest = self._step(token)
        self._outbox += output
        if status is _OK:
            self._renegotiating = False
            status = self._measure()
        return _OK if status is _MORE else status, rest

    def _arm(self, alert: Alert, token: str) -> SecStatus:
        call = "ApplyControlToken"
        refusal = self._refusal(call)
        if refusal is not None:
            return refusal
        if self._notified is not None:
            return self._uncalled(call, _OK)
        if not self._channel.exists:
            return self._uncalled(call, _INVALID)
        answer = self._channel.control(None if alert is _CLOSE_NOTIFY else alert)
        if self._done(answer, token) is _OK:
            self._armed = alert
            self._tokens.clear()
        else:
            self._error = told(call, answer.code)
        return answer.status

    def _shut_down(self) -> tuple[SecStatus, bytes]:
        """The handshake function with empty buffers: its output is the armed alert."""
        if self._notified is not None:
            return self._uncalled(self._call, self._notified), b""
        answer = self._channel.step(None)
        self._tokens.append(len(answer.output))
        sizes = "+".join(map(str, self._tokens))
        status = self._done(answer, f"asked for 0x{self._channel.flags:08X}; token bytes {sizes}")
        if status in (_OK, _EXPIRED):
            self._sent_alert(answer, any(self._tokens))
        elif status.failed and status is not _INCOMPLETE:
            return self._shutdown_failed(answer), answer.output
        return status, answer.output

    def _sent_alert(self, answer: Answer, made: bool) -> None:
        armed, self._armed = self._armed, None
        if armed is None:
            return
        if not made:
            self._error = f"{answer.call}: {named(answer.code)}, and nothing to send"
            return
        self._tell(self._side, armed)
        if armed.is_close_notify:
            self._notified = answer.status

    def _shutdown_failed(self, answer: Answer) -> SecStatus:
        """Before the connection is up the handshake may still go on."""
        self._armed = None
        if self._up:
            return self._fail(answer)
        self._error = told(answer.call, answer.code)
        refused = SecStatus.SEC_E_UNSUPPORTED_FUNCTION
        self._last = CallResult(call=answer.call, status=refused, native=answer.native)
        return refused

    def _complain(self, description: AlertDescription) -> bytes:
        """Have Schannel make a fatal alert; nothing where it does not."""
        alert = Alert(level=AlertLevel.FATAL, description=description)
        if self._notified is not None or self._channel.control(alert).status.failed:
            return b""
        output = self._channel.step(None).output
        if output:
            self._tell(self._side, alert)
        return output

    def _hear_close(self) -> None:
        if not self._peer_notified:
            self._peer_notified = True
            self._tell(self._side.other, _CLOSE_NOTIFY)

    def _tell(self, sender: Side, alert: Alert) -> None:
        if len(self._alerts) == MAX_ALERTS:
            self._alerts.pop()
        self._alerts.append(ProviderAlert(sender=sender, alert=alert))

    def _refusal(self, call: str) -> SecStatus | None:
        """The status to refuse `call` with; None where it may be made."""
        if self._deleted:
            return self._uncalled(call, _INVALID)
        return None if self._broken is None else self._uncalled(call, self._broken)

    def _uncalled(self, call: str, status: SecStatus) -> SecStatus:
        self._last = CallResult(call=call, status=status, native="not called")
        return status

    def _done(self, answer: Answer, note: str = "") -> SecStatus:
        native = f"{answer.native}; {note}" if note else answer.native
        self._last = CallResult(call=answer.call, status=answer.status, native=native)
        return answer.status

    def _fail(self, answer: Answer) -> SecStatus:
        self._error = told(answer.call, answer.code)
        if self._alerts and not self._alerts[-1].alert.is_close_notify:
            last = self._alerts[-1]
            self._error += f" (the {last.sender} sent {last.alert})"
        self._broken = answer.status
        return answer.status


def _to_send(answer: Answer) -> bytes:
    """The token; of a call that failed without one the record in SECBUFFER_ALERT."""
    if answer.output or not answer.status.failed:
        return answer.output
    return answer.alert if answer.alert[:1] == bytes([ContentType.ALERT]) else b""


def _checked(answer: Answer, token: bytes) -> Answer:
    """No wait for the rest of what cannot be a record: it might never come."""
    header = token[:HEADER_BYTES]
    if not header or _may_be_record(header):
        return answer
    return Answer(call=answer.call, code=SecStatus.SEC_E_INVALID_TOKEN)


def _may_be_record(header: bytes) -> bool:
    """RFC 9846 5.1: a known content type, a version that begins with 3, a length within bounds."""
    if header[0] not in _CONTENT_TYPES or header[1:2] not in (b"", b"\x03"):
        return False
    length = int.from_bytes(header[3:HEADER_BYTES]) if len(header) == HEADER_BYTES else 0
    return length <= MAX_CIPHERTEXT_BYTES
