import hmac

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.pairs import (
    NO_ENCRYPT_THEN_MAC,
    NO_EXTENDED_MASTER_SECRET,
    after_change_cipher_spec,
    converse,
    offers,
)
from tests.wire.rfc8448 import CLOSE_NOTIFY, SUITE, TRACES
from tlsclose.core.event import Side
from tlsclose.core.record import ContentType, TlsVersion
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.keyschedule import key_block, next_traffic_secret, traffic_keys
from tlsclose.wire.protection import Epoch, Negotiated, Opened, protection
from tlsclose.wire.suites import SUITES, sealed_alert_bytes, suite

SIDES = tuple(Side)
RECORD_VERSION = 0x0303
MASTER = bytes(range(48))

# ---- RFC 8448

LABELS = {
    (Side.CLIENT, Epoch.EARLY): "CLIENT_EARLY_TRAFFIC_SECRET",
    (Side.CLIENT, Epoch.HANDSHAKE): "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    (Side.SERVER, Epoch.HANDSHAKE): "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    (Side.CLIENT, Epoch.APPLICATION): "CLIENT_TRAFFIC_SECRET_0",
    (Side.SERVER, Epoch.APPLICATION): "SERVER_TRAFFIC_SECRET_0",
}

DIRECTIONS = [
    pytest.param(trace, direction, id=f"{trace.section}-{direction.sender}-{direction.epoch}")
    for trace in TRACES
    for direction in trace.directions
]


def of_trace(trace, direction):
    keys = KeyLog()
    for item in trace.directions:
        label = LABELS[item.sender, item.epoch]
        assert keys.add_line(f"{label} {trace.client_random} {item.secret}")
    hellos = Negotiated(
        version=TlsVersion.TLS13,
        suite=SUITE,
        client_random=bytes.fromhex(trace.client_random),
        server_random=bytes.fromhex(trace.server_random),
    )
    return protection(hellos, direction.sender, direction.epoch, keys)


@pytest.mark.parametrize(("trace", "direction"), DIRECTIONS)
def test_records_of_rfc_8448(trace, direction):
    opener = of_trace(trace, direction)
    for record in direction.records:
        opened = opener.open(23, RECORD_VERSION, bytes.fromhex(record.body))
        assert opened.content_type == record.content_type
        assert record.plaintext in (None, opened.plaintext)
    assert opener.sequence == len(direction.records)


def test_server_flight_of_rfc_8448_holds_four_messages():
    trace = TRACES[0]
    direction = trace.directions[1]
    opened = of_trace(trace, direction).open(
        23, RECORD_VERSION, bytes.fromhex(direction.records[0].body)
    )
    types, rest = [], opened.plaintext
    while rest:
        types.append(rest[0])
        rest = rest[4 + int.from_bytes(rest[1:4], "big") :]
    assert types == [8, 11, 15, 20]


@pytest.mark.parametrize(("trace", "direction"), DIRECTIONS)
def test_last_record_of_rfc_8448_after_skip(trace, direction):
    if not direction.records:
        return
    opener = of_trace(trace, direction)
    opener.skip(len(direction.records) - 1)
    opened = opener.open(23, RECORD_VERSION, bytes.fromhex(direction.records[-1].body))
    assert opened.content_type == direction.records[-1].content_type


# ---- TLS 1.3, OpenSSL

TLS13_NAMES = [item.name for item in SUITES.values() if item.tls13]


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


# ---- made by hand: what OpenSSL does not build, and what no honest peer sends


def logged(label, secret):
    keys = KeyLog()
    keys.add_line(f"{label} {bytes(32).hex()} {secret.hex()}")
    return keys


def hellos(version, code, **more):
    return Negotiated(
        version=version, suite=code, client_random=bytes(32), server_random=b"s" * 32, **more
    )


def seal_13(secret, sequence, inner, header_type=23):
    key, iv = traffic_keys(suite(SUITE), secret)
    nonce = (int.from_bytes(iv, "big") ^ sequence).to_bytes(12, "big")
    header = bytes([header_type, 3, 3]) + (len(inner) + 16).to_bytes(2, "big")
    return AESGCM(key).encrypt(nonce, inner, header)


def opener_13(secret, epoch=Epoch.APPLICATION):
    label = LABELS[Side.CLIENT, epoch]
    return protection(hellos(TlsVersion.TLS13, SUITE), Side.CLIENT, epoch, logged(label, secret))


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (b"\x01\x00\x15", Opened(21, CLOSE_NOTIFY)),
        (b"\x01\x00\x15" + bytes(400), Opened(21, CLOSE_NOTIFY)),
        (b"\x17", Opened(23, b"")),
        (bytes(5), Opened(0, b"")),
    ],
)
def test_padding_of_tls_1_3_is_stripped(inner, expected):
    secret = bytes(32)
    assert opener_13(secret).open(23, RECORD_VERSION, seal_13(secret, 0, inner)) == expected


def test_key_updates_of_tls_1_3():
    secret = b"\x07" * 32
    opener = opener_13(secret)
    opener.skip(1000)
    for _ in range(3):
        secret = next_traffic_secret(suite(SUITE), secret)
        opener = opener.updated()
        assert opener.sequence == 0
        assert opener.open(23, RECORD_VERSION, seal_13(secret, 0, b"a\x17")) == Opened(23, b"a")


def test_only_application_keys_update():
    assert opener_13(bytes(32), Epoch.HANDSHAKE).updated() is None
    keys = logged("CLIENT_RANDOM", MASTER)
    chosen = hellos(TlsVersion.TLS12, 0x009C)
    assert protection(chosen, Side.CLIENT, Epoch.APPLICATION, keys).updated() is None


def test_sequence_advances_on_success_only():
    secret = bytes(32)
    opener = opener_13(secret)
    body = seal_13(secret, 0, b"a\x17")
    assert opener.open(23, RECORD_VERSION, body[:-1] + b"?") is None
    assert opener.open(23, 0x0302, body) is None
    assert opener.open(22, RECORD_VERSION, body) is None
    assert opener.sequence == 0
    assert opener.open(23, RECORD_VERSION, body) == Opened(23, b"a")
    assert opener.open(23, RECORD_VERSION, body) is None
    assert opener.sequence == 1


def seal_3des(keys, iv, sequence, content_type, version, content):
    header = sequence.to_bytes(8, "big") + bytes([content_type]) + version.to_bytes(2, "big")
    mac = hmac.digest(keys.mac, header + len(content).to_bytes(2, "big") + content, "sha1")
    size = 7 - (len(content) + 20) % 8
    padded = content + mac + bytes([size]) * (size + 1)
    encryptor = Cipher(TripleDES(keys.key), CBC(iv)).encryptor()
    return iv + encryptor.update(padded) + encryptor.finalize()


def test_triple_des():
    code = 0x000A
    chosen = hellos(TlsVersion.TLS12, code)
    keys = logged("CLIENT_RANDOM", MASTER)
    _, server = key_block(suite(code), TlsVersion.TLS12, MASTER, bytes(32), b"s" * 32)
    body = seal_3des(server, b"8 bytes!", 5, 21, RECORD_VERSION, CLOSE_NOTIFY)
    assert len(body) == sealed_alert_bytes(suite(code), encrypt_then_mac=False)
    opener = protection(chosen, Side.SERVER, Epoch.APPLICATION, keys)
    opener.skip(5)
    assert opener.open(21, RECORD_VERSION, body) == Opened(21, CLOSE_NOTIFY)


@pytest.mark.parametrize(
    ("version", "code", "label", "size", "epoch"),
    [
        pytest.param(TlsVersion.TLS13, SUITE, "SERVER_TRAFFIC_SECRET_0", 32, "application", id="k"),
        pytest.param(TlsVersion.TLS13, SUITE, "CLIENT_TRAFFIC_SECRET_0", 48, "application", id="n"),
        pytest.param(
            TlsVersion.TLS13, 0x009C, "CLIENT_TRAFFIC_SECRET_0", 32, "application", id="s"
        ),
        pytest.param(
            TlsVersion.TLS13, 0xFFFF, "CLIENT_TRAFFIC_SECRET_0", 32, "application", id="u"
        ),
        pytest.param(TlsVersion.TLS12, 0x009C, "CLIENT_RANDOM", 32, "application", id="n12"),
        pytest.param(TlsVersion.TLS12, 0x009C, "CLIENT_RANDOM", 48, "early", id="early12"),
        pytest.param(TlsVersion.TLS12, SUITE, "CLIENT_RANDOM", 48, "application", id="s12"),
        pytest.param(TlsVersion.TLS12, 0x0005, "CLIENT_RANDOM", 48, "application", id="rc4"),
        pytest.param(TlsVersion.TLS11, 0x009C, "CLIENT_RANDOM", 48, "application", id="gcm11"),
        pytest.param(TlsVersion.SSL3, 0x002F, "CLIENT_RANDOM", 48, "application", id="ssl3"),
    ],
)
def test_what_cannot_be_opened_has_no_protection(version, code, label, size, epoch):
    keys = logged(label, bytes(size))
    assert protection(hellos(version, code), Side.CLIENT, Epoch(epoch), keys) is None


def test_a_server_has_no_early_keys():
    keys = logged("CLIENT_EARLY_TRAFFIC_SECRET", bytes(32))
    chosen = hellos(TlsVersion.TLS13, SUITE)
    assert protection(chosen, Side.SERVER, Epoch.EARLY, keys) is None
    assert protection(chosen, Side.CLIENT, Epoch.EARLY, keys) is not None


def openers():
    for code, item in SUITES.items():
        if item.tls13:
            size = 48 if item.hash == "sha384" else 32
            keys = logged("CLIENT_TRAFFIC_SECRET_0", bytes(size))
            chosen = [hellos(TlsVersion.TLS13, code)]
        else:
            keys = logged("CLIENT_RANDOM", MASTER)
            chosen = [
                hellos(version, code, encrypt_then_mac=etm)
                for version in (TlsVersion.TLS12, TlsVersion.TLS10)
                for etm in (False, True)
                if version is TlsVersion.TLS12 or not item.aead
            ]
        for each in chosen:
            yield protection(each, Side.CLIENT, Epoch.APPLICATION, keys)


OPENERS = list(openers())


def test_every_suite_can_be_opened():
    assert None not in OPENERS


@given(
    content_type=st.integers(0, 255),
    version=st.integers(0, 0xFFFF),
    body=st.one_of(
        st.binary(max_size=200),
        st.integers(0, 30).map(lambda blocks: bytes(8 * blocks)),
        st.sampled_from([bytes(2**14 + 2048), bytes(2**16 - 1)]),
    ),
    opener=st.sampled_from(OPENERS),
)
def test_open_takes_any_bytes(content_type, version, body, opener):
    assert opener.open(content_type, version, body) is None
    assert opener.sequence == 0
