"""Certificates with their keys: made for one run, or read from the user's PEM or PFX files."""

import platform
import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tlsclose.errors import UsageError
from tlsclose.providers.base import Identity

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

VALID_FOR: Final = timedelta(days=30)
CLOCK_SKEW: Final = timedelta(days=1)
MAX_PEM_BYTES: Final = 1 << 20
"""Certificate chains are a few KiB; this stops a mistyped path to a large file or a device."""

RSA_BITS: Final = 2048

_SEQUENCE: Final = 0x30
_VERSION_3: Final = b"\x02\x01\x03"
_HOST_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


def ephemeral(*, rsa: bool = False) -> Identity:
    """A fresh self-signed identity for localhost, its addresses and this machine's name.

    Its key is a P-256 one, or an RSA one.
    """
    from cryptography.hazmat.primitives import serialization

    key = _rsa_key() if rsa else _p256_key()
    return Identity(
        certificate=_self_signed(key).public_bytes(serialization.Encoding.PEM),
        key=_pem(key),
    )


def load(certificate: Path, key: Path | None = None, password: str = "") -> Identity:
    """Read a PEM certificate chain, its own certificate first, and its PEM key; or a PFX file.

    Without `key` both are taken from the one file. A PFX is opened by the engine that uses it.
    Raises UsageError where a file cannot be read, is not PEM, is encrypted, or the key is not the
    certificate's.
    """
    key_path = key or certificate
    first = _read(certificate)
    if is_pfx(first):
        if key is not None:
            raise UsageError(f"{certificate} is a PFX file with its key within; leave out --key")
        return Identity(pfx=first, password=password)
    identity = Identity(certificate=first, key=_read(key_path))
    chain = _chain(identity.certificate, certificate)
    private = _private_key(identity.key, key_path)
    if _public_bytes(chain[0].public_key()) != _public_bytes(private.public_key()):
        raise UsageError(f"the key in {key_path} does not match the certificate in {certificate}")
    return identity


def is_pfx(data: bytes) -> bool:
    """Whether this begins as PKCS #12 does: a sequence whose first element is version 3."""
    if len(data) < 8 or data[0] != _SEQUENCE:
        return False
    start = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
    return data[start : start + len(_VERSION_3)] == _VERSION_3


def opened(identity: Identity) -> Identity:
    """The identity as PEM, whichever way it came.

    Raises UsageError for a PFX that cannot be opened or holds no certificate with its key.
    """
    if not identity.pfx:
        return identity
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    password = identity.password.encode() or None
    try:
        key, own, chain = pkcs12.load_key_and_certificates(identity.pfx, password)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"cannot open the PFX file ({_one_line(error)}); see --pass") from error
    if key is None or own is None:
        raise UsageError("the PFX file holds no certificate with its private key")
    pem = b"".join(item.public_bytes(Encoding.PEM) for item in (own, *chain))
    return Identity(certificate=pem, key=_pem(key))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _pem(key: "PrivateKeyTypes") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _p256_key() -> "ec.EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _rsa_key() -> "rsa.RSAPrivateKey":
    """A key that every importer takes: of one in thirty Wine moves a number, and cannot sign."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    while True:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        if _fills_its_fields(key.private_numbers()):
            return key


def _fills_its_fields(numbers: "rsa.RSAPrivateNumbers") -> bool:
    """Whether each number's DER is as long as its field in a Windows key blob, or longer.

    The blob has 256 bytes for the exponent and 128 for the rest; DER has no leading zero bytes
    but the one that keeps a number positive, so a number short of its field by 9 bits is shorter.
    """
    halves = (numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp)
    return numbers.d.bit_length() >= RSA_BITS - 8 and all(
        half.bit_length() >= RSA_BITS // 2 - 8 for half in halves
    )


def _self_signed(key: "ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey") -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tlsclose ephemeral")])
    now = datetime.now(UTC)
    usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    public = key.public_key()
    return (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName(_own_names()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _own_names() -> "list[x509.GeneralName]":
    from cryptography import x509

    names = ["localhost"]
    host = platform.node()
    if _HOST_NAME.fullmatch(host) and host not in names:
        names.append(host)
    return [
        *(x509.DNSName(name) for name in names),
        *(x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")),
    ]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > MAX_PEM_BYTES:
        raise UsageError(f"{path} is too large for a PEM file")
    return data


def _chain(pem: bytes, path: Path) -> "list[x509.Certificate]":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise UsageError(f"no PEM certificate in {path}") from error


def _private_key(pem: bytes, path: Path) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise UsageError(f"the key in {path} is encrypted; decrypt it with openssl pkey") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"no usable PEM private key in {path}; see --key") from error


def _public_bytes(key: "PublicKeyTypes") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
