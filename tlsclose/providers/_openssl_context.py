"""From what the user chose to an OpenSSL.SSL.Context, and the witness that its callbacks fill.

One Context serves all connections of a run in one role: making one costs about a millisecond, and
five more with the system's trust roots. Its callbacks get the Connection they are called for; each
Connection carries its own `Witness` as application data. A Witness knows no Connection, so nothing
keeps one alive but its owner.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.bindings.openssl.binding import Binding
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto

from tlsclose.core.alert import Alert
from tlsclose.core.event import Side
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import CertificateCheck
from tlsclose.errors import UsageError
from tlsclose.providers._names import address_of, mismatch, protocol_names
from tlsclose.providers.base import Identity, ProviderAlert, TlsSettings
from tlsclose.providers.identity import opened

MAX_ALERTS: Final = 64
"""Alerts remembered of one connection; from then on the newest replaces the last."""

_VERSIONS: Final = {
    TlsVersion.TLS10: SSL.TLS1_VERSION,
    TlsVersion.TLS11: SSL.TLS1_1_VERSION,
    TlsVersion.TLS12: SSL.TLS1_2_VERSION,
    TlsVersion.TLS13: SSL.TLS1_3_VERSION,
}

_LIB: Final = Binding.lib

_NAME_FUNCTIONS: Final = (
    "SSL_get0_param",
    "X509_VERIFY_PARAM_set1_host",
    "X509_VERIFY_PARAM_set1_ip",
)

_NAME_CODES: Final = frozenset(
    {
        SSL.X509VerificationCodes.ERR_HOSTNAME_MISMATCH,
        SSL.X509VerificationCodes.ERR_IP_ADDRESS_MISMATCH,
    }
)

_Verifier = Callable[[SSL.Connection, crypto.X509, int, int, int], bool]


@dataclass(slots=True, kw_only=True)
class Witness:
    """What the callbacks saw of one connection."""

    us: Side
    name: str | None = None
    """The name or address that the peer's certificate has to be valid for."""
    alerts: list[ProviderAlert] = field(default_factory=list)
    keylog: list[str] = field(default_factory=list)
    """Lines not yet handed to the sink: a callback must not raise, a sink may."""
    chain_error: str | None = None
    """The first error of the chain; empty once a certificate was looked at without one."""
    name_error: str | None = None
    """None until the peer's own certificate was looked at."""

    @property
    def certificate(self) -> CertificateCheck:
        if self.chain_error is None:
            return CertificateCheck(ok=None)
        errors = [error for error in (self.chain_error, self.name_error) if error]
        return CertificateCheck(ok=not errors, error="; ".join(errors))


def client_context(settings: TlsSettings) -> SSL.Context:
    """Raises UsageError for settings that OpenSSL refuses."""
    context = _context(settings)
    if settings.cafile is None:
        context.set_default_verify_paths()
    if settings.alpn:
        context.set_alpn_protos(protocol_names(settings.alpn))
    context.set_verify(SSL.VERIFY_PEER, _verifier(fatal=settings.verify))
    return context


def server_context(settings: TlsSettings) -> SSL.Context:
    """Asks for a client certificate only where there is a CA file to judge it by.

    Raises UsageError for settings that OpenSSL refuses.
    """
    context = _context(settings)
    context.set_session_id(b"tlsclose")
    if settings.alpn:
        context.set_alpn_select_callback(_selector(protocol_names(settings.alpn)))
    if settings.cafile is not None:
        context.load_client_ca(bytes(settings.cafile))
        required = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if settings.verify else 0
        context.set_verify(SSL.VERIFY_PEER | required, _verifier(fatal=settings.verify))
    return context


def _context(settings: TlsSettings) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    # Renegotiation would make writing wait for reading; OpenSSL declines it with a warning alert.
    context.set_options(SSL.OP_NO_RENEGOTIATION)
    # Tickets stay on, for peers see them; the cache in memory would grow with every connection.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    _set_version(context, settings.version)
    if settings.ciphers:
        _set_ciphers(context, settings.ciphers)
    if settings.identity is not None:
        _set_identity(context, settings.identity)
    if settings.cafile is not None:
        _set_roots(context, settings.cafile)
    context.set_info_callback(_on_info)
    context.set_keylog_callback(_on_keylog)
    return context


def _set_version(context: SSL.Context, version: TlsVersion | None) -> None:
    if version is not None and version not in _VERSIONS:
        raise UsageError(f"OpenSSL does not speak TLS version {version}")
    context.set_min_proto_version(_VERSIONS[version or TlsVersion.TLS12])
    context.set_max_proto_version(_VERSIONS[version or TlsVersion.TLS13])


def _set_ciphers(context: SSL.Context, ciphers: str) -> None:
    """TLS 1.3 suites are those named TLS_...; the rest, `@SECLEVEL=n` included, is a cipher list.

    A list of one kind leaves the other kind, and with it that TLS version, as it is.
    """
    names = [name for name in re.split(r"[:, ]+", ciphers) if name]
    suites = [name for name in names if name.startswith("TLS_")]
    others = [name for name in names if not name.startswith("TLS_")]
    try:
        if suites:
            context.set_tls13_ciphersuites(":".join(suites).encode())
        if others or not suites:
            context.set_cipher_list(":".join(others).encode())
    except SSL.Error as error:
        raise UsageError(f"OpenSSL knows no cipher in {ciphers!r}: {reasons(error)}") from error


def _set_identity(context: SSL.Context, identity: Identity) -> None:
    identity = opened(identity)
    try:
        own, *chain = x509.load_pem_x509_certificates(identity.certificate)
        key = serialization.load_pem_private_key(identity.key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError("the certificate and key are not usable PEM") from error
    try:
        context.use_certificate(own)
        for issuer in chain:
            context.add_extra_chain_cert(issuer)
        context.use_privatekey(key)  # type: ignore[arg-type]
        context.check_privatekey()
    except (SSL.Error, TypeError) as error:
        detail = reasons(error) if isinstance(error, SSL.Error) else "not a key for TLS"
        raise UsageError(f"OpenSSL refuses the certificate or its key: {detail}") from error


def _set_roots(context: SSL.Context, cafile: Path) -> None:
    try:
        with cafile.open("rb"):
            context.load_verify_locations(bytes(cafile))
    except OSError as error:
        raise UsageError(f"cannot read CA file {cafile}: {error.strerror}") from error
    except SSL.Error as error:
        raise UsageError(f"no PEM certificate in CA file {cafile}") from error


def _selector(ours: list[bytes]) -> Callable[[SSL.Connection, list[bytes]], Any]:
    def select(_: SSL.Connection, offered: list[bytes]) -> Any:  # noqa: ANN401
        return next((name for name in ours if name in offered), SSL.NO_OVERLAPPING_PROTOCOLS)

    return select


def _verifier(*, fatal: bool) -> _Verifier:
    def verify(
        connection: SSL.Connection, certificate: crypto.X509, code: int, depth: int, ok: int
    ) -> bool:
        witness: Witness = connection.get_app_data()
        if not witness.chain_error:
            fine = ok or code in _NAME_CODES
            witness.chain_error = "" if fine else f"{_verify_error(code)} (depth {depth})"
        if depth == 0 and witness.name_error is None:
            witness.name_error = _name_error(certificate, witness.name)
        return not fatal or bool(ok and not witness.name_error)

    return verify


def _name_error(certificate: crypto.X509, name: str | None) -> str:
    if name is None:
        return ""
    try:
        return mismatch(certificate.to_cryptography(), name)
    except ValueError:
        return "certificate cannot be read"


def _on_info(connection: SSL.Connection, where: int, code: int) -> None:
    if not where & SSL.SSL_CB_ALERT:
        return
    witness: Witness = connection.get_app_data()
    sender = witness.us if where & SSL.SSL_CB_WRITE else witness.us.other
    if len(witness.alerts) == MAX_ALERTS:
        witness.alerts.pop()
    alert = Alert(level=code >> 8, description=code & 0xFF)
    witness.alerts.append(ProviderAlert(sender=sender, alert=alert))


def _on_keylog(connection: SSL.Connection, line: bytes) -> None:
    witness: Witness = connection.get_app_data()
    witness.keylog.append(line.decode("ascii"))


def _verify_error(code: int) -> str:
    text: bytes = Binding.ffi.string(_LIB.X509_verify_cert_error_string(code))
    return text.decode("ascii", "replace")


def demand_name(connection: SSL.Connection, name: str) -> None:
    """Let OpenSSL itself refuse a certificate for another name, with the alert that fits.

    pyOpenSSL has no public call for it. Without the bindings our own check still refuses, and the
    alert is internal_error.
    """
    handle = getattr(connection, "_ssl", None)
    if handle is None or not all(hasattr(_LIB, function) for function in _NAME_FUNCTIONS):
        return
    address = address_of(name)
    expected = name.encode("ascii") if address is None else address.packed
    parameters = _LIB.SSL_get0_param(handle)
    if address is None:
        _LIB.X509_VERIFY_PARAM_set1_host(parameters, expected, len(expected))
    else:
        _LIB.X509_VERIFY_PARAM_set1_ip(parameters, expected, len(expected))


def session_reused(connection: SSL.Connection) -> bool:
    """Whether the handshake resumed a session; pyOpenSSL has no public call for it."""
    reused = getattr(_LIB, "SSL_session_reused", None)
    handle = getattr(connection, "_ssl", None)
    return reused is not None and handle is not None and reused(handle) == 1


def reasons(error: SSL.Error) -> str:
    """The reasons in OpenSSL's error queue, one line; the first is the root."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    texts = [entry[2] or entry[0] for entry in queue if any(entry)]
    return ": ".join(dict.fromkeys(texts)) or "no reason given"
