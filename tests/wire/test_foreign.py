"""Descriptions of what is not TLS, and the search for its beginning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.forge import ALERT, CLIENT, SERVER, client_hello, record, server_hello
from tlsclose.wire.foreign import HELLO_BYTES, begins_tls, describe, hello_at, recognised


@pytest.mark.parametrize(
    ("data", "description"),
    [
        (b"HTTP/1.0 503 Busy", "HTTP/1.0 503"),
        (b"HTTP/1.1 \x1b[2J", "bytes 48 54 54 50 2f 31 2e 31"),
        (b"POST /x HTTP/1.1", "HTTP request"),
        (b"PRI * HTTP/2.0", "HTTP request"),
        (b"220-welcome", "SMTP or FTP greeting"),
        (b"* OK IMAP4rev1", "IMAP greeting"),
        (b"+OK POP3", "POP3 greeting"),
        (b"SSH-2.0-x", "SSH greeting"),
        (b"<?xml version=", "XMPP stream"),
        (b"<!DOCTYPE html>", "HTML without HTTP"),
        (b"EHLO me", "SMTP command"),
        (b". STARTTLS", "STARTTLS command"),
        (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", "PostgreSQL SSLRequest"),
        (b"\x4a\x00\x00\x00\x0a8.0.36", "MySQL greeting"),
        (b"\x80\x2e\x01\x03\x01", "SSLv2-compatible hello"),
        (b"", "bytes "),
    ],
)
def test_descriptions(data, description):
    assert describe(data) == description


@given(st.binary(max_size=40))
def test_a_description_is_short_and_printable(data):
    found = describe(data)
    assert found.isascii()
    assert found.isprintable()
    assert len(found) < 60


BEGINNINGS = [
    (CLIENT, client_hello()),
    (SERVER, server_hello()),
    (SERVER, record(ALERT, b"\x02\x28")),
]


@pytest.mark.parametrize(("side", "beginning"), BEGINNINGS)
@pytest.mark.parametrize("before", [b"", b"S", b"220 go\r\n"])
def test_tls_is_found_behind_a_preamble(side, beginning, before):
    data = before + beginning[:HELLO_BYTES]
    assert hello_at(data, side) == len(before)
    assert hello_at(data, side, len(before)) == len(before)
    assert hello_at(data, side, len(before) + 1) is None
    assert hello_at(data, side.other) is None


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01", b"\x17\x03\x03\x00\x20" + bytes(32)])
@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_nothing_is_found_where_nothing_begins(data, side):
    assert hello_at(data, side) is None


@pytest.mark.parametrize(
    ("header", "begins"),
    [
        (b"\x16\x03\x01\x02\x00", True),
        (b"\x15\x03\x03\x00\x02", True),
        (b"\x17\x03\x03\x00\x02", False),
        (b"\x16\x03\x01\x00\x00", False),
        (b"\x16\x03\x01\xff\x00", False),
        (b"\x16\x02\x01\x02\x00", False),
        (b"220 m", False),
    ],
)
def test_the_first_record(header, begins):
    assert begins_tls(header) is begins


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (b"220 mail", True),
        (b"GET / HTTP/1.1", True),
        (b"\x16\x03\x01\xff\xff", False),
        (b"?", False),
    ],
)
def test_known_protocols(data, known):
    assert recognised(data) is known
