"""What is OpenSSL's own: names of calls, certificate checks, settings, the session cache."""

import gc
import subprocess
import sys
import weakref
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from tests.providers.pair import (
    EXPIRED,
    IDENTITY,
    INCOMPLETE,
    OK,
    alert_names,
    connected,
    make_pair,
    notify,
    sealed,
    settings,
    shake,
)
from tlsclose.core.procedure import ControlToken
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import CertificateCheck
from tlsclose.core.status import SecStatus
from tlsclose.errors import UsageError
from tlsclose.providers import identity, openssl
from tlsclose.providers._openssl_context import MAX_ALERTS, Witness, _on_info
from tlsclose.providers.base import Identity, TlsSettings
from tlsclose.providers.openssl import OpenSSLProvider
from tlsclose.providers.registry import NAMES
from tlsclose.providers.registry import provider as make_provider


@pytest.fixture
def provider(version):
    return OpenSSLProvider(settings(version))


@pytest.fixture
def cafile(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(IDENTITY.certificate)
    return path


def last(context) -> tuple[str, SecStatus, str]:
    return context.last_call.call, context.last_call.status, context.last_call.native


def test_the_provider_names_its_library(provider):
    assert provider.info.name == "openssl"
    assert provider.info.version.split()[0] == "OpenSSL"
    assert provider.info.version.split()[1][0].isdigit()


def test_native_names_and_results_of_a_close(provider):
    pair = make_pair(provider)
    pair.client.handshake(b"")
    assert last(pair.client) == (
        "SSL_do_handshake",
        SecStatus.SEC_I_CONTINUE_NEEDED,
        "SSL_ERROR_WANT_READ",
    )
    pair = connected(provider)
    records = sealed(pair.client, b"12345")
    assert last(pair.client) == ("SSL_write", OK, "5")
    pair.server.decrypt(records)
    assert last(pair.server) == ("SSL_read", OK, "5")
    pair.client.apply_control_token(ControlToken.SHUTDOWN)
    assert last(pair.client) == ("SSL_shutdown", OK, "armed")
    _, closing, _ = pair.client.handshake(b"")
    assert last(pair.client) == ("SSL_shutdown", OK, "0")
    pair.server.decrypt(closing)
    assert last(pair.server) == ("SSL_read", EXPIRED, "SSL_ERROR_ZERO_RETURN")
    notify(pair.server)
    assert last(pair.server) == ("SSL_shutdown", EXPIRED, "1")
    pair.server.delete()
    assert last(pair.server) == ("SSL_free", OK, "")


def test_a_close_during_the_handshake_says_why_not(provider):
    client = make_pair(provider).client
    client.handshake(b"")
    client.apply_control_token(ControlToken.SHUTDOWN)
    status, output, _ = client.handshake(b"")
    assert (status, output) == (SecStatus.SEC_E_UNSUPPORTED_FUNCTION, b"")
    assert last(client)[2] == "-1 shutdown while in init"
    assert client.error == "shutdown while in init"


def test_a_peer_that_closes_during_the_handshake():
    client = make_pair(OpenSSLProvider(settings(TlsVersion.TLS12))).client
    client.handshake(b"")
    status, _, _ = client.handshake(b"\x15\x03\x03\x00\x02\x01\x00")
    assert status is EXPIRED
    assert last(client)[2] == "SSL_ERROR_ZERO_RETURN"
    assert alert_names(client) == ["server close_notify"]


def test_a_fatal_alert_during_the_handshake_is_told_in_openssls_words(provider):
    client = make_pair(provider).client
    client.handshake(b"")
    status, output, _ = client.handshake(b"\x15\x03\x03\x00\x02\x02\x47")
    assert status is SecStatus.SEC_E_ALGORITHM_MISMATCH
    assert output == b""
    assert "insufficient security" in client.error
    assert alert_names(client) == ["server insufficient_security"]


def test_plain_http_is_named(provider):
    server = make_pair(provider).server
    status, _, _ = server.handshake(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status.failed
    assert server.error == "http request"


def test_reading_stops_at_the_bound_and_goes_on(monkeypatch, provider):
    monkeypatch.setattr(openssl, "MAX_READ", 32768)
    pair = connected(provider)
    token = sealed(pair.client, b"z" * 100_000)
    sizes = []
    status, data, rest = pair.server.decrypt(token)
    while status is OK:
        sizes.append(len(data))
        status, data, rest = pair.server.decrypt(rest)
    assert status is INCOMPLETE
    assert sum(sizes) == 100_000
    assert max(sizes) == 32768


class TestCertificate:
    def test_untrusted_is_reported_and_not_fatal(self, provider):
        pair = connected(provider)
        assert pair.client.certificate == CertificateCheck(
            ok=False, error="self-signed certificate (depth 0)"
        )
        assert pair.client.tls.certificate == pair.client.certificate
        assert pair.server.certificate == CertificateCheck(ok=None)

    def test_trusted_and_named_is_ok(self, version, cafile):
        provider = OpenSSLProvider(settings(version, cafile=cafile, verify=True))
        for name in ("localhost", "LOCALHOST.", "127.0.0.1", "::1"):
            assert connected(provider, name=name).client.certificate == CertificateCheck(ok=True)

    @pytest.mark.parametrize("name", ["example.org", "127.0.0.2", "host.localhost"])
    def test_a_wrong_name_is_reported(self, version, cafile, name):
        provider = OpenSSLProvider(settings(version, cafile=cafile))
        pair = connected(provider, name=name)
        assert pair.client.certificate == CertificateCheck(
            ok=False, error=f"certificate is not valid for {name}"
        )

    def test_without_a_name_only_the_chain_counts(self, version, cafile):
        provider = OpenSSLProvider(settings(version, cafile=cafile))
        assert connected(provider, name=None).client.certificate.ok

    def test_both_errors_are_told(self, provider):
        error = connected(provider, name="example.org").client.certificate.error
        assert error == (
            "self-signed certificate (depth 0); certificate is not valid for example.org"
        )

    def test_verify_makes_the_chain_fatal(self, version):
        client = OpenSSLProvider(settings(version, verify=True))
        pair = make_pair(client, server_provider=OpenSSLProvider(settings(version)))
        ours, theirs = shake(pair)
        assert ours.failed
        assert theirs.failed
        assert pair.client.error == ("certificate verify failed: self-signed certificate (depth 0)")
        assert pair.client.certificate.ok is False
        assert alert_names(pair.server) == alert_names(pair.client) == ["client unknown_ca"]

    def test_verify_makes_the_name_fatal(self, version, cafile):
        client = OpenSSLProvider(settings(version, cafile=cafile, verify=True))
        server = OpenSSLProvider(settings(version))
        pair = make_pair(client, "example.org", server_provider=server)
        assert shake(pair)[0] is SecStatus.SEC_E_WRONG_PRINCIPAL
        assert pair.client.error == (
            "certificate verify failed: certificate is not valid for example.org"
        )
        assert alert_names(pair.server) == ["client bad_certificate"]

    def test_a_client_certificate_is_asked_for_and_judged_with_a_cafile(self, version, cafile):
        server = OpenSSLProvider(settings(version, cafile=cafile))
        pair = connected(OpenSSLProvider(settings(version)), server_provider=server)
        assert pair.server.certificate == CertificateCheck(ok=True)

    def test_a_missing_client_certificate_is_fatal_only_with_verify(self, version, cafile):
        bare = OpenSSLProvider(TlsSettings(version=version))
        lenient = OpenSSLProvider(settings(version, cafile=cafile))
        pair = connected(bare, server_provider=lenient)
        assert pair.server.certificate == CertificateCheck(ok=None)
        strict = OpenSSLProvider(settings(version, cafile=cafile, verify=True))
        pair = make_pair(bare, server_provider=strict)
        assert shake(pair)[1].failed
        expected = "certificate_required" if version is TlsVersion.TLS13 else "handshake_failure"
        assert alert_names(pair.client) == [f"server {expected}"]

    def test_tls13_tells_the_client_after_its_handshake(self, cafile):
        strict = OpenSSLProvider(settings(TlsVersion.TLS13, cafile=cafile, verify=True))
        bare = OpenSSLProvider(TlsSettings(version=TlsVersion.TLS13))
        pair = make_pair(bare, server_provider=strict)
        assert shake(pair)[0] is SecStatus.SEC_E_ILLEGAL_MESSAGE
        assert "certificate required" in pair.client.error
        assert pair.client.last_call.call == "SSL_read"


class TestSettings:
    @pytest.mark.parametrize(
        ("ciphers", "version", "negotiated"),
        [
            ("TLS_CHACHA20_POLY1305_SHA256", TlsVersion.TLS13, "TLS_CHACHA20_POLY1305_SHA256"),
            (
                "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256",
                TlsVersion.TLS13,
                "TLS_AES_128_GCM_SHA256",
            ),
            (
                "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256",
                TlsVersion.TLS12,
                "ECDHE-ECDSA-AES128-GCM-SHA256",
            ),
            (
                "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0",
                TlsVersion.TLS12,
                "ECDHE-ECDSA-AES256-SHA",
            ),
        ],
    )
    def test_ciphers_choose(self, ciphers, version, negotiated):
        ecdsa = identity.ephemeral(rsa=False)
        provider = OpenSSLProvider(settings(version, ciphers=ciphers, identity=ecdsa))
        assert connected(provider).client.tls.cipher == negotiated

    @pytest.mark.parametrize(
        "ciphers", ["nonsense", "TLS_NONSENSE", ":", "TLS_AES_128_GCM_SHA256:x"]
    )
    def test_unknown_ciphers_are_a_usage_error(self, ciphers):
        with pytest.raises(UsageError, match="knows no cipher") as caught:
            OpenSSLProvider(settings(ciphers=ciphers))
        assert "\n" not in str(caught.value)

    def test_an_unreadable_cafile_is_a_usage_error(self, tmp_path):
        with pytest.raises(UsageError, match="cannot read CA file"):
            OpenSSLProvider(settings(cafile=tmp_path / "missing"))
        with pytest.raises(UsageError, match="cannot read CA file"):
            OpenSSLProvider(settings(cafile=tmp_path))

    def test_a_cafile_without_pem_is_a_usage_error(self, tmp_path):
        path = tmp_path / "empty.pem"
        path.write_text("nothing here")
        with pytest.raises(UsageError, match="no PEM certificate in CA file"):
            OpenSSLProvider(settings(cafile=path))

    @pytest.mark.parametrize("name", ["", "x" * 256])
    def test_alpn_names_have_a_length(self, name):
        with pytest.raises(UsageError, match="ALPN"):
            OpenSSLProvider(settings(alpn=(name,)))

    @pytest.mark.parametrize(
        "broken",
        [
            Identity(certificate=b"junk", key=IDENTITY.key),
            Identity(certificate=IDENTITY.certificate, key=b"junk"),
        ],
    )
    def test_a_broken_identity_is_a_usage_error(self, broken):
        with pytest.raises(UsageError, match="not usable PEM"):
            OpenSSLProvider(TlsSettings(identity=broken))

    def test_ssl3_is_a_usage_error(self):
        with pytest.raises(UsageError, match=r"3\.0"):
            OpenSSLProvider(settings(TlsVersion.SSL3))

    @pytest.mark.posix("Schannel is there on Windows")
    def test_schannel_needs_windows(self):
        assert "schannel" in NAMES
        with pytest.raises(UsageError, match="schannel"):
            make_provider("schannel", settings())

    def test_an_unknown_provider_names_the_known(self):
        with pytest.raises(UsageError, match="openssl"):
            make_provider("nss", settings())


def test_a_hostile_certificate_does_not_stop_the_handshake(version):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "[/]\x1b[31m")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now - timedelta(days=8))
        .add_extension(
            x509.UnrecognizedExtension(
                x509.ObjectIdentifier("2.5.29.17"), b"\x30\x05\x82\x03\xff\xfe\xfd"
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    identity = Identity(
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    pair = connected(
        OpenSSLProvider(settings(version)),
        server_provider=OpenSSLProvider(TlsSettings(version=version, identity=identity)),
    )
    assert pair.client.certificate.ok is False
    assert "names cannot be read" in pair.client.certificate.error


def test_connections_are_freed_with_their_contexts(provider):
    def run_one() -> list[weakref.ref]:
        pair = connected(provider)
        return [weakref.ref(context._connection) for context in pair.ends]

    gc.disable()
    try:
        living = [ref for _ in range(50) for ref in run_one()]
        assert sum(ref() is not None for ref in living) == 0
    finally:
        gc.enable()


def test_the_server_keeps_no_sessions(provider):
    assert provider._for_servers.get_session_cache_mode() == SSL.SESS_CACHE_OFF


def test_a_resumed_session_is_told(version):
    provider = OpenSSLProvider(settings(version))
    first = connected(provider)
    session = first.client._connection.get_session()
    second = make_pair(provider)
    second.client._connection.set_session(session)
    assert shake(second) == (OK, OK)
    assert [context.tls.resumed for context in second.ends] == [True, True]
    assert [context.tls.resumed for context in first.ends] == [False, False]


def test_alerts_remembered_are_bounded(provider):
    connection = SSL.Connection(provider._for_servers, None)
    witness = Witness(us=openssl.Side.SERVER)
    connection.set_app_data(witness)
    for level in range(MAX_ALERTS + 5):
        _on_info(connection, SSL.SSL_CB_READ_ALERT, level << 8 | 90)
    assert len(witness.alerts) == MAX_ALERTS
    assert witness.alerts[-1].alert.level == MAX_ALERTS + 4
    assert witness.alerts[0].sender == "client"


def test_no_warning_reaches_the_user():
    code = (
        "from tlsclose.providers.registry import provider\n"
        "from tlsclose.providers.identity import ephemeral\n"
        "from tlsclose.providers.base import TlsSettings\n"
        "from tests.providers.pair import connected, notify\n"
        "pair = connected(provider('openssl', TlsSettings(identity=ephemeral())))\n"
        "notify(pair.client)\n"
        "pair.client.delete()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_importing_the_registry_imports_no_engine():
    code = (
        "import sys, tlsclose.providers.registry, tlsclose.providers.identity\n"
        "assert not {'OpenSSL', 'cryptography'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
