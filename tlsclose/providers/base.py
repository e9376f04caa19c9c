"""The interface of a TLS engine: the shape of SSPI, so that Schannel fits natively."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Final

from tlsclose.core.alert import Alert
from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.procedure import CallResult, ControlToken
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import CertificateCheck, ProviderInfo, TlsInfo
from tlsclose.core.status import SecStatus

MAX_PLAINTEXT: Final = 2**14


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate chain and its key: both PEM, or together a PKCS #12 (PFX) file."""

    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    pfx: bytes = field(default=b"", repr=False)
    """In place of the other two."""
    password: str = field(default="", repr=False)
    """Of `pfx`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """What the user chose for the handshake. Shared by all connections of a run."""

    version: TlsVersion | None = None
    """Only this version (1.2 or 1.3); None lets both."""
    ciphers: str | None = None
    """OpenSSL cipher list. Names that start with TLS_ are TLS 1.3 suites; both may be mixed."""
    alpn: tuple[str, ...] = ()
    """Offered by a client; a server takes its first that the client offers, or none.

    Windows' Schannel refuses a client that offers others only.
    """
    identity: Identity | None = None
    cafile: Path | None = None
    """PEM file of trusted roots; None means the system's."""
    verify: bool = False
    """Make a failed certificate check fatal. It is reported either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAlert:
    """An alert that the TLS API told of."""

    sender: Side
    alert: Alert


KeyLogSink = Callable[[str], None]
"""Takes one key log line without its newline (RFC 9850).

Called before the call that made the keys returns; what it raises is passed on to the caller.
"""


class SecurityContext(ABC):
    """One connection's TLS state. Not thread-safe. No method touches a socket or a clock.

    Bad input never raises: it is a status. After `delete` every call but `delete` returns
    SEC_E_INVALID_HANDLE.
    """

    @abstractmethod
    def handshake(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        """Take peer bytes (may be empty), return status, output for the peer, input not consumed.

        SEC_I_CONTINUE_NEEDED: send the output and come back with more input.
        SEC_E_OK: the connection is up, or the armed shutdown produced its output. What came
        after the peer's last flight is not consumed and belongs to `decrypt`.
        SEC_I_CONTEXT_EXPIRED: shut down in both directions (peer's close_notify already seen), or
        the peer sent its close_notify while the handshake was running.
        Any failed status may come with an output (a fatal alert) that has to be sent. A shutdown
        that the engine cannot make while the handshake runs is SEC_E_UNSUPPORTED_FUNCTION, and the
        handshake may go on; any other failure is final and every later call repeats it.
        """

    @abstractmethod
    def encrypt(self, data: bytes) -> tuple[SecStatus, bytes]:
        """Return records that carry `data` (any length, split as needed).

        SEC_E_CONTEXT_EXPIRED after our own shutdown: nothing may follow a close_notify.
        """

    @abstractmethod
    def decrypt(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        """Take peer bytes, return status, plaintext, and bytes not consumed.

        SEC_E_OK: plaintext, possibly empty (a ticket). An engine may stop at a bound: call again
        with no input until the answer is another one, which needs no new bytes from the peer.
        SEC_E_INCOMPLETE_MESSAGE: more is needed.
        SEC_I_CONTEXT_EXPIRED: the peer's close_notify, with the plaintext that came before it;
        every later call says so again and ignores its input (RFC 9846 section 6.1). We may still
        `encrypt` until our own shutdown.
        Failed: a fatal alert came or something could not be opened; plaintext before it is
        returned with the status, and `pending_output` may hold our alert.
        SEC_E_INVALID_HANDLE before the connection is up.
        """

    @abstractmethod
    def pending_output(self) -> bytes:
        """Bytes the engine wants sent outside a call's own output: KeyUpdate answers, alerts.

        Ask after every `decrypt`; each byte is handed out once.
        """

    @abstractmethod
    def apply_control_token(self, token: ControlToken) -> SecStatus:
        """Arm the shutdown: the next `handshake(b"")` produces the close_notify."""

    def apply_alert(self, alert: Alert) -> SecStatus:  # noqa: ARG002
        """Arm any alert (SCHANNEL_ALERT): the next `handshake(b"")` produces it.

        SEC_E_UNSUPPORTED_FUNCTION from an engine that has no such call.
        """
        return SecStatus.SEC_E_UNSUPPORTED_FUNCTION

    @abstractmethod
    def delete(self) -> SecStatus:
        """Free the context; harmless when repeated.

        The properties keep their last values.
        """

    @property
    @abstractmethod
    def last_call(self) -> CallResult:
        """The engine's own name and result of the last call made."""

    @property
    @abstractmethod
    def alerts(self) -> tuple[ProviderAlert, ...]:
        """Every alert sent and received so far, close_notify included, in order."""

    @property
    @abstractmethod
    def tls(self) -> TlsInfo:
        """What was negotiated; fields are None before the handshake settled them."""

    @property
    @abstractmethod
    def certificate(self) -> CertificateCheck:
        """Outcome of the certificate check."""

    @property
    @abstractmethod
    def error(self) -> str:
        """The engine's own words for the last failed status, one line; empty where none."""


class Provider(ABC):
    """Makes contexts. One per run: credentials and settings are prepared once."""

    info: ProviderInfo

    @abstractmethod
    def client(self, server_name: str | None, keylog: KeyLogSink) -> SecurityContext:
        """A client context.

        The certificate is checked against `server_name`, and it is the SNI unless it is an IP
        address. None sends no SNI and checks no name. Raises UsageError if it cannot be a name.
        """

    @abstractmethod
    def server(self, keylog: KeyLogSink) -> SecurityContext:
        """A server context. Raises UsageError without `TlsSettings.identity`.

        It asks for a client certificate where `TlsSettings.cafile` is set.
        """
