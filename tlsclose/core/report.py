"""One judged connection: what every command produces and every renderer reads.

The JSON of the contract is these fields by these names (`report/json.py` adds the schema version).
Times are integer nanoseconds since `started_at`; tuples are never None.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from tlsclose.core.event import Event, Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.teardown import Teardown
from tlsclose.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from tlsclose.core.message import Message
    from tlsclose.core.procedure import Step


class Role(StrEnum):
    """Which end tlsclose was."""

    CLIENT = "client"
    SERVER = "server"
    OBSERVER = "observer"

    @property
    def side(self) -> Side | None:
        """Our own side; None for an observer."""
        return None if self is Role.OBSERVER else Side(self.value)


class CaptureSource(StrEnum):
    """Where the wire's testimony came from."""

    SNIFF = "sniff"
    TAP = "tap"
    FILE = "file"
    OFF = "off"


class Stage(StrEnum):
    """How far an attempt came that could not be observed."""

    DNS = "dns"
    CONNECT = "connect"
    PREAMBLE = "preamble"
    HANDSHAKE = "handshake"
    CAPTURE = "capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInfo:
    """What the user asked for and the address that was used (None before DNS answered)."""

    host: str
    port: int
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionInfo:
    """The two ends as `ip:port` (`[v6]:port`), and the number of the connection in its run.

    In a capture file connections are numbered from 0 by their first packet, each file anew.
    """

    client: str
    server: str
    stream: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInfo:
    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCheck:
    """What verification of the peer's certificate said; fatal only where asked."""

    ok: bool | None
    """None where the peer sent no certificate or none was asked for."""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsInfo:
    version: str | None = None
    cipher: str | None = None
    alpn: str | None = None
    sni: str | None = None
    resumed: bool = False
    preamble: str | None = None
    """The protocol in whose plaintext TLS began (`smtp`, `http-connect`, ...), `unknown` where it
    is none that is known; None where TLS came first."""
    certificate: CertificateCheck = CertificateCheck(ok=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureInfo:
    source: CaptureSource
    interface: str | None = None
    packets: int = 0
    dropped: int = 0
    path: str | None = None
    note: str = ""
    """Why packets were not sniffed although that was wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something our side did outside the five steps: connect, request, response, fin, reset."""

    at_ns: int
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One bounded wait: what for, since when, how long, and how it ended."""

    name: str
    """`connect`, `handshake`, `response`, `request`, `close_notify`, `fin`, ..."""
    at_ns: int
    length_ns: int
    outcome: Literal["answered", "timeout", "ended"]
    """`ended`: the connection closed instead of answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unobserved:
    """Why there is nothing, or not enough, to judge."""

    stage: Stage
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything known of one connection's close."""

    started_at: datetime
    role: Role
    scenario: str | None = None
    target: TargetInfo | None = None
    connection: ConnectionInfo | None = None
    provider: ProviderInfo | None = None
    tls: TlsInfo = TlsInfo()
    capture: CaptureInfo = CaptureInfo(source=CaptureSource.OFF)
    steps: "tuple[Step, ...]" = ()
    steps_missing: str = ""
    """Why steps that the procedure has are absent; empty where none is missing."""
    events: tuple[Event, ...] = ()
    actions: tuple[Action, ...] = ()
    waits: tuple[Wait, ...] = ()
    close: Teardown | None = None
    message: "Message | None" = None
    verdict: Verdict | None = None
    provoked: bool = False
    """The verdict blames our own side for what the scenario set out to do."""
    findings: tuple[Finding, ...] = ()
    unobserved: Unobserved | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What an observer's whole run comes to, over all its captures."""

    connections: int = 0
    """TLS connections reported."""
    by_code: Mapping[str, int] = MappingProxyType({})
    """How many of them have each verdict, the most frequent first."""
    packets: int = 0
    """Packets read, of whatever kind."""
    bytes: int = 0
    """Length of these packets on the wire."""
    without_tls: int = 0
    """TCP connections in which nobody spoke TLS."""
    elsewhere: int = 0
    """TLS connections left out by which ends they have, or which number."""
    other_verdicts: int = 0
    """TLS connections left out by their verdict."""
    unreadable: int = 0
    """Captures that could not be read to their end."""

    @property
    def left_out(self) -> int:
        """TLS connections that the user did not ask for."""
        return self.elsewhere + self.other_verdicts

    @property
    def found(self) -> bool:
        """Whether there was anything to judge of what the user asked for."""
        return self.connections + self.other_verdicts > 0
