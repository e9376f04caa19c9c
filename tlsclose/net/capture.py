"""How one run watches its connections, and where it puts packets and keys.

The choice between sniffing and the socket tap is made once, before anything is sent, so that a run
that cannot do what was asked for fails before it starts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from types import TracebackType
from typing import TYPE_CHECKING, Final

from tlsclose.core.frozen import dataclass
from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.net.clock import Clock
from tlsclose.net.observe import (
    NoObservation,
    Observation,
    Sniffed,
    SniffObservation,
    TapObservation,
)
from tlsclose.net.settings import CaptureMode, CaptureSettings
from tlsclose.providers.base import KeyLogSink
from tlsclose.wire.frame import Frame
from tlsclose.wire.hub import Hub
from tlsclose.wire.keylog import KeyLog, KeyLogWriter
from tlsclose.wire.pcapng import PcapngWriter

if TYPE_CHECKING:
    from tlsclose.wire.sniff import Sniffer

_ANY: Final = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Watches the connections of one port; made by `CaptureRun.watch`."""

    off: bool = False
    note: str = ""
    """Why packets are not sniffed although that was wanted."""
    sniffed: Sniffed | None = None

    def observe(self, keys: KeyLog, clock: Clock) -> Observation:
        """Begin the observation of one connection."""
        if self.sniffed is not None:
            return SniffObservation(self.sniffed, keys, clock)
        return NoObservation() if self.off else TapObservation(keys, self.note)


class CaptureRun:
    """Capture for one command. Use as a context manager: leaving it in order writes the pcapng.

    Raises CaptureDeniedError where sniffing was demanded and is not permitted, UsageError where a
    file cannot be written.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        self._settings = settings
        self.mode, self.note = _choose(settings)
        self._pcap = None if settings.pcap is None else PcapngWriter(settings.pcap)
        try:
            self._keylog = None if settings.keylog is None else KeyLogWriter(settings.keylog)
        except BaseException:
            self._abandon()
            raise
        self._lines: list[str] = []

    def __enter__(self) -> "CaptureRun":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._pcap is not None and kind is None:
                self._pcap.finish(self._lines)
        finally:
            self._abandon()
            if self._keylog is not None:
                self._keylog.close()

    def _abandon(self) -> None:
        if self._pcap is not None:
            self._pcap.abandon()

    @property
    def summary(self) -> str:
        """How this run captures, in a few words."""
        match self.mode:
            case CaptureMode.SNIFF:
                return "sniffing"
            case CaptureMode.TAP:
                return f"socket tap ({self.note})" if self.note else "socket tap"
            case _:
                return "capture off"

    def sink(self, keys: KeyLog) -> KeyLogSink:
        """Where a connection's key log lines go: its follower, the user's file, the pcapng."""

        def take(line: str) -> None:
            keys.add_line(line)
            if self._keylog is not None:
                self._keylog.add_line(line)
            if self._pcap is not None:
                self._lines.append(line)

        return take

    @contextmanager
    def watch(self, port: int, address: str, *, serving: bool = False) -> Iterator[Watch]:
        """Watch TCP port `port` (ours) while the context lasts.

        `address` is the peer's, or where we are `serving` the one we listen at. Raises
        CaptureDeniedError where this way can not be sniffed and nothing else will do.
        """
        if self.mode is not CaptureMode.SNIFF:
            yield Watch(off=self.mode is CaptureMode.OFF, note=self.note)
            return
        try:
            sniffer, sniffed = self._sniff(port, address, serving=serving)
        except CaptureDeniedError as error:
            if self._settings.mode is CaptureMode.SNIFF or self._pcap is not None:
                raise
            yield Watch(note=str(error))
            return
        try:
            yield Watch(sniffed=sniffed)
        finally:
            with suppress(CaptureDeniedError):  # it broke off: the reports say what they lack
                sniffer.stop()

    def _sniff(self, port: int, address: str, *, serving: bool) -> tuple["Sniffer", Sniffed]:
        from tlsclose.wire.sniff import Sniffer, SniffFilter

        interface = self._settings.interface or _interface_for(address, serving=serving)
        hub = Hub(_recorder(self._pcap, interface))
        sniffer = Sniffer(
            interface=interface, filters=SniffFilter(port=port), on_frame=hub.on_frame
        )
        sniffer.start()
        return sniffer, Sniffed(
            hub=hub,
            interface=interface,
            dropped=sniffer.count_dropped,
            path=None if self._settings.pcap is None else str(self._settings.pcap),
        )


def _recorder(pcap: PcapngWriter | None, interface: str) -> Callable[[Frame], int] | None:
    if pcap is None:
        return None
    writer = pcap
    return lambda frame: writer.frame(frame, interface)


def _choose(settings: CaptureSettings) -> tuple[CaptureMode, str]:
    """The mode to use and, where it is not the best one, why."""
    mode, note = settings.mode, ""
    if mode in (CaptureMode.AUTO, CaptureMode.SNIFF):
        from tlsclose.wire.sniff import can_sniff

        denied = can_sniff(settings.interface)
        if denied is None:
            return CaptureMode.SNIFF, ""
        if settings.interface is not None and can_sniff() is None:
            raise UsageError(denied)
        if mode is CaptureMode.SNIFF:
            raise CaptureDeniedError(denied)
        mode, note = CaptureMode.TAP, denied
    if settings.pcap is not None:
        why = f": {note}" if note else f" (--capture {mode})"
        raise UsageError(f"--pcap needs sniffed packets, and there are none{why}")
    return mode, note


def _interface_for(address: str, *, serving: bool) -> str:
    """Who listens at an address of this machine hears from every interface, unless it is `lo`."""
    if serving and (address in _ANY or not ip_address(address.partition("%")[0]).is_loopback):
        return "any"
    from tlsclose.wire.route import interface_for

    return interface_for(address)
