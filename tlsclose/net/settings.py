"""What a user chose for a run, after parsing: plain values, no defaults hidden elsewhere."""

from enum import StrEnum
from pathlib import Path
from typing import Final

from tlsclose.core.frozen import dataclass
from tlsclose.providers.base import TlsSettings

NS_PER_S: Final = 1_000_000_000
PROBE_TIMEOUT_S: Final = 5.0
LISTEN_TIMEOUT_S: Final = 10.0


class Family(StrEnum):
    ANY = "any"
    V4 = "4"
    V6 = "6"


class CaptureMode(StrEnum):
    """`auto` sniffs where that is permitted and taps the socket elsewhere."""

    AUTO = "auto"
    SNIFF = "sniff"
    TAP = "tap"
    OFF = "off"


class BodyFraming(StrEnum):
    """How the listener delimits its responses."""

    CONTENT_LENGTH = "content-length"
    CHUNKED = "chunked"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSpec:
    """What a probe says before it closes."""

    http: bool = True
    """Speak HTTP/1.1; else send `raw` as it is (empty: say nothing)."""
    path: str = "/"
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSettings:
    mode: CaptureMode = CaptureMode.AUTO
    interface: str | None = None
    """None: the interface that the kernel routes the target through."""
    pcap: Path | None = None
    """Write packets and keys here as pcapng."""
    keylog: Path | None = None
    """Append NSS key log lines here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    scenarios: tuple[str, ...] = ("initiate",)
    request: RequestSpec = RequestSpec()
    tls: TlsSettings = TlsSettings()
    sni: str | None = None
    """None: the target's host name."""
    timeout_s: float = PROBE_TIMEOUT_S
    """Deadline of each wait, in seconds."""
    repeat: int = 1
    family: Family = Family.ANY
    capture: CaptureSettings = CaptureSettings()
    parallel: int = 8
    """Targets probed side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    scenario: str = "await"
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port."""
    tls: TlsSettings = TlsSettings()
    timeout_s: float = LISTEN_TIMEOUT_S
    count: int | None = None
    """Stop after so many clients; None: until interrupted."""
    body: int = 1024
    """Bytes of each response's body."""
    framing: BodyFraming = BodyFraming.CONTENT_LENGTH
    capture: CaptureSettings = CaptureSettings()
