"""The wire's witness of one live connection: sniffed packets, the socket's own bytes, or nothing.

All three feed the same follower. It needs the keys when it meets a record, so what was seen is
kept until the handshake has logged them. And following costs time that would stand in the timeline
between one step and the next, so it waits for the end of the connection unless `BACKLOG` bytes
have piled up.
"""

from collections.abc import Callable
from typing import Protocol

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.report import CaptureInfo, CaptureSource
from tlsclose.net.clock import Clock
from tlsclose.net.transport import Tap
from tlsclose.wire.follower import ConnectionFollower, Followed
from tlsclose.wire.hub import Hub
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import Address

BACKLOG = 256 * 1024
"""Bytes seen and not followed yet that may wait."""
FLUSH_S = 0.5
"""How long to wait for packets that the socket already spoke of."""


class Observation(Protocol):
    """One connection under observation."""

    tap: Tap | None
    testifies: bool
    """Whether the wire is a witness at all."""

    def connected(self, client: Address, server: Address) -> None:
        """The addresses are known."""
        ...

    def pump(self) -> None:
        """Follow what has been seen so far, if it is much; the keys for it are known."""
        ...

    def finish(self, ends: set[tuple[Address, bool]]) -> Followed | None:
        """Everything seen, once packets of these ends (sender, was it a RST) are in."""
        ...

    def info(self) -> CaptureInfo:
        """How it was captured; final after `finish`."""
        ...


class NoObservation:
    """Capture is off: only the TLS API and the socket testify."""

    tap: Tap | None = None
    testifies = False

    def connected(self, client: Address, server: Address) -> None: ...

    def pump(self) -> None: ...

    def finish(self, ends: set[tuple[Address, bool]]) -> Followed | None:  # noqa: ARG002
        return None

    def info(self) -> CaptureInfo:
        return CaptureInfo(source=CaptureSource.OFF)


class TapObservation:
    """The bytes that our own socket took and gave."""

    tap: Tap | None
    testifies = True

    def __init__(self, keys: KeyLog, note: str) -> None:
        self._keys = keys
        self._note = note
        self._extents: list[tuple[int, Side, bytes]] = []
        self._size = 0
        self._follower = ConnectionFollower(keys)
        self.tap = self._keep

    def _keep(self, at_ns: int, sender: Side, data: bytes) -> None:
        self._extents.append((at_ns, sender, data))
        self._size += len(data)

    def connected(self, client: Address, server: Address) -> None: ...

    def pump(self) -> None:
        if self._size >= BACKLOG:
            self._follow()

    def _follow(self) -> None:
        for at_ns, sender, data in self._extents:
            self._follower.extent(at_ns, sender, data)
        self._extents.clear()
        self._size = 0

    def finish(self, ends: set[tuple[Address, bool]]) -> Followed | None:  # noqa: ARG002
        self._follow()
        return self._follower.finish()

    def info(self) -> CaptureInfo:
        return CaptureInfo(source=CaptureSource.TAP, note=self._note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sniffed:
    """One sniffer's packets and what is to be said of them."""

    hub: Hub
    interface: str
    dropped: Callable[[], int]
    """Packets that the kernel has dropped so far."""
    path: str | None = None
    """The file that gets the packets as well."""


class SniffObservation:
    """Packets from a sniffer's hub."""

    tap: Tap | None = None
    testifies = True

    def __init__(self, sniffed: Sniffed, keys: KeyLog, clock: Clock) -> None:
        self._sniffed = sniffed
        self._keys = keys
        self._clock = clock
        self._packets = 0
        self._dropped_before = sniffed.dropped()

    def connected(self, client: Address, server: Address) -> None:
        self._ends = (client, server)
        self._queue = self._sniffed.hub.claim(client, server)
        self._follower = ConnectionFollower(self._keys, client=client)

    def pump(self) -> None:
        if self._queue.size >= BACKLOG:
            self._follow()

    def _follow(self) -> None:
        for packet in self._queue.take():
            self._packets += 1
            at_ns = self._clock.from_epoch(packet.at_ns)
            self._follower.segment(at_ns, packet.number, packet.segment)

    def finish(self, ends: set[tuple[Address, bool]]) -> Followed | None:
        self._queue.wait_for_end(ends, FLUSH_S)
        self._follow()
        self._sniffed.hub.release(*self._ends, self._queue)
        return self._follower.finish()

    def info(self) -> CaptureInfo:
        return CaptureInfo(
            source=CaptureSource.SNIFF,
            interface=self._sniffed.interface,
            packets=self._packets,
            dropped=self._queue.dropped + self._sniffed.dropped() - self._dropped_before,
            path=self._sniffed.path,
        )
