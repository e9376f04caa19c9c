"""probe(), listen() and what a run ends with: wires the rooms together."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Event as Flag

from tlsclose.core.report import Report
from tlsclose.core.verdict import Severity
from tlsclose.net.settings import ListenSettings, ProbeSettings
from tlsclose.net.target import Target

OnReport = Callable[[Report], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a listener came up and how it captures."""

    host: str
    port: int
    capture: str
    """`sniffing on lo`, `socket tap (no capture right: ...)`, `off`."""
