"""Schannel's own affairs: credentials and why they are refused, certificates, what is left behind.

Needs Windows, or Wine. `windows` marks what only a real Windows can show.
"""

import os
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.providers.pair import (
    EXPIRED,
    IDENTITY,
    OK,
    alert_names,
    connected,
    held,
    make_pair,
    notify,
    read_all,
    sealed,
    settings,
    shake,
)
from tests.schannel import decrypt_status
from tlsclose.core.alert import Alert
from tlsclose.core.procedure import Procedure
from tlsclose.core.record import TlsVersion
from tlsclose.core.status import SecStatus
from tlsclose.errors import UsageError
from tlsclose.providers import identity
from tlsclose.providers._ledger import LEDGER
from tlsclose.providers.base import Identity, TlsSettings
from tlsclose.providers.openssl import OpenSSLProvider
from tlsclose.providers.registry import provider as make_provider

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="needs Windows, or Wine")

NEWEST = max(decrypt_status.spoken())
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def told_as_windows_tells():
    if sys.platform == "win32":
        decrypt_status.install()


def schannel(**more):
    return make_provider("schannel", settings(NEWEST, **more))


def openssl(**more):
    return OpenSSLProvider(settings(NEWEST, **more))


def pfx(key, *, password=PASSWORD):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    certificate = identity._self_signed(key)
    encryption = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(b"n", key, certificate, None, encryption)


class TestRefusals:
    @pytest.mark.parametrize(
        ("broken", "says"),
        [
            (lambda: Identity(certificate=b"junk", key=IDENTITY.key), "not usable PEM"),
            (lambda: Identity(certificate=IDENTITY.certificate, key=b"junk"), "not usable PEM"),
            (
                lambda: Identity(
                    certificate=IDENTITY.certificate, key=identity.ephemeral(rsa=True).key
                ),
                "does not fit",
            ),
            (lambda: Identity(pfx=b"junk", password=""), "PFXImportCertStore"),
        ],
        ids=["certificate", "key", "another's key", "pfx"],
    )
    def test_a_broken_identity(self, broken, says):
        before = held()
        with pytest.raises(UsageError, match=says) as caught:
            make_provider("schannel", TlsSettings(identity=broken()))
        assert "\n" not in str(caught.value)
        assert LEDGER.live() == before

    def test_a_wrong_password_by_name_and_number(self):
        wrong = Identity(pfx=pfx(identity._rsa_key()), password="wrong")
        before = held()
        with pytest.raises(UsageError, match="PFXImportCertStore: ") as caught:
            make_provider("schannel", TlsSettings(identity=wrong))
        assert "wrong password" in str(caught.value)
        assert "--pass" in str(caught.value)
        assert LEDGER.live() == before
        if not decrypt_status.under_wine():
            assert "ERROR_INVALID_PASSWORD 0x80070056" in str(caught.value)

    def test_a_pfx_with_its_password(self):
        ours = Identity(pfx=pfx(identity._rsa_key()), password=PASSWORD)
        server = make_provider("schannel", TlsSettings(version=NEWEST, identity=ours))
        connected(openssl(), server_provider=server)

    def test_ciphers_are_not_ours_to_choose(self):
        with pytest.raises(UsageError, match="takes no --ciphers"):
            schannel(ciphers="AES128-SHA")

    def test_other_versions(self):
        with pytest.raises(UsageError, match=r"not 1\.0"):
            make_provider("schannel", TlsSettings(version=TlsVersion.TLS10))

    def test_refused_credentials_by_name_and_number(self, monkeypatch):
        provider = schannel()
        refuse = lambda *_: 0x80090331  # noqa: E731
        monkeypatch.setattr(provider._functions, "AcquireCredentialsHandleW", refuse)
        before = held()
        with pytest.raises(UsageError, match="SEC_E_ALGORITHM_MISMATCH 0x80090331") as caught:
            provider.server(print)
        assert "turned it off" in str(caught.value)
        assert "Get-TlsCipherSuite" in str(caught.value)
        assert LEDGER.live() == before

    @pytest.mark.parametrize("which", ["missing", "folder", "empty"])
    def test_a_bad_cafile(self, tmp_path, which):
        path = tmp_path / "roots.pem"
        if which == "empty":
            path.write_text("nothing here")
        with pytest.raises(UsageError, match="CA file"):
            schannel(cafile=tmp_path if which == "folder" else path)


class TestCertificates:
    def test_a_chain_of_no_trusted_root(self):
        check = connected(schannel()).client.certificate
        assert check.ok is False
        assert "root that is not trusted" in check.error

    def test_a_root_of_our_own(self, tmp_path):
        path = tmp_path / "roots.pem"
        path.write_bytes(IDENTITY.certificate)
        client = make_provider("schannel", TlsSettings(version=NEWEST, cafile=path))
        assert connected(client, server_provider=openssl()).client.certificate.ok is True

    def test_another_name(self, tmp_path):
        path = tmp_path / "roots.pem"
        path.write_bytes(IDENTITY.certificate)
        client = make_provider("schannel", TlsSettings(version=NEWEST, cafile=path))
        pair = connected(client, name="other.example", server_provider=openssl())
        assert pair.client.certificate.error == "certificate is not valid for other.example"

    def test_with_verify_it_is_fatal_and_the_server_hears_of_it(self):
        client = schannel(verify=True)
        server = openssl()
        pair = make_pair(client, server_provider=server)
        assert shake(pair)[0] is SecStatus.SEC_E_UNTRUSTED_ROOT
        assert alert_names(pair.client) == ["client unknown_ca"]
        assert alert_names(pair.server) == ["client unknown_ca"]
        assert "certificate verify failed" in pair.client.error

    @pytest.mark.parametrize("verify", [False, True])
    def test_a_client_certificate(self, tmp_path, verify):
        path = tmp_path / "roots.pem"
        path.write_bytes(IDENTITY.certificate)
        server = openssl(cafile=path, verify=verify)
        pair = connected(schannel(), server_provider=server)
        assert pair.server.certificate.ok is True

    def test_a_server_that_asks_and_a_client_that_has_none(self, tmp_path):
        path = tmp_path / "roots.pem"
        path.write_bytes(IDENTITY.certificate)
        client = make_provider("schannel", TlsSettings(version=NEWEST))
        pair = connected(client, server_provider=openssl(cafile=path))
        assert pair.server.certificate.ok is None


@pytest.mark.parametrize("alert", [Alert(1, 90), Alert(2, 80)], ids=str)
def test_any_alert_is_sent(alert):
    pair = connected(schannel(), server_provider=openssl())
    assert pair.client.apply_alert(alert) is OK
    status, output, _ = pair.client.handshake(b"")
    assert (status, bool(output)) == (OK, True)
    pair.server.decrypt(output)
    assert alert_names(pair.server) == [f"client {alert.name}"]


def test_a_fatal_alert_ends_it():
    pair = connected(schannel(), server_provider=openssl())
    bad = bytearray(sealed(pair.client, b"damaged"))
    bad[-1] ^= 1
    assert pair.server.decrypt(bytes(bad))[0].failed
    status, data, _ = pair.client.decrypt(pair.server.pending_output())
    assert (status.failed, data) == (True, b"")
    assert f"{status.name} 0x{status.value:08X}" in pair.client.error
    assert pair.client.encrypt(b"x") == (status, b"")


class TestWithOpenSSL:
    """Two engines at the ends of one connection."""

    @pytest.fixture(params=["schannel client", "schannel server"])
    def pair(self, request):
        if request.param == "schannel client":
            return connected(schannel(), server_provider=openssl())
        return connected(openssl(), server_provider=schannel())

    def test_data_and_close(self, pair):
        for ours, peer in (pair.ends, pair.ends[::-1]):
            assert read_all(peer, sealed(ours, b"x" * 40_000))[1] == b"x" * 40_000
        token = sealed(pair.client, b"bye") + notify(pair.client)[1]
        assert read_all(pair.server, token) == (EXPIRED, b"bye")
        assert read_all(pair.client, notify(pair.server)[1]) == (EXPIRED, b"")

    def test_facts_agree(self, pair):
        assert pair.client.tls.version == pair.server.tls.version == NEWEST
        assert pair.server.tls.sni == "localhost"

    def test_resumption_tickets_are_fed_back(self, pair):
        assert read_all(pair.client, sealed(pair.server, b"after tickets"))[1] == b"after tickets"


ENDINGS = ["nothing", "hello", "flight", "up", "data", "notified", "closed", "garbage"]


def _leave_at(ending: str, pair) -> None:
    """Bring a connection so far, and leave it there."""
    client, server = pair.ends
    if ending == "nothing":
        return
    hello = client.handshake(b"")[1]
    if ending == "hello":
        return
    if ending == "garbage":
        client.handshake(b"\x15\x03\x03\x00\x02\x02\x28")
        server.handshake(b"\x16\x03\x03\x00\x04junk")
        return
    flight = server.handshake(hello)[1]
    if ending == "flight":
        return
    server.handshake(client.handshake(flight)[1])
    if ending in ("data", "notified", "closed"):
        read_all(server, client.encrypt(b"x")[1])
    if ending in ("notified", "closed"):
        closing = notify(client)[1]
        if ending == "closed":
            read_all(server, closing)


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "dropped"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_left_wherever_it_ends(ending, deleted):
    provider = schannel()
    before = held()
    pair = make_pair(provider)
    _leave_at(ending, pair)
    if deleted:
        procedure = Procedure(pair.client, send=len, clock=lambda: 0)
        procedure.delete()
        assert "FreeCredentialsHandle SEC_E_OK 0x00000000" in procedure.steps[0].native
        pair.server.delete()
    else:
        del pair
    assert LEDGER.live() == before


def test_a_key_outlives_its_provider_as_long_as_a_connection_needs_it():
    before = held()
    pair = make_pair(schannel())
    assert LEDGER.live()["certificate store"] == before.get("certificate store", 0) + 1
    assert shake(pair) == (OK, OK)
    for context in pair.ends:
        context.delete()
    assert LEDGER.live() == before


def _handles() -> int:
    import ctypes

    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    kernel32.GetProcessHandleCount.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint32)]
    count = ctypes.c_uint32()
    assert kernel32.GetProcessHandleCount(kernel32.GetCurrentProcess(), ctypes.byref(count))
    return count.value


@pytest.mark.timeout(600)
def test_a_thousand_connections_leave_no_handle_and_no_buffer():
    provider = schannel()

    def one() -> None:
        pair = connected(provider)
        read_all(pair.server, sealed(pair.client, b"request") + notify(pair.client)[1])
        read_all(pair.client, notify(pair.server)[1])
        pair.client.delete()
        pair.server.delete()

    for _ in range(10):
        one()
    live, before, handles = held(), LEDGER.taken(), _handles()
    for _ in range(1000):
        one()
    assert LEDGER.live() == live
    taken = {kind: count - before.get(kind, 0) for kind, count in LEDGER.taken().items()}
    assert (taken["context"], taken["credential"]) == (2000, 2000)
    assert taken["buffer"] >= 4000
    assert _handles() <= handles + 10


@pytest.mark.windows
class TestOnlyWindows:
    """What Wine cannot show: the statuses that Windows itself returns."""

    def test_close_notify_is_sec_i_context_expired(self):
        pair = connected(schannel())
        assert pair.server.decrypt(notify(pair.client)[1])[0] is EXPIRED
        assert pair.server.last_call.native.startswith("SEC_I_CONTEXT_EXPIRED 0x00090317")

    def test_a_ticket_is_sec_i_renegotiate_and_all_goes_on(self):
        pair = make_pair(
            make_provider("schannel", settings(TlsVersion.TLS13)),
            server_provider=OpenSSLProvider(settings(TlsVersion.TLS13)),
        )
        hello = pair.client.handshake(b"")[1]
        finished = pair.client.handshake(pair.server.handshake(hello)[1])[1]
        tickets = pair.server.handshake(finished)[1]
        statuses = []
        real = pair.client._channel.decrypt
        pair.client._channel.decrypt = lambda token: statuses.append(real(token)) or statuses[-1]
        assert not pair.client.decrypt(tickets)[0].failed
        assert statuses[0].status is SecStatus.SEC_I_RENEGOTIATE
        assert read_all(pair.server, sealed(pair.client, b"still up"))[1] == b"still up"
        assert read_all(pair.client, sealed(pair.server, b"still up"))[1] == b"still up"

    @pytest.mark.parametrize("version", [TlsVersion.TLS12, TlsVersion.TLS13])
    def test_the_credential_chooses_the_version(self, version):
        pair = connected(make_provider("schannel", settings(version)))
        assert pair.client.tls.version == version

    def test_a_damaged_record_is_sec_e_message_altered(self):
        pair = connected(schannel())
        bad = bytearray(sealed(pair.client, b"damaged"))
        bad[-1] ^= 1
        status = pair.server.decrypt(bytes(bad))[0]
        assert status in (SecStatus.SEC_E_MESSAGE_ALTERED, SecStatus.SEC_E_DECRYPT_FAILURE)

    def test_an_expired_certificate(self, tmp_path):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        key = identity._rsa_key()
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        then = datetime.now(UTC) - timedelta(days=9)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(then)
            .not_valid_after(then + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        path = tmp_path / "roots.pem"
        path.write_bytes(pem)
        server = OpenSSLProvider(
            TlsSettings(version=NEWEST, identity=Identity(certificate=pem, key=identity._pem(key)))
        )
        client = make_provider("schannel", TlsSettings(version=NEWEST, cafile=path))
        check = connected(client, server_provider=server).client.certificate
        assert "expired" in check.error

    def test_no_key_container_is_left(self):
        import subprocess

        def containers() -> set[str]:
            done = subprocess.run(
                ["certutil", "-user", "-key", "-csp", "Microsoft Software Key Storage Provider"],
                capture_output=True,
                text=True,
                check=False,
            )
            return set(done.stdout.splitlines())

        before = containers()
        provider = schannel()
        connected(provider)
        provider._own.release()
        assert containers() == before


def test_the_engine_is_named():
    version = schannel().info.version
    assert version.startswith("Schannel")
    assert ("Wine" in version) is decrypt_status.under_wine()
    assert os.linesep not in version
