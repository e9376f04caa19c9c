"""Ephemeral identities and those read from files."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tlsclose.errors import UsageError
from tlsclose.providers import identity
from tlsclose.providers.identity import ephemeral, load


@pytest.fixture(scope="module")
def ours():
    return ephemeral()


@pytest.fixture
def files(tmp_path, ours):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_bytes(ours.certificate)
    key.write_bytes(ours.key)
    return certificate, key


def own_names(made) -> tuple[list[str], list[str]]:
    certificate = x509.load_pem_x509_certificate(made.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return names.get_values_for_type(x509.DNSName), addresses


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("box-7.example", ["localhost", "box-7.example"]),
        ("localhost", ["localhost"]),
        ("", ["localhost"]),
        ("bad_name", ["localhost"]),
        ("-x", ["localhost"]),
        ("ä", ["localhost"]),
    ],
)
def test_ephemeral_is_for_this_machine(monkeypatch, host, names):
    monkeypatch.setattr(identity.platform, "node", lambda: host)
    assert own_names(ephemeral()) == (names, ["127.0.0.1", "::1"])


def test_ephemeral_is_valid_now_and_new_each_time(ours):
    certificate = x509.load_pem_x509_certificate(ours.certificate)
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc
    assert ephemeral().certificate != ours.certificate


def test_the_key_is_not_in_the_representation(ours):
    assert "PRIVATE" not in repr(ours)


def test_load_gives_what_the_files_hold(files, ours):
    assert load(*files) == ours


def test_one_file_may_hold_both(tmp_path, ours):
    path = tmp_path / "both.pem"
    path.write_bytes(ours.key + ours.certificate)
    assert load(path).certificate == path.read_bytes()


def test_a_chain_is_kept(files, ours):
    certificate, key = files
    certificate.write_bytes(ours.certificate + ephemeral().certificate)
    assert load(certificate, key).certificate.count(b"BEGIN CERTIFICATE") == 2


def _damage(what, files, ours):  # noqa: C901
    certificate, key = files
    match what:
        case "no certificate file":
            certificate.unlink()
        case "no key file":
            key.unlink()
        case "certificate is a folder":
            certificate.unlink()
            certificate.mkdir()
        case "certificate is not PEM":
            certificate.write_bytes(b"\x30\x82junk")
        case "certificate is damaged":
            certificate.write_bytes(ours.certificate[:100] + b"!!" + ours.certificate[102:])
        case "key is not PEM":
            key.write_bytes(b"junk")
        case "key is a certificate":
            key.write_bytes(ours.certificate)
        case "key of another":
            key.write_bytes(ephemeral().key)
        case "key is encrypted":
            key.write_bytes(_encrypted())
        case "too large":
            certificate.write_bytes(b"x" * (identity.MAX_PEM_BYTES + 1))


def _encrypted() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("no certificate file", "cannot read .*c.pem: No such file"),
        ("no key file", "cannot read .*k.pem: No such file"),
        ("certificate is a folder", "cannot read .*c.pem: (Is a directory|Permission denied)"),
        ("certificate is not PEM", "no PEM certificate in .*c.pem"),
        ("certificate is damaged", "no PEM certificate in .*c.pem"),
        ("key is not PEM", "no usable PEM private key in .*k.pem"),
        ("key is a certificate", "no usable PEM private key in .*k.pem"),
        ("key of another", "the key in .*k.pem does not match the certificate in .*c.pem"),
        ("key is encrypted", "k.pem is encrypted"),
        ("too large", "too large"),
    ],
)
def test_bad_files_are_one_line_usage_errors(files, ours, what, says):
    _damage(what, files, ours)
    with pytest.raises(UsageError, match=says) as caught:
        load(*files)
    assert "\n" not in str(caught.value)
