"""A fresh identity for the peers: one EC certificate for localhost, as PEM and as PKCS#12."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

PASSWORD: Final = "changeit"
LIFETIME: Final = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Where a peer finds its certificate and key."""

    cert: Path
    key: Path
    keystore: Path
    """PKCS#12 under `PASSWORD`, for Java."""


def make_identity(folder: Path) -> Identity:
    """Make a key and a self-signed certificate for localhost in `folder`."""
    key = ec.generate_private_key(ec.SECP256R1())
    cert = _self_signed(key)
    identity = Identity(
        cert=folder / "cert.pem", key=folder / "key.pem", keystore=folder / "identity.p12"
    )
    identity.cert.write_bytes(cert.public_bytes(Encoding.PEM))
    identity.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    identity.keystore.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"peer", key, cert, None, BestAvailableEncryption(PASSWORD.encode())
        )
    )
    return identity


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
            x509.IPAddress(ipaddress.IPv6Address("::1")),
        ]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFETIME)
        .not_valid_after(now + LIFETIME)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
