"""Hello messages as forged here and as OpenSSL writes them, cut short anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.forge import CLIENT_RANDOM, EARLY_DATA, SERVER_RANDOM, SUITE, extension
from tests.wire.forge import client_hello as client_record
from tests.wire.forge import server_hello as server_record
from tlsclose.core.hello import (
    RETRY_RANDOM,
    parse_client_hello,
    parse_encrypted_alpn,
    parse_server_hello,
)
from tlsclose.core.record import TlsVersion

HEADERS = 5 + 4
SNI = extension(0, b"\x00\x0c\x00\x00\x09localhost")
ALPN = extension(16, b"\x00\x03\x02h2")


def client(*extensions):
    return client_record(*extensions)[HEADERS:]


def server(*extensions, **fields):
    return server_record(*extensions, **fields)[HEADERS:]


def old_server(version, *extensions):
    block = b"".join(extensions)
    tail = len(block).to_bytes(2) + block if extensions else b""
    return version.to_bytes(2) + SERVER_RANDOM + b"\x00" + b"\xc0\x2f\x00" + tail


@pytest.mark.parametrize(
    ("extensions", "sni", "early"),
    [
        ((), None, False),
        ((SNI,), "localhost", False),
        ((ALPN, EARLY_DATA), None, True),
        ((extension(0, b"\x00\x05\x01\x00\x02xx"),), None, False),
        ((extension(0, b"\x00\x06\x00\x00\x03a\x1bb"),), "a\x1bb", False),
        ((extension(0, b"\x00\x05\x00\x00\x02\xff\xfe"),), "\\xff\\xfe", False),
    ],
)
def test_client_hello(extensions, sni, early):
    hello = parse_client_hello(client(*extensions))
    assert (hello.random, hello.sni, hello.early_data) == (CLIENT_RANDOM, sni, early)


def test_server_hello_of_tls13():
    hello = parse_server_hello(server(extension(41, b"\x00\x00")))
    assert (hello.version, hello.suite, hello.random) == (TlsVersion.TLS13, SUITE, SERVER_RANDOM)
    assert hello.pre_shared_key
    assert not hello.retry


def test_hello_retry_request():
    assert parse_server_hello(server(random=RETRY_RANDOM)).retry


@pytest.mark.parametrize(
    ("code", "version"),
    [
        (0x0300, TlsVersion.SSL3),
        (0x0301, TlsVersion.TLS10),
        (0x0303, TlsVersion.TLS12),
        (0x0999, None),
    ],
)
def test_older_versions(code, version):
    hello = parse_server_hello(old_server(code))
    assert (hello.version, hello.suite) == (version, 0xC02F)
    assert not hello.extended_master_secret


def test_extensions_of_tls12():
    hello = parse_server_hello(old_server(0x0303, extension(22), extension(23), ALPN))
    assert (hello.encrypt_then_mac, hello.extended_master_secret, hello.alpn) == (True, True, "h2")


@pytest.mark.parametrize(
    ("body", "alpn"), [(b"\x00\x00", None), (len(ALPN).to_bytes(2) + ALPN, "h2"), (b"\x00", None)]
)
def test_encrypted_extensions(body, alpn):
    assert parse_encrypted_alpn(body) == alpn


@pytest.mark.parametrize("parse", [parse_client_hello, parse_server_hello])
@pytest.mark.parametrize("body", [client(SNI, ALPN), server(ALPN)])
def test_cut_short_anywhere_is_survived(parse, body):
    for end in range(len(body)):
        parse(body[:end])


def test_a_hello_cut_inside_its_fixed_part_is_none():
    assert parse_client_hello(client()[:40]) is None
    assert parse_server_hello(server()[:37]) is None
    assert parse_client_hello(client(SNI)[:-1]) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(body):
    parse_client_hello(body)
    parse_server_hello(body)
    parse_encrypted_alpn(body)
