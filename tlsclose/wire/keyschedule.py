"""From a logged secret to record keys (RFC 9846 section 7, RFC 5246 sections 5 and 6.3).

Secrets come from a key log, so the schedule starts at the traffic secrets of TLS 1.3 and at the
master secret of TLS 1.2; whether that one is an extended master secret makes no difference here.
"""

import hmac
from functools import lru_cache
from typing import Final, NamedTuple

from tlsclose.core.record import TlsVersion
from tlsclose.wire.suites import DIGEST_BYTES, NONCE_BYTES, Suite

MASTER_SECRET_BYTES: Final = 48
_LEGACY_PRF: Final = frozenset({TlsVersion.TLS10, TlsVersion.TLS11})


class DirectionKeys(NamedTuple):
    """What one side writes with, up to TLS 1.2. Parts that a suite does not use are empty."""

    mac: bytes
    key: bytes
    iv: bytes


@lru_cache(maxsize=16)
def available(*hashes: str) -> bool:
    """Whether this Python computes HMAC with all of these (SM3 and MD5 can be missing)."""
    try:
        for name in hashes:
            hmac.digest(b"\0", b"", name)
    except ValueError:
        return False
    return True


def hkdf_expand_label(name: str, secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 9846 section 7.1). `name` is the hash."""
    info = _info(label, length)
    output = block = hmac.digest(secret, info + b"\x01", name)
    counter = 1
    while len(output) < length:
        counter += 1
        block = hmac.digest(secret, block + info + bytes([counter]), name)
        output += block
    return output[:length]


@lru_cache(maxsize=64)
def _info(label: bytes, length: int) -> bytes:
    full = b"tls13 " + label
    return length.to_bytes(2, "big") + bytes([len(full)]) + full + b"\0"


def traffic_keys(suite: Suite, secret: bytes) -> tuple[bytes, bytes]:
    """Write key and IV of a traffic secret (RFC 9846 section 7.3)."""
    key = hkdf_expand_label(suite.hash, secret, b"key", suite.key_bytes)
    return key, hkdf_expand_label(suite.hash, secret, b"iv", NONCE_BYTES)


def next_traffic_secret(suite: Suite, secret: bytes) -> bytes:
    """The application traffic secret after a KeyUpdate (RFC 9846 section 7.2)."""
    return hkdf_expand_label(suite.hash, secret, b"traffic upd", DIGEST_BYTES[suite.hash])


def prf(hashes: tuple[str, ...], secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """The PRF of RFC 5246 section 5 for one hash, of RFC 2246 section 5 for MD5 and SHA-1.

    With two hashes each takes its half of the secret (sharing the middle byte of an odd one) and
    the outputs are combined by XOR.
    """
    if len(hashes) == 1:
        return _p_hash(hashes[0], secret, label + seed, length)
    half = (len(secret) + 1) // 2
    left = _p_hash(hashes[0], secret[:half], label + seed, length)
    right = _p_hash(hashes[1], secret[len(secret) - half :], label + seed, length)
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def prf_hashes(suite: Suite, version: TlsVersion) -> tuple[str, ...]:
    """Which hashes the PRF of this connection runs on."""
    return ("md5", "sha1") if version in _LEGACY_PRF else (suite.hash,)


def key_block(
    suite: Suite, version: TlsVersion, master: bytes, client_random: bytes, server_random: bytes
) -> tuple[DirectionKeys, DirectionKeys]:
    """The client's and the server's write keys (RFC 5246 section 6.3).

    Only TLS 1.0 takes the IV of a CBC suite from here; later versions send it.
    """
    implicit = suite.block_bytes if version is TlsVersion.TLS10 else 0
    sizes = (suite.mac_bytes, suite.key_bytes, suite.fixed_iv_bytes or implicit)
    seed = server_random + client_random
    hashes = prf_hashes(suite, version)
    block = prf(hashes, master, b"key expansion", seed, 2 * sum(sizes))
    parts = []
    for size in sizes:
        parts.append((block[:size], block[size : 2 * size]))
        block = block[2 * size :]
    client, server = zip(*parts, strict=True)
    return DirectionKeys(*client), DirectionKeys(*server)


def _p_hash(name: str, secret: bytes, seed: bytes, length: int) -> bytes:
    output = b""
    step = seed
    while len(output) < length:
        step = hmac.digest(secret, step, name)
        output += hmac.digest(secret, step + seed, name)
    return output[:length]
