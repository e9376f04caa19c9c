"""Which names a certificate is valid for (RFC 9525 section 6.3)."""

from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.providers.pair import IDENTITY
from tlsclose.providers._names import ascii_name, mismatch

OWN = x509.load_pem_x509_certificate(IDENTITY.certificate)


def certificate(*names: x509.GeneralName) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        subject_name=OWN.subject,
        issuer_name=OWN.subject,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=OWN.not_valid_before_utc,
        not_valid_after=OWN.not_valid_after_utc,
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize(
    ("pattern", "name", "valid"),
    [
        ("example.org", "example.org", True),
        ("Example.ORG", "eXample.org", True),
        ("example.org", "www.example.org", False),
        ("*.example.org", "www.example.org", True),
        ("*.example.org", "a.b.example.org", False),
        ("*.example.org", "example.org", False),
        ("*.example.org", ".example.org", False),
        ("*.org", "example.org", False),
        ("w*.example.org", "www.example.org", False),
        ("*", "localhost", False),
        ("localhost", "localhost", True),
        ("127.0.0.1", "127.0.0.1", False),
    ],
)
def test_dns_names(pattern, name, valid):
    assert (mismatch(certificate(x509.DNSName(pattern)), name) == "") is valid


@pytest.mark.parametrize(
    ("address", "name", "valid"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("::1", "0:0::1", True),
        ("fe80::1", "fe80::1%eth0", True),
    ],
)
def test_addresses(address, name, valid):
    made = certificate(x509.IPAddress(ip_address(address)))
    assert (mismatch(made, name) == "") is valid


def test_the_subject_does_not_count():
    assert "names no host" in mismatch(certificate(), "tlsclose ephemeral")


@pytest.mark.parametrize(
    ("name", "spelt"),
    [("example.org.", "example.org"), ("bücher.example", "xn--bcher-kva.example"), ("A_b", "A_b")],
)
def test_names_as_sni_spells_them(name, spelt):
    assert ascii_name(name) == spelt
