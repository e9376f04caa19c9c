"""Record protection of TLS 1.3 (RFC 9846 section 5.2 and 5.3)."""

from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm

from tlsclose.core.event import Side
from tlsclose.core.record import ContentType
from tlsclose.wire.aead import Aead, aead
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.keyschedule import available, next_traffic_secret, traffic_keys
from tlsclose.wire.protection import Epoch, Negotiated, Opened, Protection
from tlsclose.wire.suites import DIGEST_BYTES, NONCE_BYTES, Suite, suite

MAX_BODY_BYTES: Final = 2**14 + 256
_HEADER: Final = Struct("!BHH").pack
_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)

_LABELS: Final = {
    (Side.CLIENT, Epoch.EARLY): "CLIENT_EARLY_TRAFFIC_SECRET",
    (Side.CLIENT, Epoch.HANDSHAKE): "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    (Side.SERVER, Epoch.HANDSHAKE): "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    (Side.CLIENT, Epoch.APPLICATION): "CLIENT_TRAFFIC_SECRET_0",
    (Side.SERVER, Epoch.APPLICATION): "SERVER_TRAFFIC_SECRET_0",
}
"""RFC 9850 section 2.1. A server writes nothing early."""


class Tls13Protection(Protection):
    """One generation of one side's traffic secret."""

    def __init__(self, suite: Suite, secret: bytes, cipher: Aead, iv: bytes, epoch: Epoch) -> None:
        self._suite = suite
        self._secret = secret
        self._cipher = cipher
        self._iv = int.from_bytes(iv, "big")
        self._epoch = epoch

    def open(self, content_type: int, version: int, body: bytes) -> Opened | None:
        if content_type != _APPLICATION_DATA:
            return None
        if not self._suite.tag_bytes < len(body) <= MAX_BODY_BYTES:
            return None
        nonce = (self._iv ^ self.sequence).to_bytes(NONCE_BYTES, "big")
        try:
            inner = self._cipher.decrypt(nonce, body, _HEADER(content_type, version, len(body)))
        except (InvalidTag, UnsupportedAlgorithm):
            return None
        self.sequence += 1
        inner = inner.rstrip(b"\0")
        return Opened(inner[-1], inner[:-1]) if inner else Opened(0, b"")

    def updated(self) -> Protection | None:
        if self._epoch is not Epoch.APPLICATION:
            return None
        return _from_secret(
            self._suite, next_traffic_secret(self._suite, self._secret), self._epoch
        )


def protection(
    negotiated: Negotiated, sender: Side, epoch: Epoch, keys: KeyLog
) -> Protection | None:
    """See `tlsclose.wire.protection.protection`; the version is known to be TLS 1.3."""
    chosen = suite(negotiated.suite)
    label = _LABELS.get((sender, epoch))
    if chosen is None or not chosen.tls13 or label is None or not available(chosen.hash):
        return None
    secret = keys.secret(negotiated.client_random, label)
    if secret is None or len(secret) != DIGEST_BYTES[chosen.hash]:
        return None
    return _from_secret(chosen, secret, epoch)


def _from_secret(chosen: Suite, secret: bytes, epoch: Epoch) -> Protection | None:
    key, iv = traffic_keys(chosen, secret)
    cipher = aead(chosen, key)
    return None if cipher is None else Tls13Protection(chosen, secret, cipher, iv, epoch)
