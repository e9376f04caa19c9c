"""What every provider has to do when a connection closes; both roles, TLS 1.2 and 1.3."""

import pytest

from tests.providers.pair import (
    EXPIRED,
    INCOMPLETE,
    MORE,
    OK,
    Inlet,
    alert_names,
    connected,
    make_pair,
    notify,
    read_all,
    sealed,
    settings,
)
from tlsclose.core.procedure import ControlToken, Procedure, StepName
from tlsclose.core.status import SecStatus
from tlsclose.providers.openssl import OpenSSLProvider


def test_we_close_first(ends, answered):
    ours, peer = ends
    status, closing = notify(ours)
    assert status is OK
    assert read_all(peer, closing) == (EXPIRED, b"")
    status, answer = notify(peer)
    assert status in answered
    assert read_all(ours, answer) == (EXPIRED, b"")


def test_peer_closes_first_and_the_procedure_answers(ends, answered):
    ours, peer = ends
    _, closing = notify(peer)
    assert ours.decrypt(closing)[0] is EXPIRED
    assert ours.last_call.status is EXPIRED
    status, answer = notify(ours)
    assert status in answered
    assert answer
    assert peer.decrypt(answer)[0] is EXPIRED


def test_both_close_at_once(ends):
    ours, peer = ends
    _, ours_out = notify(ours)
    _, peers_out = notify(peer)
    assert ours.decrypt(peers_out)[0] is EXPIRED
    assert peer.decrypt(ours_out)[0] is EXPIRED


def test_data_and_close_notify_in_one_read(ends):
    ours, peer = ends
    token = sealed(peer, b"the end") + notify(peer)[1]
    assert read_all(ours, token) == (EXPIRED, b"the end")


def test_close_notify_byte_by_byte(ends):
    ours, peer = ends
    _, closing = notify(peer)
    inlet = Inlet(ours)
    statuses = [inlet.read(closing[index : index + 1])[0] for index in range(len(closing))]
    assert set(statuses[:-1]) == {INCOMPLETE}
    assert statuses[-1] is EXPIRED


def test_expired_is_said_again_and_what_follows_is_ignored(ends):
    ours, peer = ends
    _, closing = notify(peer)
    assert ours.decrypt(closing)[0] is EXPIRED
    for token in (b"", b"\x17\x03\x03\x00\x05hello", closing):
        assert ours.decrypt(token)[:2] == (EXPIRED, b"")
    assert ours.error == ""


def test_half_close_the_peer_may_still_write(ends):
    ours, peer = ends
    request = sealed(ours, b"request") + notify(ours)[1]
    assert read_all(peer, request) == (EXPIRED, b"request")
    answer = sealed(peer, b"x" * 50_000) + notify(peer)[1]
    assert read_all(ours, answer) == (EXPIRED, b"x" * 50_000)


def test_writing_after_our_close_is_refused(ends):
    ours, peer = ends
    notify(ours)
    assert ours.encrypt(b"late") == (SecStatus.SEC_E_CONTEXT_EXPIRED, b"")
    assert read_all(ours, sealed(peer, b"still read")) == (INCOMPLETE, b"still read")


def test_a_second_close_sends_nothing_more(ends):
    ours, _ = ends
    _, closing = notify(ours)
    assert closing
    assert notify(ours) == (OK, b"")


def test_alerts_are_recorded_on_both_sides(pair):
    pair.server.decrypt(notify(pair.client)[1])
    pair.client.decrypt(notify(pair.server)[1])
    assert alert_names(pair.client) == ["client close_notify", "server close_notify"]
    assert alert_names(pair.server) == ["client close_notify", "server close_notify"]
    assert {item.alert.level_name for item in pair.client.alerts} == {"warning"}


def test_a_close_during_the_handshake_is_a_status(provider):
    pair = make_pair(provider)
    _, hello, _ = pair.client.handshake(b"")
    assert pair.client.apply_control_token(ControlToken.SHUTDOWN) is OK
    status, output, _ = pair.client.handshake(b"")
    if not status.failed:
        pair.server.handshake(hello)
        assert pair.server.handshake(output)[0] is not OK
        return
    assert status is SecStatus.SEC_E_UNSUPPORTED_FUNCTION
    _, flight, _ = pair.server.handshake(hello)
    assert pair.client.handshake(flight)[0] in (OK, MORE)


@pytest.mark.parametrize("role", ["client", "server"])
def test_a_fatal_alert_ends_it(provider, version, role):
    other = OpenSSLProvider(settings(version))
    if role == "client":
        ours, peer = connected(provider, server_provider=other).ends
    else:
        peer, ours = connected(other, server_provider=provider).ends
    bad = bytearray(sealed(ours, b"damaged"))
    bad[-1] ^= 1
    assert peer.decrypt(bytes(bad))[0].failed
    status, data, _ = ours.decrypt(peer.pending_output())
    assert (status.failed, status is INCOMPLETE, data) == (True, False, b"")
    assert ours.error
    assert ours.encrypt(b"x") == (status, b"")
    assert ours.apply_control_token(ControlToken.SHUTDOWN) is status
    assert ours.delete() is OK


def test_delete_twice_and_every_call_after(ends):
    ours, _ = ends
    before = ours.tls
    assert (ours.delete(), ours.delete()) == (OK, OK)
    invalid = SecStatus.SEC_E_INVALID_HANDLE
    assert ours.handshake(b"x") == (invalid, b"", b"")
    assert ours.encrypt(b"x") == (invalid, b"")
    assert ours.decrypt(b"x") == (invalid, b"", b"")
    assert ours.apply_control_token(ControlToken.SHUTDOWN) is invalid
    assert ours.last_call.status is invalid
    assert ours.pending_output() == b""
    assert ours.tls == before


def test_we_close_first_in_four_steps(ends):
    ours, peer = ends
    wire = bytearray()
    procedure = Procedure(ours, send=lambda data: wire.extend(data) or len(data), clock=lambda: 7)
    assert procedure.notify(sealed(ours, b"request"))
    assert read_all(peer, bytes(wire)) == (EXPIRED, b"request")
    procedure.delete()
    assert [(step.name, step.status) for step in procedure.steps] == [
        (StepName.CONTROL_TOKEN_APPLIED, OK),
        (StepName.EMPTY_BUFFER_HANDSHAKE, OK),
        (StepName.FINAL_OUTPUT_SENT, OK),
        (StepName.CONTEXT_DELETED, OK),
    ]
    assert procedure.steps[1].bytes == procedure.steps[2].bytes > 0


def test_peer_closes_first_in_five_steps(ends, answered):
    ours, peer = ends
    procedure = Procedure(ours, send=len, clock=lambda: 7)
    assert ours.decrypt(notify(peer)[1])[0] is EXPIRED
    procedure.recognized()
    assert procedure.notify()
    procedure.delete()
    drained = procedure.steps[2].status
    assert drained in answered
    assert [(step.name, step.status) for step in procedure.steps] == [
        (StepName.SHUTDOWN_RECOGNIZED, EXPIRED),
        (StepName.CONTROL_TOKEN_APPLIED, OK),
        (StepName.EMPTY_BUFFER_HANDSHAKE, drained),
        (StepName.FINAL_OUTPUT_SENT, OK),
        (StepName.CONTEXT_DELETED, OK),
    ]
