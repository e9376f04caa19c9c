"""Reading our certificate and key, with the mistakes that users make told apart."""

from pathlib import Path
from typing import Final

from tlsclose.errors import UsageError
from tlsclose.providers.base import Identity

MOST_BYTES: Final = 2**20
"""Of a PEM file."""

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"
_ENCRYPTED: Final = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")


def read_identity(cert: Path | None, key: Path | None) -> Identity | None:
    """The chain in `cert` and the key in `key`, or in `cert` too where `key` is None.

    Raises UsageError where a file cannot be read or is not what it should be.
    """
    if cert is None:
        if key is not None:
            raise UsageError("--key needs --cert, the certificate that goes with it")
        return None
    certificate = _read(cert, "--cert")
    if _CERTIFICATE not in certificate:
        raise UsageError(f"--cert: {str(cert)!r} holds no PEM certificate")
    secret = certificate if key is None else _read(key, "--key")
    if _KEY not in secret:
        where = f"--cert: {str(cert)!r} holds no key; add --key"
        raise UsageError(where if key is None else f"--key: {str(key)!r} holds no PEM private key")
    if any(mark in secret for mark in _ENCRYPTED):
        raise UsageError("the private key is encrypted; decrypt it first with 'openssl pkey'")
    return Identity(certificate=certificate, key=secret)


def _read(path: Path, option: str) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{option}: cannot read {str(path)!r}: {error.strerror}") from None
    if len(text) > MOST_BYTES:
        raise UsageError(f"{option}: {str(path)!r} is too large for a PEM file")
    return text
