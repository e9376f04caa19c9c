"""OpenSSL behind the SSPI-shaped interface: pyOpenSSL connections on memory BIOs.

How the calls correspond:

    handshake            SSL_do_handshake; once the shutdown is armed, SSL_shutdown
    apply_control_token  the decision to call SSL_shutdown: nothing reaches OpenSSL yet
    encrypt, decrypt     SSL_write, SSL_read
    delete               SSL_free

SSL_shutdown returns 0 when our close_notify is out and the peer's was not seen (SEC_E_OK) and 1
when both were (SEC_I_CONTEXT_EXPIRED). Called a second time it would start to read and lose data,
so it is called once. End of file is never told to OpenSSL: the socket is a witness of its own.

After a fatal error OpenSSL must not be called again; the context keeps answering with its status.
"""

from functools import cached_property
from typing import Final

from OpenSSL import SSL

from tlsclose.core.event import Side
from tlsclose.core.procedure import CallResult, ControlToken
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import CertificateCheck, ProviderInfo, TlsInfo
from tlsclose.core.status import SecStatus
from tlsclose.errors import UsageError
from tlsclose.providers._alert_status import status_of
from tlsclose.providers._names import address_of, ascii_name
from tlsclose.providers._openssl_context import (
    Witness,
    client_context,
    demand_name,
    reasons,
    server_context,
    session_reused,
)
from tlsclose.providers._record_cutter import RecordCutter
from tlsclose.providers.base import (
    MAX_PLAINTEXT,
    KeyLogSink,
    Provider,
    ProviderAlert,
    SecurityContext,
    TlsSettings,
)

MAX_READ: Final = 1 << 20
"""Plaintext bytes after which one `decrypt` returns although there is more."""

_DRAIN_BYTES: Final = 1 << 16
_VERIFY_FAILED: Final = "certificate verify failed"

_VERSION_BY_NAME: Final = {
    "SSLv3": TlsVersion.SSL3,
    "TLSv1": TlsVersion.TLS10,
    "TLSv1.1": TlsVersion.TLS11,
    "TLSv1.2": TlsVersion.TLS12,
    "TLSv1.3": TlsVersion.TLS13,
}


class OpenSSLProvider(Provider):
    """Contexts of the OpenSSL that pyOpenSSL brings.

    Raises UsageError for settings that OpenSSL refuses, when it is made and not later.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._for_servers = server_context(settings)
        version = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode("ascii", "replace")
        self.info = ProviderInfo(name="openssl", version=" ".join(version.split()[:2]))

    @cached_property
    def _for_clients(self) -> SSL.Context:
        return client_context(self._settings)

    def client(self, server_name: str | None, keylog: KeyLogSink) -> "OpenSSLContext":
        name = server_name
        connection = SSL.Connection(self._for_clients, None)
        if name is not None and address_of(name) is None:
            name = ascii_name(name)
            connection.set_tlsext_host_name(name.encode("ascii"))
        if name is not None and self._settings.verify:
            demand_name(connection, name)
        connection.set_connect_state()
        return OpenSSLContext(connection, Witness(us=Side.CLIENT, name=name), keylog)

    def server(self, keylog: KeyLogSink) -> "OpenSSLContext":
        if self._settings.identity is None:
            raise UsageError("a TLS server needs a certificate and its key")
        connection = SSL.Connection(self._for_servers, None)
        connection.set_accept_state()
        return OpenSSLContext(connection, Witness(us=Side.SERVER), keylog)


class OpenSSLContext(SecurityContext):
    """One connection. `decrypt` consumes all its input: what it does not need yet OpenSSL keeps."""

    def __init__(self, connection: SSL.Connection, witness: Witness, keylog: KeyLogSink) -> None:
        connection.set_app_data(witness)
        self._connection: SSL.Connection | None = connection
        self._witness = witness
        self._keylog: KeyLogSink | None = keylog
        self._last = CallResult(call="SSL_new", status=SecStatus.SEC_E_OK, native="")
        self._error = ""
        self._tls = TlsInfo()
        self._broken: SecStatus | None = None
        self._token: ControlToken | None = None
        self._cutter = RecordCutter()
        self._up = False
        self._notified = False
        self._peer_notified = False

    def handshake(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        call = "SSL_shutdown" if self._token else "SSL_do_handshake"
        connection, refusal = self._usable(call)
        if connection is None:
            return refusal, b"", b""
        if self._token:
            self._feed(connection, token)
            status, rest = self._shut_down(connection), b""
        else:
            status, rest = self._shake(connection, token)
        self._deliver_keys()
        return status, _drain(connection), rest

    def encrypt(self, data: bytes) -> tuple[SecStatus, bytes]:
        connection, refusal = self._usable("SSL_write")
        if connection is None:
            return refusal, b""
        if self._notified:
            return self._done("SSL_write", SecStatus.SEC_E_CONTEXT_EXPIRED, "not called"), b""
        if not self._up:
            return self._done("SSL_write", SecStatus.SEC_E_INVALID_HANDLE, "not called"), b""
        try:
            connection.sendall(data)
        except SSL.Error as error:
            return self._fail("SSL_write", error, len(self._witness.alerts)), _drain(connection)
        return self._done("SSL_write", SecStatus.SEC_E_OK, str(len(data))), _drain(connection)

    def decrypt(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        connection, refusal = self._usable("SSL_read")
        if connection is None:
            return refusal, b"", b""
        if self._peer_notified:
            return self._expired("SSL_read"), b"", b""
        if not self._up:
            status = self._done("SSL_read", SecStatus.SEC_E_INVALID_HANDLE, "not called")
            return status, b"", token
        self._feed(connection, token)
        status, data = self._read(connection)
        self._deliver_keys()
        return status, data, b""

    def pending_output(self) -> bytes:
        return b"" if self._connection is None else _drain(self._connection)

    def apply_control_token(self, token: ControlToken) -> SecStatus:
        connection, refusal = self._usable("SSL_shutdown")
        if connection is None:
            return refusal
        self._token = token
        return self._done("SSL_shutdown", SecStatus.SEC_E_OK, "armed")

    def delete(self) -> SecStatus:
        if self._connection is not None:
            self._tls = self._describe(self._connection)
            self._connection = None
            self._keylog = None
        return self._done("SSL_free", SecStatus.SEC_E_OK, "")

    @property
    def last_call(self) -> CallResult:
        return self._last

    @property
    def alerts(self) -> tuple[ProviderAlert, ...]:
        return tuple(self._witness.alerts)

    @property
    def tls(self) -> TlsInfo:
        return self._tls if self._connection is None else self._describe(self._connection)

    @property
    def certificate(self) -> CertificateCheck:
        return self._witness.certificate

    @property
    def error(self) -> str:
        return self._error

    def _shake(self, connection: SSL.Connection, token: bytes) -> tuple[SecStatus, bytes]:
        """Feed one record at a time: what follows the handshake would be lost in OpenSSL's BIO."""
        status = self._step(connection)
        while token and status is SecStatus.SEC_I_CONTINUE_NEEDED:
            size = self._cutter.cut(token)
            connection.bio_write(token[:size])
            token = token[size:]
            status = self._step(connection)
        return status, token

    def _step(self, connection: SSL.Connection) -> SecStatus:
        call = "SSL_do_handshake"
        seen = len(self._witness.alerts)
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            return self._done(call, SecStatus.SEC_I_CONTINUE_NEEDED, "SSL_ERROR_WANT_READ")
        except SSL.ZeroReturnError:
            return self._expired(call)
        except SSL.Error as error:
            return self._fail(call, error, seen)
        self._up = True
        return self._done(call, SecStatus.SEC_E_OK, "1")

    def _shut_down(self, connection: SSL.Connection) -> SecStatus:
        call = "SSL_shutdown"
        if not self._notified:
            seen = len(self._witness.alerts)
            try:
                self._peer_notified |= connection.shutdown()
            except SSL.Error as error:
                return self._fail(call, error, seen) if self._up else self._refuse(call, error)
            self._notified = True
        if self._peer_notified:
            return self._done(call, SecStatus.SEC_I_CONTEXT_EXPIRED, "1")
        return self._done(call, SecStatus.SEC_E_OK, "0")

    def _read(self, connection: SSL.Connection) -> tuple[SecStatus, bytes]:
        data = bytearray()
        seen = len(self._witness.alerts)
        try:
            while len(data) < MAX_READ:
                data += connection.recv(MAX_PLAINTEXT)
        except SSL.WantReadError:
            if not data:
                status = SecStatus.SEC_E_INCOMPLETE_MESSAGE
                return self._done("SSL_read", status, "SSL_ERROR_WANT_READ"), b""
        except SSL.ZeroReturnError:
            return self._expired("SSL_read"), bytes(data)
        except SSL.Error as error:
            if self._closed_by_peer(connection):
                return self._expired("SSL_read"), bytes(data)
            return self._fail("SSL_read", error, seen), bytes(data)
        return self._done("SSL_read", SecStatus.SEC_E_OK, str(len(data))), bytes(data)

    def _closed_by_peer(self, connection: SSL.Connection) -> bool:
        """A close_notify came, whatever SSL_get_error makes of it.

        After user_canceled and close_notify (as JSSE closes TLS 1.3) OpenSSL sets
        SSL_RECEIVED_SHUTDOWN but reports an error without a reason instead of
        SSL_ERROR_ZERO_RETURN: it still looks at the alert before.
        """
        received = bool(connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN)
        alerts = self._witness.alerts
        return received and bool(alerts) and alerts[-1].alert.is_close_notify

    def _usable(self, call: str) -> tuple[SSL.Connection | None, SecStatus]:
        """The connection, or None and the status to refuse `call` with."""
        if self._connection is None:
            return None, self._done(call, SecStatus.SEC_E_INVALID_HANDLE, "freed")
        if self._broken is not None:
            return None, self._done(call, self._broken, "not called")
        return self._connection, SecStatus.SEC_E_OK

    def _feed(self, connection: SSL.Connection, token: bytes) -> None:
        # What follows the peer's close_notify is ignored (RFC 9846 6.1) and must not pile up.
        if token and not self._peer_notified:
            connection.bio_write(token)

    def _expired(self, call: str) -> SecStatus:
        self._peer_notified = True
        return self._done(call, SecStatus.SEC_I_CONTEXT_EXPIRED, "SSL_ERROR_ZERO_RETURN")

    def _done(self, call: str, status: SecStatus, native: str) -> SecStatus:
        self._last = CallResult(call=call, status=status, native=native)
        return status

    def _fail(self, call: str, error: SSL.Error, seen: int) -> SecStatus:
        text = reasons(error)
        refused = self._witness.certificate.error if _VERIFY_FAILED in text else ""
        self._error = f"{text}: {refused}" if refused else text
        if refused and not self._witness.chain_error:
            self._broken = SecStatus.SEC_E_WRONG_PRINCIPAL
        else:
            self._broken = self._status_of_failure(seen)
        return self._done(call, self._broken, f"-1 {text}")

    def _status_of_failure(self, seen: int) -> SecStatus:
        """From the alerts that the call sent or received (all after `seen`), else the stage."""
        new = self._witness.alerts[seen:]
        if new:
            return status_of(new[-1].alert)
        return SecStatus.SEC_E_ILLEGAL_MESSAGE if self._up else SecStatus.SEC_E_INVALID_TOKEN

    def _refuse(self, call: str, error: SSL.Error) -> SecStatus:
        """OpenSSL does not shut down while the handshake runs; the handshake may still go on."""
        self._token = None
        self._error = reasons(error)
        return self._done(call, SecStatus.SEC_E_UNSUPPORTED_FUNCTION, f"-1 {self._error}")

    def _deliver_keys(self) -> None:
        lines, self._witness.keylog = self._witness.keylog, []
        for line in lines:
            if self._keylog is not None:
                self._keylog(line)

    def _describe(self, connection: SSL.Connection) -> TlsInfo:
        witness = self._witness
        cipher = connection.get_cipher_name()
        version = _VERSION_BY_NAME.get(connection.get_protocol_version_name()) if cipher else None
        alpn = connection.get_alpn_proto_negotiated()
        return TlsInfo(
            version=version,
            cipher=cipher,
            alpn=alpn.decode("ascii", "backslashreplace") or None,
            sni=self._sni(connection),
            resumed=self._up and session_reused(connection),
            certificate=witness.certificate,
        )

    def _sni(self, connection: SSL.Connection) -> str | None:
        if self._witness.us is Side.CLIENT:
            name = self._witness.name
            return None if name is None or address_of(name) else name
        asked = connection.get_servername()
        return None if asked is None else asked.decode("ascii", "backslashreplace")


def _drain(connection: SSL.Connection) -> bytes:
    output = bytearray()
    try:
        while True:
            output += connection.bio_read(_DRAIN_BYTES)
    except SSL.WantReadError:
        return bytes(output)
