"""What every provider has to do, whichever engine is behind it; both roles, TLS 1.2 and 1.3."""

import gc
import weakref

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.providers.pair import (
    EXPIRED,
    INCOMPLETE,
    MORE,
    OK,
    Inlet,
    Pair,
    alert_names,
    connected,
    make_pair,
    notify,
    read_all,
    sealed,
    settings,
    shake,
)
from tlsclose.core.procedure import ControlToken
from tlsclose.core.record import TlsVersion
from tlsclose.core.status import SecStatus
from tlsclose.errors import UsageError
from tlsclose.providers.base import TlsSettings

ROLES = ["client", "server"]
SIZES = [1, 16384, 100 * 1024]

only_tls13 = pytest.mark.parametrize("version", [TlsVersion.TLS13], indirect=True)


def test_handshake_brings_both_ends_up(pair, version):
    for context in pair.ends:
        assert context.tls.version == version
        assert context.tls.cipher
        assert context.tls.sni == "localhost"
        assert context.tls.resumed is False
        assert context.error == ""
        assert context.alerts == ()


def test_nothing_is_claimed_before_the_handshake(provider):
    fresh = make_pair(provider)
    assert fresh.client.tls.version is None
    assert fresh.client.tls.cipher is None
    assert fresh.server.tls.sni is None
    assert fresh.client.certificate.ok is None


def test_a_handshake_byte_by_byte_comes_up(provider):
    pair = make_pair(provider)
    _, flight, _ = pair.client.handshake(b"")
    sender, receiver = pair.server, pair.client
    statuses = {pair.client: MORE, pair.server: MORE}
    inlets = {context: Inlet(context) for context in pair.ends}
    while flight:
        answer = bytearray()
        for index in range(len(flight)):
            piece = flight[index : index + 1]
            if statuses[sender] is OK:
                inlets[sender].read(piece)
                answer += sender.pending_output()
            else:
                statuses[sender], output = inlets[sender].shake(piece)
                answer += output
        flight, sender, receiver = bytes(answer), receiver, sender
    assert set(statuses.values()) == {OK}


@pytest.mark.parametrize("size", SIZES)
def test_data_goes_through_unchanged(ends, size):
    ours, peer = ends
    data = bytes(index % 251 for index in range(size))
    assert read_all(peer, sealed(ours, data)) == (INCOMPLETE, data)
    assert read_all(ours, sealed(peer, data)) == (INCOMPLETE, data)


def test_encrypting_nothing_sends_nothing(ends):
    assert sealed(ends[0], b"") == b""


@only_tls13
def test_a_ticket_is_not_data(provider, sends_tickets):
    pair = make_pair(provider)
    _, hello, _ = pair.client.handshake(b"")
    _, flight, _ = pair.server.handshake(hello)
    _, finished, _ = pair.client.handshake(flight)
    status, tickets, _ = pair.server.handshake(finished)
    assert status is OK
    assert bool(tickets) is sends_tickets
    status, data, _ = pair.client.decrypt(tickets)
    assert status in (OK, INCOMPLETE)
    assert data == b""


@only_tls13
def test_what_came_with_the_last_flight_is_not_consumed(provider):
    pair = make_pair(provider)
    _, hello, _ = pair.client.handshake(b"")
    _, flight, _ = pair.server.handshake(hello)
    _, finished, _ = pair.client.handshake(flight)
    token = finished + sealed(pair.client, b"early bird") + notify(pair.client)[1]
    status, _, rest = pair.server.handshake(token)
    assert status is OK
    assert rest == token[len(finished) :]
    assert read_all(pair.server, rest) == (EXPIRED, b"early bird")


@pytest.mark.parametrize("role", ROLES)
def test_garbage_instead_of_a_handshake_fails(provider, role):
    pair = make_pair(provider)
    context = pair.client if role == "client" else pair.server
    context.handshake(b"")
    status, _, _ = context.handshake(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 8)
    assert status.failed
    assert context.error
    assert "\n" not in context.error
    assert context.handshake(b"")[0] is status


def test_a_damaged_record_fails_with_our_alert_to_send(ends, exact):
    ours, peer = ends
    good = sealed(peer, b"good")
    bad = bytearray(sealed(peer, b"damaged"))
    bad[-1] ^= 1
    status, data = read_all(ours, good + bytes(bad))
    assert (status.failed, data) == (True, b"good")
    assert ours.error
    if not exact:
        return
    assert status is SecStatus.SEC_E_MESSAGE_ALTERED
    alert = ours.pending_output()
    assert alert
    assert ours.pending_output() == b""
    assert peer.decrypt(alert)[0] is SecStatus.SEC_E_MESSAGE_ALTERED
    assert alert_names(peer) == alert_names(ours)
    assert "bad_record_mac" in alert_names(ours)[0]


def test_after_a_fatal_error_every_call_repeats_it(ends):
    ours, _ = ends
    status, _, _ = ours.decrypt(b"\x16\x03\x03\x00\x04junk")
    assert status.failed
    ours.pending_output()
    assert ours.encrypt(b"x") == (status, b"")
    assert ours.apply_control_token(ControlToken.SHUTDOWN) is status
    assert ours.decrypt(b"")[:2] == (status, b"")


@pytest.mark.parametrize("engine_name", ["openssl"], indirect=True)
def test_no_common_cipher_is_a_fatal_alert_for_both(engine):
    client = engine(settings(TlsVersion.TLS12, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"))
    server = engine(settings(TlsVersion.TLS12, ciphers="ECDHE-ECDSA-AES256-GCM-SHA384"))
    pair = make_pair(client, server_provider=server)
    statuses = shake(pair)
    assert all(status is SecStatus.SEC_E_ILLEGAL_MESSAGE for status in statuses)
    assert alert_names(pair.client) == ["server handshake_failure"]
    assert alert_names(pair.server) == ["server handshake_failure"]
    assert "handshake failure" in pair.client.error


def test_no_common_version_is_a_fatal_alert(engine, exact):
    client = engine(settings(TlsVersion.TLS12))
    server = engine(settings(TlsVersion.TLS13))
    pair = make_pair(client, server_provider=server)
    if not exact:
        pytest.skip("Wine lets every credential speak every version")
    assert shake(pair)[0] is SecStatus.SEC_E_UNSUPPORTED_FUNCTION
    assert alert_names(pair.client) == ["server protocol_version"]


def test_the_highest_common_version_is_taken(engine, versions):
    assert connected(engine(settings())).client.tls.version == max(versions)


def test_alpn_is_the_servers_first_that_the_client_offers(engine):
    client = engine(settings(alpn=("http/1.1", "h2", "x")))
    server = engine(settings(alpn=("none", "h2", "http/1.1")))
    pair = connected(client, server_provider=server)
    assert [context.tls.alpn for context in pair.ends] == ["h2", "h2"]


@pytest.mark.parametrize("offer", [(), ("x",)])
def test_no_common_alpn_goes_on_without(engine, offer, refuses_other_protocols):
    client, server = engine(settings(alpn=offer)), engine(settings(alpn=("h2",)))
    pair = make_pair(client, server_provider=server)
    statuses = shake(pair)
    if offer and refuses_other_protocols:
        assert statuses[1] is SecStatus.SEC_E_APPLICATION_PROTOCOL_MISMATCH
        return
    assert statuses == (OK, OK)
    assert pair.client.tls.alpn is None


def test_an_address_is_no_sni(provider):
    pair = connected(provider, name="127.0.0.1")
    assert [context.tls.sni for context in pair.ends] == [None, None]


@pytest.mark.parametrize(
    "name",
    ["", "a b", "x" * 300, "a\x00b", "a\nb", "ä" * 80],
    ids=["empty", "space", "long", "nul", "newline", "long-idn"],
)
def test_what_cannot_be_a_name_is_a_usage_error(provider, name):
    with pytest.raises(UsageError, match="not a host name"):
        provider.client(name, print)


def test_a_server_without_identity_is_a_usage_error(engine):
    with pytest.raises(UsageError, match="certificate"):
        engine(TlsSettings()).server(print)


def test_calls_before_the_connection_is_up_are_refused(provider):
    fresh = make_pair(provider).client
    assert fresh.encrypt(b"x") == (SecStatus.SEC_E_INVALID_HANDLE, b"")
    assert fresh.decrypt(b"x") == (SecStatus.SEC_E_INVALID_HANDLE, b"", b"x")


@pytest.mark.parametrize("engine_name", ["openssl"], indirect=True)
def test_key_lines_go_to_the_connection_they_belong_to(provider, version):
    first, second = make_pair(provider), make_pair(provider)
    flights = {id(pair): pair.client.handshake(b"")[1] for pair in (first, second)}
    for turn in range(4):
        for pair in (second, first):
            context = pair.server if turn % 2 == 0 else pair.client
            flights[id(pair)] = context.handshake(flights[id(pair)])[1]
    randoms = [{line.split()[1] for line in pair.client_keys} for pair in (first, second)]
    assert [len(found) for found in randoms] == [1, 1]
    assert randoms[0].isdisjoint(randoms[1])
    assert set(first.client_keys) == set(first.server_keys)
    label = "CLIENT_RANDOM" if version is TlsVersion.TLS12 else "CLIENT_TRAFFIC_SECRET_0"
    assert any(line.startswith(label) for line in first.client_keys)
    assert all("\n" not in line for line in first.client_keys)


@pytest.mark.parametrize("engine_name", ["openssl"], indirect=True)
def test_what_a_key_sink_raises_reaches_the_caller(provider):
    def full(line: str) -> None:
        raise OSError("disk full")

    client = provider.client("localhost", full)
    server = provider.server([].append)
    with pytest.raises(OSError, match="disk full"):
        shake(Pair(client=client, server=server))


@pytest.mark.parametrize("deleted", [True, False])
def test_a_thousand_contexts_leave_nothing_behind(provider, deleted):
    def run_one() -> list[weakref.ref]:
        pair = make_pair(provider)
        pair.server.handshake(pair.client.handshake(b"")[1])
        if deleted:
            pair.client.delete()
            pair.server.delete()
        return [weakref.ref(context) for context in pair.ends]

    gc.disable()
    try:
        living = [ref for _ in range(500) for ref in run_one()]
        assert sum(ref() is not None for ref in living) == 0
    finally:
        gc.enable()


@given(data=st.binary(min_size=1, max_size=40_000), cuts=st.lists(st.integers(1, 20_000)))
@examples(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_chunking_gives_the_same_data(provider, data, cuts):
    pair = connected(provider)
    wire = sealed(pair.client, data) + notify(pair.client)[1]
    inlet = Inlet(pair.server)
    got = bytearray()
    status = INCOMPLETE
    for size in [*cuts, len(wire)]:
        chunk, wire = wire[:size], wire[size:]
        status, piece = inlet.read(chunk)
        got += piece
    assert (status, bytes(got)) == (EXPIRED, data)


@given(noise=st.binary(min_size=1, max_size=2000))
@examples(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_input_raises(provider, noise):
    pair = connected(provider)
    fresh = make_pair(provider)
    for context in (pair.client, pair.server):
        read_all(context, noise)
    for context in (fresh.client, fresh.server):
        context.handshake(noise)
