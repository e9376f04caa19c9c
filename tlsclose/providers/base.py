"""The interface of a TLS engine: the shape of SSPI, so that Schannel fits natively."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tlsclose.core.alert import Alert
from tlsclose.core.event import Side
from tlsclose.core.procedure import CallResult, ControlToken
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import CertificateCheck, ProviderInfo, TlsInfo
from tlsclose.core.status import SecStatus

MAX_PLAINTEXT: Final = 2**14


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate chain and its key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """What the user chose for the handshake. Shared by all connections of a run."""

    version: TlsVersion | None = None
    """Only this version (1.2 or 1.3); None lets both."""
    ciphers: str | None = None
    """OpenSSL cipher list (TLS 1.2) or colon-separated TLS 1.3 suite names."""
    alpn: tuple[str, ...] = ()
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
"""Takes one NSS key log line without its newline (RFC 9850). Called during the handshake."""


class SecurityContext(ABC):
    """One connection's TLS state. Not thread-safe. No method touches a socket or a clock.

    Bad input never raises: it is a status. After `delete` every call but `delete` returns
    SEC_E_INVALID_HANDLE.
    """

    @abstractmethod
    def handshake(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        """Take peer bytes (may be empty), return status, output for the peer, input not consumed.

        SEC_I_CONTINUE_NEEDED: send the output and come back with more input.
        SEC_E_OK: the connection is up, or the armed shutdown produced its output.
        SEC_I_CONTEXT_EXPIRED: shut down in both directions (peer's close_notify already seen).
        Any failed status may come with an output (a fatal alert) that has to be sent.
        """

    @abstractmethod
    def encrypt(self, data: bytes) -> tuple[SecStatus, bytes]:
        """Return records that carry `data` (any length, split as needed).

        SEC_E_CONTEXT_EXPIRED after our own shutdown: nothing may follow a close_notify.
        """

    @abstractmethod
    def decrypt(self, token: bytes) -> tuple[SecStatus, bytes, bytes]:
        """Take peer bytes, return status, plaintext, and bytes not consumed.

        SEC_E_OK: plaintext, possibly empty (a ticket). SEC_E_INCOMPLETE_MESSAGE: more is needed.
        SEC_I_CONTEXT_EXPIRED: the peer's close_notify, after the plaintext that came before it.
        Failed: a fatal alert came or something could not be opened; `pending_output` may hold ours.
        """

    @abstractmethod
    def pending_output(self) -> bytes:
        """Bytes the engine wants sent outside a call's own output: KeyUpdate answers, alerts."""

    @abstractmethod
    def apply_control_token(self, token: ControlToken) -> SecStatus:
        """Arm the shutdown: the next `handshake(b"")` produces the close_notify."""

    @abstractmethod
    def delete(self) -> SecStatus:
        """Free the context; harmless when repeated."""

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
        """A client context. `server_name` is the SNI; None or an IP address sends none."""

    @abstractmethod
    def server(self, keylog: KeyLogSink) -> SecurityContext:
        """A server context; needs `TlsSettings.identity`."""
