import hmac

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.rfc8448 import CLOSE_NOTIFY, SUITE, TRACES
from tlsclose.core.event import Side
from tlsclose.core.record import TlsVersion
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.keyschedule import key_block, next_traffic_secret, traffic_keys
from tlsclose.wire.protection import Epoch, Negotiated, Opened
from tlsclose.wire.suites import CODE_POINTS, sealed_alert_bytes, suite
from tlsclose.wire.unprotect import protection

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
    for code, item in ((code, suite(code)) for code in CODE_POINTS):
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
