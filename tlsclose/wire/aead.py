"""The AEAD ciphers of all suites behind one call."""

from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from tlsclose.wire.suites import Bulk, Suite


class Aead(Protocol):
    """Authenticated decryption under one key."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Plaintext of `data`, which ends with its tag. Raises InvalidTag."""
        ...


class _Sm4Gcm:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import SM4
        from cryptography.hazmat.primitives.ciphers.modes import GCM

        decryptor = Cipher(SM4(self._key), GCM(nonce, data[-16:])).decryptor()
        decryptor.authenticate_additional_data(associated_data or b"")
        return decryptor.update(data[:-16]) + decryptor.finalize()


def aead(suite: Suite, key: bytes) -> Aead | None:
    """The suite's cipher under this key; None where the library cannot do it."""
    try:
        match suite.bulk:
            case Bulk.AES_GCM:
                return AESGCM(key)
            case Bulk.AES_CCM | Bulk.AES_CCM_8:
                return AESCCM(key, tag_length=suite.tag_bytes)
            case Bulk.CHACHA20_POLY1305:
                return ChaCha20Poly1305(key)
            case Bulk.SM4_GCM:
                return _Sm4Gcm(key)
            case _:
                return None
    except UnsupportedAlgorithm:
        return None
