"""One file read by several processes, of which each scans a window in turn for all of them.

Whoever has the turn scans its window as soon as it is known where that begins, so that nobody
waits for it. What comes out of a window, the TCP segments and secrets in it included, is the same
for all, and the same as if each had scanned it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from tlsclose.wire.batch import Packets, batches
from tlsclose.wire.columns import tcp_columns
from tlsclose.wire.pcap_file import PcapFile
from tlsclose.wire.pcapng_file import PcapngFile
from tlsclose.wire.scan import Buffer, Scan
from tlsclose.wire.windows import MappedWindow

if TYPE_CHECKING:
    from tlsclose.wire.relay import Member

OnSecrets = Callable[[bytes], None]


class _Window(NamedTuple):
    scan: Scan[Packets]
    state: object
    """Of the format, behind the window."""
    secrets: list[bytes]


class SharedScan:
    """A format whose windows are scanned by one process each."""

    def __init__(
        self,
        make: Callable[[OnSecrets], PcapFile | PcapngFile],
        member: "Member",
        window: MappedWindow,
        on_secrets: OnSecrets,
    ) -> None:
        self._secrets: list[bytes] = []
        self._reading = make(self._secrets.append)
        self._member = member
        self._window = window
        self._on_secrets = on_secrets
        self._turn = 0
        self._kept: _Window | None = None
        """What there was no room for."""

    def scan(self, buffer: Buffer, at: int, end: int) -> Scan[Packets]:
        """Read all whole items between two offsets. What was told before is not valid any more."""
        turn, member = self._turn, self._member
        self._turn += 1
        if turn:
            member.release()
        elif member.makes(turn):
            self._make(turn, at, end)
        window: _Window = member.take(turn) or self._kept or self._scanned(buffer, at, end)
        self._kept = None
        if not member.makes(turn):
            self._reading.state = window.state
        for text in window.secrets:
            self._on_secrets(text)
        scan = window.scan
        if member.makes(turn + 1) and not scan.damage:
            behind = self._window.following(scan.consumed, scan.needed)
            if behind is not None:
                self._make(turn + 1, scan.consumed, behind)
        return scan

    def _make(self, turn: int, at: int, end: int) -> None:
        buffer = self._window.buffer
        window = self._scanned(buffer, at, end)
        packets = window.scan.packets
        segments = [tcp_columns(batch) for batch in batches(buffer, packets, 1)]
        scan = window.scan._replace(packets=replace(packets, segments=segments))
        window = window._replace(scan=scan)
        if not self._member.leave_for_all(turn, window):
            self._kept = window
        self._window.release(at, end)

    def _scanned(self, buffer: Buffer, at: int, end: int) -> _Window:
        scan = self._reading.scan(buffer, at, end)
        window = _Window(scan, self._reading.state, self._secrets[:])
        self._secrets.clear()
        return window
