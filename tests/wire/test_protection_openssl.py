"""Record protection against OpenSSL: data and close_notify of both sides, every kind of suite."""

import pytest

from tests.wire.pairs import (
    NO_ENCRYPT_THEN_MAC,
    NO_EXTENDED_MASTER_SECRET,
    after_change_cipher_spec,
    converse,
    offers,
)
from tests.wire.rfc8448 import CLOSE_NOTIFY
from tlsclose.core.event import Side
from tlsclose.core.record import ContentType, TlsVersion
from tlsclose.wire.protection import Epoch, Opened
from tlsclose.wire.suites import CODE_POINTS, sealed_alert_bytes, suite
from tlsclose.wire.unprotect import protection

SIDES = tuple(Side)

# ---- TLS 1.3, OpenSSL

TLS13_NAMES = [item.name for item in map(suite, CODE_POINTS) if item.tls13]


def finish_13(opener, records):
    """Pass over what the handshake keys protect: all up to the Finished message."""
    for index, record in enumerate(records):
        opened = opener.open(*record)
        if opened is not None and opened.plaintext[0] == 20:
            return records[index + 1 :]
    raise AssertionError("no Finished")


@pytest.mark.parametrize("name", TLS13_NAMES)
def test_tls_1_3_pair(name):
    if "SM4" in name and not offers(name):
        pytest.skip("this OpenSSL lacks it")
    talk = converse(TlsVersion.TLS13, name)
    assert suite(talk.negotiated.suite).name == name
    data = {Side.CLIENT: b"", Side.SERVER: b""}
    for side in SIDES:
        handshake = protection(talk.negotiated, side, Epoch.HANDSHAKE, talk.keys)
        records = finish_13(handshake, after_change_cipher_spec(talk.sent[side]))
        opener = protection(talk.negotiated, side, Epoch.APPLICATION, talk.keys)
        opened = [opener.open(*record) for record in records]
        assert None not in opened
        data[side] = b"".join(item.plaintext for item in opened if item.content_type == 23)
        assert opened[-1] == Opened(ContentType.ALERT, CLOSE_NOTIFY)

        late = protection(talk.negotiated, side, Epoch.APPLICATION, talk.keys)
        late.skip(len(records) - 1)
        assert late.open(*records[-1]) == Opened(ContentType.ALERT, CLOSE_NOTIFY)
        expected = sealed_alert_bytes(suite(talk.negotiated.suite), encrypt_then_mac=False)
        assert len(records[-1].body) == expected
    assert data == {Side.CLIENT: b"GET /", Side.SERVER: b"x" * 3000 + b"end"}


# ---- TLS up to 1.2, OpenSSL

CBC_OPTIONS = (0, NO_ENCRYPT_THEN_MAC, NO_EXTENDED_MASTER_SECRET)
AEAD_OPTIONS = (0, NO_EXTENDED_MASTER_SECRET)
CBC_NAMES = (
    "AES128-SHA",
    "AES256-SHA",
    "AES128-SHA256",
    "AES256-SHA256",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "AECDH-AES128-SHA",
    "CAMELLIA128-SHA",
    "CAMELLIA256-SHA256",
    "ECDHE-RSA-CAMELLIA256-SHA384",
    "NULL-MD5",
    "NULL-SHA",
    "NULL-SHA256",
)
AEAD_NAMES = (
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "AES128-CCM",
    "AES256-CCM",
    "AES128-CCM8",
    "AES256-CCM8",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
PAIRS = [
    *((TlsVersion.TLS12, name, options) for name in CBC_NAMES for options in CBC_OPTIONS),
    *((TlsVersion.TLS12, name, options) for name in AEAD_NAMES for options in AEAD_OPTIONS),
    *(
        (version, name, options)
        for version in (TlsVersion.TLS11, TlsVersion.TLS10)
        for name in ("AES128-SHA", "ECDHE-RSA-AES256-SHA", "CAMELLIA256-SHA", "NULL-SHA")
        for options in CBC_OPTIONS
    ),
]


@pytest.mark.parametrize(("version", "name", "options"), PAIRS)
def test_tls_1_2_pair(version, name, options):
    talk = converse(version, name, options=options)
    hellos = talk.negotiated
    assert hellos.version is version
    assert hellos.extended_master_secret is (options != NO_EXTENDED_MASTER_SECRET)
    if not suite(hellos.suite).aead:
        assert hellos.encrypt_then_mac is (options != NO_ENCRYPT_THEN_MAC)
    data = {}
    for side in SIDES:
        records = after_change_cipher_spec(talk.sent[side])
        opener = protection(hellos, side, Epoch.APPLICATION, talk.keys)
        opened = [opener.open(*record) for record in records]
        assert None not in opened
        assert opened[0].plaintext[:4] == b"\x14\x00\x00\x0c"
        data[side] = b"".join(item.plaintext for item in opened if item.content_type == 23)
        assert opened[-1] == Opened(ContentType.ALERT, CLOSE_NOTIFY)
        assert len(records[-1].body) == sealed_alert_bytes(
            suite(hellos.suite),
            encrypt_then_mac=hellos.encrypt_then_mac,
            implicit_iv=version is TlsVersion.TLS10,
        )
    assert data == {Side.CLIENT: b"GET /", Side.SERVER: b"x" * 3000 + b"end"}


@pytest.mark.parametrize(("version", "name", "options"), PAIRS)
def test_tls_1_2_close_notify_after_skip(version, name, options):
    talk = converse(version, name, options=options)
    unknown_iv = version is TlsVersion.TLS10 and suite(talk.negotiated.suite).block_bytes
    expected = None if unknown_iv else Opened(ContentType.ALERT, CLOSE_NOTIFY)
    for side in SIDES:
        records = after_change_cipher_spec(talk.sent[side])
        opener = protection(talk.negotiated, side, Epoch.APPLICATION, talk.keys)
        opener.skip(len(records) - 1)
        assert opener.open(*records[-1]) == expected


def test_skip_of_nothing_keeps_the_iv_of_tls_1_0():
    talk = converse(TlsVersion.TLS10, "AES128-SHA")
    opener = protection(talk.negotiated, Side.CLIENT, Epoch.APPLICATION, talk.keys)
    opener.skip(0)
    assert opener.open(*after_change_cipher_spec(talk.sent[Side.CLIENT])[0]) is not None


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("AES128-SHA", 0),
        ("AES128-SHA", NO_ENCRYPT_THEN_MAC),
        ("AES256-GCM-SHA384", 0),
        ("AES128-CCM8", 0),
        ("ECDHE-RSA-CHACHA20-POLY1305", 0),
        ("NULL-SHA256", 0),
    ],
)
def test_every_changed_byte_of_an_alert_is_noticed(name, options):
    talk = converse(TlsVersion.TLS12, name, options=options)
    records = after_change_cipher_spec(talk.sent[Side.SERVER])
    opener = protection(talk.negotiated, Side.SERVER, Epoch.APPLICATION, talk.keys)
    opener.skip(len(records) - 1)
    content_type, version, body = records[-1]
    for index in range(len(body)):
        changed = bytearray(body)
        changed[index] ^= 0x80
        assert opener.open(content_type, version, bytes(changed)) is None
        assert opener.open(content_type, version, body[:index]) is None
    assert opener.open(*records[-1]) == Opened(ContentType.ALERT, CLOSE_NOTIFY)
