import hashlib
import hmac

import pytest

from tests.wire.rfc8448 import SUITE, TRACES
from tlsclose.core.record import TlsVersion
from tlsclose.wire.keyschedule import (
    available,
    hkdf_expand_label,
    key_block,
    next_traffic_secret,
    prf,
    traffic_keys,
)
from tlsclose.wire.suites import CODE_POINTS, suite

DIRECTIONS = [
    pytest.param(direction, id=f"{trace.section}-{direction.sender}-{direction.epoch}")
    for trace in TRACES
    for direction in trace.directions
    if direction.key
]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_write_keys_of_rfc_8448(direction):
    key, iv = traffic_keys(suite(SUITE), bytes.fromhex(direction.secret))
    assert (key.hex(), iv.hex()) == (direction.key, direction.iv)


@pytest.mark.parametrize("code", [code for code in CODE_POINTS if suite(code).tls13])
def test_next_secret_is_one_block_of_hkdf_expand(code):
    chosen = suite(code)
    size = hashlib.new(chosen.hash).digest_size
    secret = bytes(range(size))
    info = size.to_bytes(2, "big") + b"\x11tls13 traffic upd" + b"\x00" + b"\x01"
    expected = hmac.new(secret, info, chosen.hash).digest()
    assert next_traffic_secret(chosen, secret) == expected


def test_expand_label_joins_blocks():
    long = hkdf_expand_label("sha256", bytes(32), b"key", 80)
    info = (80).to_bytes(2, "big") + b"\x09tls13 key\x00"
    first = hmac.new(bytes(32), info + b"\x01", "sha256").digest()
    second = hmac.new(bytes(32), first + info + b"\x02", "sha256").digest()
    third = hmac.new(bytes(32), second + info + b"\x03", "sha256").digest()
    assert long == (first + second + third)[:80]


# The vectors that circulated on the IETF TLS list for the PRF of TLS 1.2.
PRF_VECTORS = [
    (
        ("sha256",),
        "9bbe436ba940f017b17652849a71db35",
        "a0ba9f936cda311827a6f796ffd5198c",
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9",
    ),
    (
        ("sha384",),
        "b80b733d6ceefcdc71566ea48e5567df",
        "cd665cf6a8447dd6ff8b27555edb7465",
        "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe3",
    ),
]


@pytest.mark.parametrize(("hashes", "secret", "seed", "expected"), PRF_VECTORS)
def test_prf_of_tls_1_2(hashes, secret, seed, expected):
    output = prf(hashes, bytes.fromhex(secret), b"test label", bytes.fromhex(seed), 40)
    assert output.hex() == expected


def test_prf_of_tls_1_0_splits_the_secret_and_shares_its_middle_byte():
    secret = b"abcde"
    left = prf(("md5",), b"abc", b"label", b"seed", 50)
    right = prf(("sha1",), b"cde", b"label", b"seed", 50)
    combined = prf(("md5", "sha1"), secret, b"label", b"seed", 50)
    assert combined == bytes(a ^ b for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(
    ("version", "code", "sizes"),
    [
        (TlsVersion.TLS12, 0x009C, (0, 16, 4)),
        (TlsVersion.TLS12, 0xCCA8, (0, 32, 12)),
        (TlsVersion.TLS12, 0xC028, (48, 32, 0)),
        (TlsVersion.TLS11, 0x002F, (20, 16, 0)),
        (TlsVersion.TLS10, 0x002F, (20, 16, 16)),
        (TlsVersion.TLS10, 0x000A, (20, 24, 8)),
        (TlsVersion.TLS12, 0x003B, (32, 0, 0)),
    ],
)
def test_key_block_is_shared_out_in_order(version, code, sizes):
    chosen = suite(code)
    hashes = (chosen.hash,) if version is TlsVersion.TLS12 else ("md5", "sha1")
    client, server = key_block(chosen, version, bytes(48), b"C" * 32, b"S" * 32)
    assert tuple(map(len, client)) == tuple(map(len, server)) == sizes
    joined = b"".join(part for pair in zip(client, server, strict=True) for part in pair)
    seed = b"S" * 32 + b"C" * 32
    assert joined == prf(hashes, bytes(48), b"key expansion", seed, 2 * sum(sizes))


def test_available_knows_what_is_missing():
    assert available("sha256", "sha384", "sha1")
    assert not available("sha256", "no-such-hash")
