"""Record protection of TLS 1.0, 1.1 and 1.2 (RFC 5246 section 6.2.3)."""

import hmac
from abc import abstractmethod
from functools import lru_cache
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from tlsclose.core.event import Side
from tlsclose.core.record import MAX_CIPHERTEXT_BYTES, TlsVersion
from tlsclose.wire.aead import Aead, aead
from tlsclose.wire.keylog import CLIENT_RANDOM, KeyLog
from tlsclose.wire.keyschedule import (
    MASTER_SECRET_BYTES,
    DirectionKeys,
    available,
    key_block,
    prf_hashes,
)
from tlsclose.wire.protection import Epoch, Negotiated, Opened, Protection
from tlsclose.wire.suites import NONCE_BYTES, Bulk, Suite, suite

_HEADER: Final = Struct("!QBHH").pack


class Tls12Protection(Protection):
    """One side's keys, which last until the next ChangeCipherSpec."""

    def __init__(self, suite: Suite, keys: DirectionKeys) -> None:
        self._suite = suite
        self._keys = keys

    def open(self, content_type: int, version: int, body: bytes) -> Opened | None:
        if len(body) > MAX_CIPHERTEXT_BYTES:
            return None
        content = self._content(content_type, version, body)
        if content is None:
            return None
        self.sequence += 1
        return Opened(content_type, content)

    def updated(self) -> Protection | None:
        return None

    @abstractmethod
    def _content(self, content_type: int, version: int, body: bytes) -> bytes | None:
        """The content where `body` authenticates as record number `sequence`."""

    def _header(self, content_type: int, version: int, length: int) -> bytes:
        """What is authenticated ahead of the content (RFC 5246 sections 6.2.3.1 and 6.2.3.3)."""
        return _HEADER(self.sequence, content_type, version, length)

    def _mac(self, header: bytes, content: bytes) -> bytes:
        return hmac.digest(self._keys.mac, header + content, self._suite.mac)


class _AeadProtection(Tls12Protection):
    """GCM and CCM send a part of the nonce (RFC 5288, 6655), ChaCha20 counts (RFC 7905)."""

    def __init__(self, suite: Suite, keys: DirectionKeys, cipher: Aead) -> None:
        super().__init__(suite, keys)
        self._cipher = cipher

    def _content(self, content_type: int, version: int, body: bytes) -> bytes | None:
        explicit = self._suite.explicit_nonce_bytes
        length = len(body) - explicit - self._suite.tag_bytes
        if length < 0:
            return None
        nonce = self._keys.iv + body[:explicit] if explicit else self._counted_nonce()
        header = self._header(content_type, version, length)
        try:
            return self._cipher.decrypt(nonce, body[explicit:], header)
        except (InvalidTag, UnsupportedAlgorithm):
            return None

    def _counted_nonce(self) -> bytes:
        return (int.from_bytes(self._keys.iv, "big") ^ self.sequence).to_bytes(NONCE_BYTES, "big")


class _NullProtection(Tls12Protection):
    """Content in the clear, followed by its MAC (RFC 5246 section 6.2.3.1)."""

    def _content(self, content_type: int, version: int, body: bytes) -> bytes | None:
        length = len(body) - self._suite.mac_bytes
        if length < 0:
            return None
        expected = self._mac(self._header(content_type, version, length), body[:length])
        return body[:length] if hmac.compare_digest(expected, body[length:]) else None


class _CbcProtection(Tls12Protection):
    """MAC, pad, encrypt (RFC 5246 section 6.2.3.2), or encrypt, then MAC (RFC 7366).

    In TLS 1.0 the IV is the last ciphertext block of the record before: after `skip` it is unknown
    and nothing more can be opened.
    """

    def __init__(self, suite: Suite, keys: DirectionKeys, *, encrypt_then_mac: bool) -> None:
        super().__init__(suite, keys)
        self._encrypt_then_mac = encrypt_then_mac
        self._implicit = bool(keys.iv)
        self._iv: bytes | None = keys.iv or None

    def skip(self, count: int = 1) -> None:
        super().skip(count)
        if count:
            self._iv = None

    def _content(self, content_type: int, version: int, body: bytes) -> bytes | None:
        block = self._suite.block_bytes
        sealed, mac = body, b""
        if self._encrypt_then_mac:
            length = len(body) - self._suite.mac_bytes
            if length < 0:
                return None
            sealed, mac = body[:length], body[length:]
            expected = self._mac(self._header(content_type, version, length), sealed)
            if not hmac.compare_digest(expected, mac):
                return None
        iv, blocks = (self._iv, sealed) if self._implicit else (sealed[:block], sealed[block:])
        if iv is None or not blocks or len(blocks) % block:
            return None
        content = _unpadded(self._decrypted(iv, blocks))
        if content is not None and not self._encrypt_then_mac:
            content = self._without_mac(content_type, version, content)
        if content is not None and self._implicit:
            self._iv = blocks[-block:]
        return content

    def _without_mac(self, content_type: int, version: int, content: bytes) -> bytes | None:
        length = len(content) - self._suite.mac_bytes
        if length < 0:
            return None
        expected = self._mac(self._header(content_type, version, length), content[:length])
        return content[:length] if hmac.compare_digest(expected, content[length:]) else None

    def _decrypted(self, iv: bytes, blocks: bytes) -> bytes:
        decryptor = _block_cipher(self._suite.bulk, self._keys.key, iv).decryptor()
        return decryptor.update(blocks) + decryptor.finalize()


def protection(
    negotiated: Negotiated, sender: Side, epoch: Epoch, keys: KeyLog
) -> Protection | None:
    """See `tlsclose.wire.protection.protection`; the version is one from TLS 1.0 to 1.2."""
    chosen = suite(negotiated.suite)
    if chosen is None or epoch is Epoch.EARLY or not _usable(chosen, negotiated.version):
        return None
    master = keys.secret(negotiated.client_random, CLIENT_RANDOM)
    if master is None or len(master) != MASTER_SECRET_BYTES:
        return None
    client, server = _both(
        negotiated.suite,
        negotiated.version,
        master,
        negotiated.client_random,
        negotiated.server_random,
    )
    return _with_keys(chosen, client if sender is Side.CLIENT else server, negotiated)


@lru_cache(maxsize=16)
def _both(
    code: int, version: TlsVersion, master: bytes, client_random: bytes, server_random: bytes
) -> tuple[DirectionKeys, DirectionKeys]:
    """Both sides' keys: the second side asks soon after the first."""
    chosen = suite(code)
    assert chosen is not None
    return key_block(chosen, version, master, client_random, server_random)


def _usable(chosen: Suite, version: TlsVersion) -> bool:
    if chosen.tls13 or (chosen.aead and version is not TlsVersion.TLS12):
        return False
    macs = (chosen.mac,) if chosen.mac else ()
    return available(*prf_hashes(chosen, version), *macs)


def _with_keys(chosen: Suite, keys: DirectionKeys, negotiated: Negotiated) -> Protection | None:
    if chosen.aead:
        cipher = aead(chosen, keys.key)
        return None if cipher is None else _AeadProtection(chosen, keys, cipher)
    if not chosen.block_bytes:
        return _NullProtection(chosen, keys)
    try:
        _block_cipher(chosen.bulk, keys.key, bytes(chosen.block_bytes)).decryptor()
    except UnsupportedAlgorithm:
        return None
    return _CbcProtection(chosen, keys, encrypt_then_mac=negotiated.encrypt_then_mac)


def _unpadded(padded: bytes) -> bytes | None:
    """Strip the padding: `n` bytes and their count, all of the value `n`."""
    size = padded[-1] + 1
    if padded[-size:] != padded[-1:] * size:
        return None
    return padded[:-size]


def _block_cipher(bulk: Bulk, key: bytes, iv: bytes) -> Cipher[CBC]:
    match bulk:
        case Bulk.CAMELLIA_CBC:
            return Cipher(_camellia(key), CBC(iv))
        case Bulk.TRIPLE_DES_CBC:
            from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES

            return Cipher(TripleDES(key), CBC(iv))
        case _:
            return Cipher(AES(key), CBC(iv))


def _camellia(key: bytes) -> BlockCipherAlgorithm:
    """Camellia from where this release of `cryptography` keeps it."""
    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import Camellia
    except ImportError:
        from cryptography.hazmat.primitives.ciphers.algorithms import Camellia
    return Camellia(key)
