"""Cipher suites: how each protects a record, and how long its sealed alert is.

Only suites whose records tlsclose can open are listed; the rest are unknown here.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from tlsclose.core.frozen import dataclass
from tlsclose.core.record import ALERT_BYTES
from tlsclose.wire.suite_codes import CODES


class Bulk(StrEnum):
    """What encrypts the record."""

    NULL = "null"
    AES_CBC = "aes-cbc"
    CAMELLIA_CBC = "camellia-cbc"
    TRIPLE_DES_CBC = "3des-cbc"
    AES_GCM = "aes-gcm"
    AES_CCM = "aes-ccm"
    AES_CCM_8 = "aes-ccm-8"
    CHACHA20_POLY1305 = "chacha20-poly1305"
    SM4_GCM = "sm4-gcm"


class _Shape(NamedTuple):
    fixed_iv: int
    explicit_nonce: int
    tag: int
    block: int


class _Spec(NamedTuple):
    bulk: Bulk
    key: int
    mac: str
    hash: str


DIGEST_BYTES: Final = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sm3": 32}
"""Output length in bytes of each hash, by its `hashlib` name."""

NONCE_BYTES: Final = 12
"""Nonce of every AEAD in use (RFC 9846 section 5.3, RFC 5116)."""

_SHAPES: Final = {
    Bulk.NULL: _Shape(0, 0, 0, 0),
    Bulk.AES_CBC: _Shape(0, 0, 0, 16),
    Bulk.CAMELLIA_CBC: _Shape(0, 0, 0, 16),
    Bulk.TRIPLE_DES_CBC: _Shape(0, 0, 0, 8),
    Bulk.AES_GCM: _Shape(4, 8, 16, 0),
    Bulk.AES_CCM: _Shape(4, 8, 16, 0),
    Bulk.AES_CCM_8: _Shape(4, 8, 8, 0),
    Bulk.CHACHA20_POLY1305: _Shape(12, 0, 16, 0),
    Bulk.SM4_GCM: _Shape(4, 8, 16, 0),
}
"""Up to TLS 1.2 (RFC 5288, 6655, 7905). In TLS 1.3 the whole nonce is fixed."""

_TLS13: Final = {
    0x1301: ("TLS_AES_128_GCM_SHA256", _Spec(Bulk.AES_GCM, 16, "", "sha256")),
    0x1302: ("TLS_AES_256_GCM_SHA384", _Spec(Bulk.AES_GCM, 32, "", "sha384")),
    0x1303: ("TLS_CHACHA20_POLY1305_SHA256", _Spec(Bulk.CHACHA20_POLY1305, 32, "", "sha256")),
    0x1304: ("TLS_AES_128_CCM_SHA256", _Spec(Bulk.AES_CCM, 16, "", "sha256")),
    0x1305: ("TLS_AES_128_CCM_8_SHA256", _Spec(Bulk.AES_CCM_8, 16, "", "sha256")),
    0x00C6: ("TLS_SM4_GCM_SM3", _Spec(Bulk.SM4_GCM, 16, "", "sm3")),
}
"""RFC 9846 appendix B.4 and RFC 8998."""

_SPECS: Final = {
    "AES_128_GCM_SHA256": _Spec(Bulk.AES_GCM, 16, "", "sha256"),
    "AES_256_GCM_SHA384": _Spec(Bulk.AES_GCM, 32, "", "sha384"),
    "AES_128_CCM": _Spec(Bulk.AES_CCM, 16, "", "sha256"),
    "AES_256_CCM": _Spec(Bulk.AES_CCM, 32, "", "sha256"),
    "AES_128_CCM_8": _Spec(Bulk.AES_CCM_8, 16, "", "sha256"),
    "AES_256_CCM_8": _Spec(Bulk.AES_CCM_8, 32, "", "sha256"),
    "AES_128_CCM_SHA256": _Spec(Bulk.AES_CCM, 16, "", "sha256"),
    "AES_128_CCM_8_SHA256": _Spec(Bulk.AES_CCM_8, 16, "", "sha256"),
    "CHACHA20_POLY1305_SHA256": _Spec(Bulk.CHACHA20_POLY1305, 32, "", "sha256"),
    "AES_128_CBC_SHA": _Spec(Bulk.AES_CBC, 16, "sha1", "sha256"),
    "AES_256_CBC_SHA": _Spec(Bulk.AES_CBC, 32, "sha1", "sha256"),
    "AES_128_CBC_SHA256": _Spec(Bulk.AES_CBC, 16, "sha256", "sha256"),
    "AES_256_CBC_SHA256": _Spec(Bulk.AES_CBC, 32, "sha256", "sha256"),
    "AES_256_CBC_SHA384": _Spec(Bulk.AES_CBC, 32, "sha384", "sha384"),
    "CAMELLIA_128_CBC_SHA": _Spec(Bulk.CAMELLIA_CBC, 16, "sha1", "sha256"),
    "CAMELLIA_256_CBC_SHA": _Spec(Bulk.CAMELLIA_CBC, 32, "sha1", "sha256"),
    "CAMELLIA_128_CBC_SHA256": _Spec(Bulk.CAMELLIA_CBC, 16, "sha256", "sha256"),
    "CAMELLIA_256_CBC_SHA256": _Spec(Bulk.CAMELLIA_CBC, 32, "sha256", "sha256"),
    "CAMELLIA_256_CBC_SHA384": _Spec(Bulk.CAMELLIA_CBC, 32, "sha384", "sha384"),
    "3DES_EDE_CBC_SHA": _Spec(Bulk.TRIPLE_DES_CBC, 24, "sha1", "sha256"),
    "NULL_MD5": _Spec(Bulk.NULL, 0, "md5", "sha256"),
    "NULL_SHA": _Spec(Bulk.NULL, 0, "sha1", "sha256"),
    "NULL_SHA256": _Spec(Bulk.NULL, 0, "sha256", "sha256"),
    "NULL_SHA384": _Spec(Bulk.NULL, 0, "sha384", "sha384"),
}
"""By the part of the name after `_WITH_`; the hash is the one of the TLS 1.2 PRF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One cipher suite. Lengths are in bytes; hashes go by their `hashlib` names."""

    code: int
    name: str
    """The IANA name."""
    tls13: bool
    bulk: Bulk
    key_bytes: int
    fixed_iv_bytes: int
    """The part of the nonce that comes from the key schedule."""
    explicit_nonce_bytes: int
    """The part of the nonce that each record of an AEAD suite carries."""
    tag_bytes: int
    block_bytes: int
    """Block of a CBC cipher; 0 for every other."""
    mac: str
    """Hash of the record's HMAC; empty for an AEAD."""
    mac_bytes: int
    hash: str
    """Hash of HKDF (TLS 1.3) or of the PRF (TLS 1.2; 1.0 and 1.1 have their own)."""

    @property
    def aead(self) -> bool:
        return not self.mac


def _suite(code: int, name: str, spec: _Spec, *, tls13: bool) -> Suite:
    shape = _SHAPES[spec.bulk]
    return Suite(
        code=code,
        name=name,
        tls13=tls13,
        bulk=spec.bulk,
        key_bytes=spec.key,
        fixed_iv_bytes=NONCE_BYTES if tls13 else shape.fixed_iv,
        explicit_nonce_bytes=0 if tls13 else shape.explicit_nonce,
        tag_bytes=shape.tag,
        block_bytes=shape.block,
        mac=spec.mac,
        mac_bytes=DIGEST_BYTES.get(spec.mac, 0),
        hash=spec.hash,
    )


CODE_POINTS: Final = (*_TLS13, *(code for codes in CODES.values() for code in codes))
"""Of every suite whose records can be opened."""


@lru_cache(maxsize=512)
def suite(code: int) -> Suite | None:
    """The suite with this IANA code point; None where its records cannot be opened."""
    if code in _TLS13:
        name, spec = _TLS13[code]
        return _suite(code, name, spec, tls13=True)
    for protection, codes in CODES.items():
        if code in codes:
            name = f"TLS_{codes[code]}_WITH_{protection}"
            return _suite(code, name, _SPECS[protection], tls13=False)
    return None


def sealed_alert_bytes(suite: Suite, *, encrypt_then_mac: bool, implicit_iv: bool = False) -> int:
    """Body length in bytes of a record that seals one alert.

    It is the smallest one: senders may add padding in TLS 1.3 and with CBC. `encrypt_then_mac`
    matters for CBC only (RFC 7366), `implicit_iv` is CBC in TLS 1.0.
    """
    if suite.aead:
        inner = ALERT_BYTES + 1 if suite.tls13 else ALERT_BYTES
        return suite.explicit_nonce_bytes + inner + suite.tag_bytes
    if not suite.block_bytes:
        return ALERT_BYTES + suite.mac_bytes
    iv = 0 if implicit_iv else suite.block_bytes
    if encrypt_then_mac:
        return iv + _padded(ALERT_BYTES, suite.block_bytes) + suite.mac_bytes
    return iv + _padded(ALERT_BYTES + suite.mac_bytes, suite.block_bytes)


def _padded(size: int, block: int) -> int:
    """CBC padding is at least the byte that counts it (RFC 5246 section 6.2.3.2)."""
    return (size // block + 1) * block
