"""How one run watches its connections, and where it puts packets and keys.

The choice between sniffing and the socket tap is made once, before anything is sent, so that a run
that cannot do what was asked for fails before it starts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.net.clock import Clock
from tlsclose.net.observe import NoObservation, Observation, SniffObservation, TapObservation
from tlsclose.net.settings import CaptureMode, CaptureSettings
from tlsclose.providers.base import KeyLogSink
from tlsclose.wire.frame import Frame
from tlsclose.wire.hub import Hub
from tlsclose.wire.keylog import KeyLog, KeyLogWriter
from tlsclose.wire.pcapng import PcapngWriter

_ANY: Final = frozenset({"0.0.0.0", "::"})


class Watch:
    """Watches the connections of one port; made by `CaptureRun.watch`."""

    def __init__(self, run: "CaptureRun", hub: Hub | None, interface: str) -> None:
        self._run = run
        self._hub = hub
        self._interface = interface

    def observe(self, keys: KeyLog, clock: Clock) -> Observation:
        """Begin the observation of one connection."""
        if self._hub is not None:
            return SniffObservation(self._hub, keys, clock, self._interface)
        if self._run.mode is CaptureMode.OFF:
            return NoObservation()
        return TapObservation(keys, self._run.note)


class CaptureRun:
    """Capture for one command. Use as a context manager: leaving it in order writes the pcapng.

    Raises CaptureDeniedError where sniffing was demanded and is not permitted, UsageError where a
    file cannot be written.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        self._interface = settings.interface
        self.mode, self.note = _choose(settings)
        self._keylog = None if settings.keylog is None else KeyLogWriter(settings.keylog)
        self._pcap = None if settings.pcap is None else PcapngWriter(settings.pcap)
        self._lines: list[str] = []

    def __enter__(self) -> "CaptureRun":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._keylog is not None:
            self._keylog.close()
        if self._pcap is not None:
            self._pcap.finish(self._lines) if kind is None else self._pcap.abandon()

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
    def watch(self, port: int, address: str) -> Iterator[Watch]:
        """Watch TCP port `port` (ours) on the way to or at `address` while the context lasts."""
        if self.mode is not CaptureMode.SNIFF:
            yield Watch(self, None, "")
            return
        from tlsclose.wire.sniff import Sniffer, SniffFilter

        interface = self._interface or _interface_for(address)
        hub = Hub(_recorder(self._pcap, interface))
        sniffer = Sniffer(
            interface=interface, filters=SniffFilter(port=port), on_frame=hub.on_frame
        )
        sniffer.start()
        try:
            yield Watch(self, hub, interface)
        finally:
            sniffer.stop()


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
        if mode is CaptureMode.SNIFF:
            raise CaptureDeniedError(f"{denied}; or use --capture tap")
        mode, note = CaptureMode.TAP, denied
    if settings.pcap is not None:
        why = f": {note}" if note else f" (--capture {mode})"
        raise UsageError(f"--pcap needs sniffed packets, and there are none{why}")
    return mode, note


def _interface_for(address: str) -> str:
    if address in _ANY:
        return "any"
    from tlsclose.wire.route import interface_for

    return interface_for(address)
