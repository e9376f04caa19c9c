"""What is read in the clear while a handshake passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.forge import SUITE, client_hello, extension, server_hello
from tlsclose.core.alert import Alert
from tlsclose.core.event import Side
from tlsclose.core.record import TlsVersion
from tlsclose.providers._hello_watch import MAX_BYTES, HelloWatch, alerts, records

SNI = extension(0, b"\x00\x0c\x00\x00\x09localhost")
TLS13 = extension(43, b"\x03\x04")


def record(kind, body):
    return bytes([kind, 3, 3]) + len(body).to_bytes(2) + body


def test_both_hellos():
    watch = HelloWatch()
    watch.passed(Side.CLIENT, client_hello(SNI))
    watch.passed(Side.SERVER, server_hello(TLS13) + record(20, b"\x01") + record(23, b"x" * 40))
    assert watch.client.sni == "localhost"
    assert (watch.server.version, watch.server.suite) == (TlsVersion.TLS13, SUITE)


def test_a_hello_in_many_records():
    body = client_hello(SNI)[5:]
    watch = HelloWatch()
    for index in range(0, len(body), 7):
        watch.passed(Side.CLIENT, record(22, body[index : index + 7]))
    assert watch.client.sni == "localhost"


def test_a_side_that_says_no_hello_is_not_kept_for_ever():
    watch = HelloWatch()
    flood = record(22, b"\x01\xff\xff\xff" + b"x" * 16000)
    for _ in range(20):
        watch.passed(Side.SERVER, flood)
    assert watch.server is None
    assert len(watch._waiting[Side.SERVER]) < MAX_BYTES + len(flood)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (record(21, b"\x02\x28"), [Alert(2, 40)]),
        (record(22, b"abc") + record(21, b"\x01\x00"), [Alert(1, 0)]),
        (record(21, b"\x02\x28")[:-1], []),
        (record(21, b"\x00" * 26), []),
        (record(23, b"\x02\x28"), []),
        (b"", []),
    ],
    ids=["fatal", "behind another", "cut off", "protected", "data", "nothing"],
)
def test_alerts_in_the_clear(data, told):
    assert list(alerts(data)) == told


@given(noise=st.binary(max_size=400), sender=st.sampled_from(Side))
def test_no_bytes_raise(noise, sender):
    HelloWatch().passed(sender, noise)
    HelloWatch().passed(sender, record(22, noise))
    assert sum(5 + len(body) for _, body in records(noise)) <= len(noise)
