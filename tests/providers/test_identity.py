"""Ephemeral identities and those read from files."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from tlsclose.errors import UsageError
from tlsclose.providers import identity
from tlsclose.providers.base import Identity, TlsSettings
from tlsclose.providers.identity import ephemeral, is_pfx, load, opened
from tlsclose.providers.openssl import OpenSSLProvider


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


def test_an_rsa_identity_where_that_is_asked_for():
    made = ephemeral(rsa=True)
    key = serialization.load_pem_private_key(made.key, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert own_names(made)[0][0] == "localhost"


def _numbers(**bits) -> rsa.RSAPrivateNumbers:
    """Numbers of these lengths: no key, but enough to look at."""
    lengths = {"d": 2047, "dmp1": 1023, "dmq1": 1024, "iqmp": 1024, **bits}
    public = rsa.RSAPublicNumbers(65537, 1 << 2047)
    primes = {"p": 1 << 1023, "q": 1 << 1023}
    numbers = {name: 1 << length - 1 for name, length in lengths.items()}
    return rsa.RSAPrivateNumbers(**numbers, **primes, public_numbers=public)


@pytest.mark.parametrize(
    ("bits", "fills"),
    [
        ({}, True),
        ({"d": 2040}, True),
        ({"d": 2039}, False),
        *(({name: 1016}, True) for name in ("dmp1", "dmq1", "iqmp")),
        *(({name: 1015}, False) for name in ("dmp1", "dmq1", "iqmp")),
    ],
    ids=str,
)
def test_a_key_whose_numbers_are_short_of_their_fields(bits, fills):
    assert identity._fills_its_fields(_numbers(**bits)) is fills


def test_such_a_key_is_not_taken(monkeypatch):
    answers = iter([False, False, True])
    asked = []
    monkeypatch.setattr(identity, "_fills_its_fields", lambda n: asked.append(n) or next(answers))
    assert identity._rsa_key().private_numbers() == asked[2]


class TestPfx:
    PASSWORD = "correct horse"

    @pytest.fixture
    def pfx(self, ours):
        own = x509.load_pem_x509_certificate(ours.certificate)
        key = serialization.load_pem_private_key(ours.key, password=None)
        encryption = serialization.BestAvailableEncryption(self.PASSWORD.encode())
        return pkcs12.serialize_key_and_certificates(None, key, own, None, encryption)

    @pytest.fixture
    def path(self, tmp_path, pfx):
        path = tmp_path / "identity.pfx"
        path.write_bytes(pfx)
        return path

    def test_it_is_told_from_pem_and_from_other_der(self, ours, pfx):
        certificate = x509.load_pem_x509_certificate(ours.certificate)
        other = certificate.public_bytes(serialization.Encoding.DER)
        answers = [is_pfx(data) for data in (pfx, ours.certificate, ours.key, other, b"", b"0")]
        assert answers == [True, False, False, False, False, False]
        assert is_pfx(b"\x30\x80\x02\x01\x03\x30\x80\x06")

    def test_it_stays_closed_until_an_engine_uses_it(self, path, pfx):
        assert load(path, password=self.PASSWORD) == Identity(pfx=pfx, password=self.PASSWORD)
        assert self.PASSWORD not in repr(load(path, password=self.PASSWORD))

    def test_opened_it_is_what_went_in(self, path, ours):
        pem = opened(load(path, password=self.PASSWORD))
        assert pem.certificate == ours.certificate
        assert pem.key == ours.key
        assert opened(ours) is ours

    def test_openssl_takes_it(self, path):
        provider = OpenSSLProvider(TlsSettings(identity=load(path, password=self.PASSWORD)))
        assert provider.server(print).error == ""

    @pytest.mark.parametrize("password", ["", "wrong"])
    def test_a_wrong_password(self, path, password):
        with pytest.raises(UsageError, match=r"cannot open the PFX file .*see --pass") as caught:
            OpenSSLProvider(TlsSettings(identity=load(path, password=password)))
        assert "\n" not in str(caught.value)

    def test_a_damaged_one(self, pfx):
        with pytest.raises(UsageError, match="cannot open the PFX file"):
            opened(Identity(pfx=pfx[:200], password=self.PASSWORD))

    def test_one_without_a_key(self, ours):
        own = x509.load_pem_x509_certificate(ours.certificate)
        bare = pkcs12.serialize_key_and_certificates(
            None, None, None, [own], serialization.NoEncryption()
        )
        with pytest.raises(UsageError, match="no certificate with its private key"):
            opened(Identity(pfx=bare))

    def test_a_key_beside_it_is_one_too_many(self, path, files):
        with pytest.raises(UsageError, match="leave out --key"):
            load(path, files[1], self.PASSWORD)
