"""What each status of Schannel does to a connection, told by a scripted channel on any system.

Wine never says SEC_I_RENEGOTIATE, SEC_I_INCOMPLETE_CREDENTIALS or SEC_I_CONTEXT_EXPIRED; here they
come as the documentation has them.
"""

from dataclasses import dataclass, field

import pytest

from tests.wire.forge import client_hello, extension, record, server_hello
from tlsclose.core.alert import Alert
from tlsclose.core.event import Side
from tlsclose.core.procedure import ControlToken, Procedure, StepName
from tlsclose.core.report import CertificateCheck, TlsInfo
from tlsclose.core.status import SecStatus
from tlsclose.providers._schannel_channel import CALLS, Answer
from tlsclose.providers._schannel_context import MAX_ALERTS, SchannelContext
from tlsclose.providers._schannel_facts import Settled
from tlsclose.providers._schannel_trust import Trust

OK = SecStatus.SEC_E_OK
MORE = SecStatus.SEC_I_CONTINUE_NEEDED
EXPIRED = SecStatus.SEC_I_CONTEXT_EXPIRED
RENEGOTIATE = SecStatus.SEC_I_RENEGOTIATE
INCOMPLETE = SecStatus.SEC_E_INCOMPLETE_MESSAGE
WANTED = SecStatus.SEC_I_INCOMPLETE_CREDENTIALS
INVALID = SecStatus.SEC_E_INVALID_HANDLE
ALTERED = SecStatus.SEC_E_MESSAGE_ALTERED
ILLEGAL = SecStatus.SEC_E_ILLEGAL_MESSAGE

RECORD = record(23, b"x" * 24)
TICKET = record(23, b"t" * 60)


@dataclass
class Channel:
    """Answers from lists; what it was asked is kept."""

    steps: list[tuple] = field(default_factory=list)
    """Status, output, what was not consumed; and SECBUFFER_ALERT where there is one."""
    records: list[tuple[SecStatus | int, bytes, bytes]] = field(default_factory=list)
    """Of decrypt: status, plaintext, EXTRA."""
    controls: SecStatus = OK
    side: Side = Side.CLIENT
    asked: list[tuple[str, object]] = field(default_factory=list)
    exists: bool = True
    largest: int = 4
    flags: int = 0x8000
    buffers: int = 3
    freed: int = 0
    sizes: int = 0
    """What QueryContextAttributes says."""
    measured: int = 0
    deletes: int = 0
    """What DeleteSecurityContext says."""

    def step(self, token):
        self.asked.append(("step", token))
        code, output, rest, *more = self.steps.pop(0)
        alert = more[0] if more else b""
        return Answer(
            call=CALLS[self.side], code=code, output=output, rest=rest, alert=alert, flags=0x8000
        )

    def control(self, alert=None):
        self.asked.append(("control", alert))
        return Answer(call="ApplyControlToken", code=self.controls)

    def measure(self):
        self.measured += 1
        return Answer(call="QueryContextAttributes", code=self.sizes)

    def encrypt(self, data):
        self.asked.append(("encrypt", data))
        return Answer(call="EncryptMessage", code=OK, output=b"<" + data + b">")

    def decrypt(self, token):
        self.asked.append(("decrypt", token))
        code, data, extra = self.records.pop(0)
        return Answer(call="DecryptMessage", code=code, output=data, rest=extra)

    def delete(self):
        self.freed += 1
        return self.deletes, 0


UNKNOWN = Trust()


@dataclass
class Examiner:
    trust: Trust

    def settled(self, channel, watch):  # noqa: ARG002
        sni = None if watch.client is None else watch.client.sni
        return Settled(tls=TlsInfo(sni=sni, certificate=self.trust.check), trust=self.trust)


def made(channel, *, trust=UNKNOWN, verify=False):
    return SchannelContext(
        channel, side=channel.side, sni=None, examiner=Examiner(trust), verify=verify
    )


def up(channel, **more):
    channel.steps.insert(0, (OK, b"", b""))
    context = made(channel, **more)
    assert context.handshake(b"flight")[0] is OK
    channel.asked.clear()
    return context


def told(context):
    return [f"{item.sender} {item.alert}" for item in context.alerts]


class TestHandshake:
    def test_flights_in_one_token_are_stepped_through(self):
        channel = Channel(steps=[(MORE, b"a", b"tail"), (OK, b"b", b"data")])
        assert made(channel).handshake(b"head+tail") == (OK, b"ab", b"data")
        assert channel.asked == [("step", b"head+tail"), ("step", b"tail")]

    def test_an_incomplete_flight_is_handed_back(self):
        channel = Channel(steps=[(INCOMPLETE, b"", b"\x16\x03")])
        assert made(channel).handshake(b"\x16\x03") == (INCOMPLETE, b"", b"\x16\x03")

    @pytest.mark.parametrize("junk", [b"HTTP/1.1 400", b"\x16\x02\x00", b"\x16\x03\x03\xff\xff"])
    def test_no_wait_for_the_rest_of_what_is_no_record(self, junk):
        context = made(Channel(steps=[(INCOMPLETE, b"", junk)]))
        assert context.handshake(junk)[0] is SecStatus.SEC_E_INVALID_TOKEN
        assert context.handshake(b"")[0] is SecStatus.SEC_E_INVALID_TOKEN

    def test_a_certificate_that_we_lack_is_done_without(self):
        channel = Channel(steps=[(WANTED, b"", b"request"), (MORE, b"none", b"")])
        assert made(channel).handshake(b"request") == (MORE, b"none", b"")
        assert channel.asked == [("step", b"request")] * 2

    def test_a_certificate_that_is_insisted_on_ends_it(self):
        channel = Channel(steps=[(WANTED, b"", b"x"), (WANTED, b"", b"x")])
        context = made(channel)
        assert context.handshake(b"x")[0] is SecStatus.SEC_E_NO_CREDENTIALS
        assert "SEC_E_NO_CREDENTIALS 0x8009030E" in context.error

    def test_alerts_in_the_clear_are_told(self):
        alert = record(21, b"\x02\x28")
        context = made(Channel(steps=[(ILLEGAL, b"", b"")]))
        assert context.handshake(alert) == (ILLEGAL, b"", b"")
        assert told(context) == ["server fatal handshake_failure"]
        assert context.error.startswith("InitializeSecurityContext: SEC_E_ILLEGAL_MESSAGE 0x80")
        assert context.error.endswith("(the server sent fatal handshake_failure)")

    def test_our_alert_is_told_and_has_to_be_sent(self):
        alert = record(21, b"\x02\x46")
        channel = Channel(side=Side.SERVER, steps=[(ILLEGAL, alert, b"")])
        context = made(channel)
        assert context.handshake(b"hello") == (ILLEGAL, alert, b"")
        assert told(context) == ["server fatal protocol_version"]

    @pytest.mark.parametrize(
        ("token", "buffer", "sent"),
        [
            (b"", record(21, b"\x02\x28"), record(21, b"\x02\x28")),
            (record(21, b"\x02\x46"), record(21, b"\x02\x28"), record(21, b"\x02\x46")),
            (b"", b"\x02\x28", b""),
        ],
        ids=["alone", "beside a token", "no record"],
    )
    def test_an_alert_in_its_own_buffer_has_to_be_sent(self, token, buffer, sent):
        context = made(Channel(side=Side.SERVER, steps=[(ILLEGAL, token, b"", buffer)]))
        assert context.handshake(b"hello") == (ILLEGAL, sent, b"")
        assert len(told(context)) == bool(sent)

    def test_the_name_is_read_from_the_hello(self):
        sni = extension(0, b"\x00\x0c\x00\x00\x09localhost")
        channel = Channel(side=Side.SERVER, steps=[(MORE, server_hello(), b""), (OK, b"", b"")])
        context = made(channel)
        context.handshake(client_hello(sni))
        context.handshake(b"finished")
        assert context.tls.sni == "localhost"

    def test_a_server_waits_for_the_first_bytes(self):
        channel = Channel(side=Side.SERVER, exists=False)
        assert made(channel).handshake(b"") == (MORE, b"", b"")
        assert channel.asked == []

    def test_close_notify_in_the_handshake(self):
        context = made(Channel(steps=[(EXPIRED, b"", b"")]))
        assert context.handshake(b"x")[0] is EXPIRED
        assert told(context) == ["server warning close_notify"]


FAILED = Trust(
    check=CertificateCheck(ok=False, error="not trusted"), status=SecStatus.SEC_E_UNTRUSTED_ROOT
)


class TestCertificate:
    def test_a_failed_check_is_reported(self):
        context = up(Channel(), trust=FAILED)
        assert context.certificate.error == "not trusted"

    def test_with_verify_it_ends_with_an_alert(self):
        channel = Channel(steps=[(OK, b"finished", b""), (OK, b"unknown_ca", b"")])
        context = made(channel, trust=FAILED, verify=True)
        status, output, _ = context.handshake(b"x")
        assert (status, output) == (SecStatus.SEC_E_UNTRUSTED_ROOT, b"finishedunknown_ca")
        assert channel.asked[1] == ("control", Alert(2, 48))
        assert told(context) == ["client fatal unknown_ca"]
        assert context.error == "certificate verify failed: not trusted"
        assert context.encrypt(b"x")[0] is SecStatus.SEC_E_UNTRUSTED_ROOT

    def test_a_server_with_verify_insists_on_one(self):
        channel = Channel(side=Side.SERVER, steps=[(OK, b"", b""), (OK, b"alert", b"")])
        context = made(channel, verify=True)
        assert context.handshake(b"x")[0] is SecStatus.SEC_E_NO_CREDENTIALS
        assert told(context) == ["server fatal certificate_required"]


class TestReading:
    def test_records_of_one_read_are_opened_one_after_the_other(self):
        channel = Channel(
            records=[(OK, b"one", RECORD), (OK, b"two", b"\x17\x03"), (INCOMPLETE, b"", b"")]
        )
        context = up(channel)
        assert context.decrypt(RECORD + RECORD + b"\x17\x03") == (OK, b"onetwo", b"\x17\x03")
        channel.records.append((INCOMPLETE, b"", b""))
        assert context.decrypt(b"\x17\x03") == (INCOMPLETE, b"", b"\x17\x03")
        assert context.decrypt(b"") == (INCOMPLETE, b"", b"")

    def test_data_then_close_notify(self):
        channel = Channel(records=[(OK, b"the end", RECORD), (EXPIRED, b"", b"")])
        context = up(channel)
        assert context.decrypt(RECORD + RECORD) == (EXPIRED, b"the end", b"")
        assert told(context) == ["server warning close_notify"]
        assert context.decrypt(RECORD) == (EXPIRED, b"", b"")

    def test_a_ticket_goes_to_the_handshake_function(self):
        channel = Channel(
            records=[(RENEGOTIATE, b"", TICKET + RECORD), (OK, b"data", b"")],
            steps=[(OK, b"", RECORD)],
        )
        context = up(channel)
        assert context.decrypt(TICKET + RECORD) == (OK, b"data", b"")
        assert channel.asked == [
            ("decrypt", TICKET + RECORD),
            ("step", TICKET + RECORD),
            ("decrypt", RECORD),
        ]
        assert told(context) == []

    def test_a_ticket_without_extra(self):
        channel = Channel(records=[(RENEGOTIATE, b"", b"")], steps=[(OK, b"", b"")])
        context = up(channel)
        assert context.decrypt(TICKET) == (OK, b"", b"")
        assert channel.asked[-1] == ("step", b"")

    def test_an_answer_to_a_key_update_has_to_be_sent(self):
        channel = Channel(records=[(RENEGOTIATE, b"", TICKET)], steps=[(OK, b"key update", b"")])
        context = up(channel)
        assert context.decrypt(TICKET) == (OK, b"", b"")
        assert (context.pending_output(), context.pending_output()) == (b"key update", b"")

    def test_a_renegotiation_takes_what_comes_until_it_is_done(self):
        channel = Channel(
            records=[(RENEGOTIATE, b"", TICKET), (OK, b"data", b"")],
            steps=[(MORE, b"hello", b""), (OK, b"finished", RECORD)],
        )
        context = up(channel)
        assert context.decrypt(TICKET) == (OK, b"", b"")
        assert context.decrypt(RECORD * 2) == (OK, b"data", b"")
        assert context.pending_output() == b"hellofinished"
        assert [name for name, _ in channel.asked] == ["decrypt", "step", "step", "decrypt"]
        assert channel.measured == 2

    def test_a_renegotiation_that_leaves_no_sizes_ends_it(self):
        channel = Channel(records=[(RENEGOTIATE, b"", TICKET)], steps=[(OK, b"finished", b"")])
        context = up(channel)
        channel.sizes = INVALID
        assert context.decrypt(TICKET)[0] is INVALID
        assert context.error.startswith("QueryContextAttributes: SEC_E_INVALID_HANDLE")
        assert context.encrypt(b"x") == (INVALID, b"")

    def test_an_incomplete_renegotiation_waits_for_the_rest(self):
        channel = Channel(
            records=[(RENEGOTIATE, b"", TICKET)], steps=[(INCOMPLETE, b"", TICKET), (OK, b"", b"")]
        )
        context = up(channel)
        assert context.decrypt(TICKET) == (INCOMPLETE, b"", TICKET)
        assert context.decrypt(TICKET + b"more") == (OK, b"", b"")

    def test_an_engine_that_makes_no_progress_is_not_asked_for_ever(self):
        channel = Channel(records=[(OK, b"", RECORD)] * 3)
        assert up(channel).decrypt(RECORD) == (INCOMPLETE, b"", RECORD)
        assert len(channel.asked) == 1

    def test_a_bad_record_is_complained_of(self):
        channel = Channel(
            records=[(OK, b"good", RECORD), (ALTERED, b"", b"")], steps=[(OK, b"alert", b"")]
        )
        context = up(channel)
        assert context.decrypt(RECORD * 2) == (ALTERED, b"good", b"")
        assert context.pending_output() == b"alert"
        assert told(context) == ["client fatal bad_record_mac"]
        assert context.decrypt(b"") == (ALTERED, b"", b"")
        assert context.apply_control_token(ControlToken.SHUTDOWN) is ALTERED

    def test_no_complaint_of_the_peers_own_alert(self):
        channel = Channel(records=[(ALTERED, b"", b"")])
        context = up(channel)
        assert context.decrypt(record(21, b"a" * 26))[0] is ALTERED
        assert context.pending_output() == b""
        assert channel.asked == [("decrypt", record(21, b"a" * 26))]

    def test_a_status_of_no_name_is_a_failure_with_its_number(self):
        context = up(Channel(records=[(0x80091234, b"", b"")]))
        assert context.decrypt(RECORD)[0] is SecStatus.SEC_E_INTERNAL_ERROR
        assert "0x80091234" in context.error


class TestShutdown:
    def closing(self, steps, **more):
        context = up(Channel(**more))
        context._channel.steps.extend(steps)
        sent = []
        procedure = Procedure(
            context, send=lambda data: sent.append(data) or len(data), clock=lambda: 0
        )
        return context, procedure, sent

    @pytest.mark.parametrize("last", [OK, EXPIRED])
    def test_until_ok_or_expired(self, last):
        context, procedure, sent = self.closing([(MORE, b"clo", b""), (last, b"se", b"")])
        assert procedure.notify()
        assert sent == [b"close"]
        applied, drained, final = procedure.steps
        assert (applied.call, applied.native) == (
            "ApplyControlToken",
            "SEC_E_OK 0x00000000; token SCHANNEL_SHUTDOWN",
        )
        assert (drained.call, drained.status, drained.rounds, drained.bytes) == (
            *("InitializeSecurityContext", last),
            *(2, 5),
        )
        number = f"{last.name} 0x{last.value:08X}"
        assert drained.native == (
            f"{number}; flags 0x00008000; asked for 0x00008000; token bytes 3+2"
        )
        assert final.name is StepName.FINAL_OUTPUT_SENT
        assert told(context) == ["client warning close_notify"]
        assert context._channel.asked == [("control", None), ("step", None), ("step", None)]

    def test_a_second_close_calls_nothing(self):
        context, procedure, _ = self.closing([(OK, b"close", b"")])
        assert procedure.notify()
        context._channel.asked.clear()
        assert context.apply_control_token(ControlToken.SHUTDOWN) is OK
        assert context.handshake(b"") == (OK, b"", b"")
        assert context._channel.asked == []

    def test_writing_afterwards_is_refused_by_us(self):
        context, procedure, _ = self.closing([(OK, b"close", b"")])
        assert context.encrypt(b"early12") == (OK, b"<earl><y12>")
        procedure.notify()
        context._channel.asked.clear()
        assert context.encrypt(b"late") == (SecStatus.SEC_E_CONTEXT_EXPIRED, b"")
        assert context._channel.asked == []

    def test_a_refused_token_ends_it(self):
        refused = SecStatus.SEC_E_UNSUPPORTED_FUNCTION
        context, procedure, sent = self.closing([], controls=refused)
        assert not procedure.notify()
        assert (sent, [step.status for step in procedure.steps]) == ([], [refused])
        assert "ApplyControlToken: SEC_E_UNSUPPORTED_FUNCTION 0x80090302" in context.error

    def test_a_shutdown_that_makes_nothing_says_so(self):
        context, procedure, sent = self.closing([(OK, b"", b"")])
        assert not procedure.notify()
        assert (sent, told(context)) == ([], [])
        assert context.error == (
            "InitializeSecurityContext: SEC_E_OK 0x00000000, and nothing to send"
        )

    def test_a_failure_in_the_loop_sends_what_there_is(self):
        context, procedure, sent = self.closing([(MORE, b"clo", b""), (ILLEGAL, b"alert", b"")])
        assert not procedure.notify()
        assert sent == [b"cloalert"]
        assert procedure.steps[1].status is ILLEGAL
        assert told(context) == []
        procedure.delete()
        assert context._channel.freed == 1

    def test_in_the_handshake_a_failure_lets_it_go_on(self):
        channel = Channel(steps=[(MORE, b"hello", b""), (ILLEGAL, b"", b""), (OK, b"", b"")])
        channel.exists = False
        context = made(channel)
        assert context.handshake(b"") == (MORE, b"hello", b"")
        channel.exists = True
        assert context.apply_control_token(ControlToken.SHUTDOWN) is OK
        assert context.handshake(b"")[0] is SecStatus.SEC_E_UNSUPPORTED_FUNCTION
        assert "SEC_E_ILLEGAL_MESSAGE" in context.last_call.native
        assert context.handshake(b"flight")[0] is OK

    def test_without_a_context_there_is_nothing_to_shut_down(self):
        context = made(Channel(exists=False))
        assert context.apply_control_token(ControlToken.SHUTDOWN) is INVALID

    def test_any_alert_can_be_sent(self):
        context = up(Channel(steps=[(OK, b"canceled", b"")]))
        assert context.apply_alert(Alert(1, 90)) is OK
        assert context.handshake(b"")[:2] == (OK, b"canceled")
        assert told(context) == ["client warning user_canceled"]
        assert context.encrypt(b"x")[0] is OK

    def test_deleting_tells_what_was_freed(self):
        context = up(Channel())
        assert (context.delete(), context._channel.freed) == (OK, 1)
        assert context.last_call.call == "DeleteSecurityContext"
        assert context.last_call.native == (
            "SEC_E_OK 0x00000000; FreeCredentialsHandle SEC_E_OK 0x00000000; 3 output buffers freed"
        )
        assert (context.delete(), context._channel.freed) == (OK, 1)

    def test_a_failed_deletion_is_told_and_not_repeated(self):
        context = up(Channel(deletes=INVALID))
        assert context.delete() is INVALID
        assert context.last_call.status is INVALID
        assert context.last_call.native.startswith("SEC_E_INVALID_HANDLE 0x80090301; Free")
        assert (context.delete(), context._channel.freed) == (OK, 1)

    def test_alerts_remembered_are_bounded(self):
        context = made(Channel())
        for description in range(MAX_ALERTS + 5):
            context._tell(Side.SERVER, Alert(1, description))
        assert len(context.alerts) == MAX_ALERTS
        assert context.alerts[-1].alert.description == MAX_ALERTS + 4
