"""Live capture with scapy's AsyncSniffer, ready before the first packet and drained after the last.

The kernel does the waiting: the capturing socket is open, filtered and buffering before scapy is
even imported, so nothing after `start` is missed however long the import takes. AsyncSniffer then
moves what arrived from that socket to `on_frame`, undissected. Capture ends as a capture file
does, with an end of file behind the last packet, so `stop` cuts nothing off.
"""

import contextlib
import logging
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tlsclose.core.frozen import dataclass
from tlsclose.wire.feed import Batch, Feed, Source
from tlsclose.wire.frame import Frame

if TYPE_CHECKING:
    from scapy.sendrecv import AsyncSniffer
    from scapy.supersocket import SuperSocket

_PACKET_SOCKETS: Final = hasattr(socket, "AF_PACKET")

STOP_DEADLINE_S: Final = 2.0
"""How long `stop` waits for an `on_frame` that does not return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SniffFilter:
    """TCP segments from or to this port, and where a host (an IP address) is given, of that host.

    IPv6 extension headers and later IPv4 fragments are not looked behind.
    """

    port: int
    host: str | None = None


class Sniffer:
    """One capture on one interface (on Linux also `any`).

    `on_frame` runs on the sniffing thread, in the order of capture. What it raises ends the
    capture and is raised again by `stop`.
    """

    def __init__(
        self, *, interface: str, filters: SniffFilter, on_frame: Callable[[Frame], None]
    ) -> None:
        self.interface = interface
        self._filters = filters
        self._on_frame = on_frame
        self._feed: Feed | None = None
        self._sniffer: AsyncSniffer | None = None

    @property
    def dropped(self) -> int:
        """Packets lost for want of buffer space, as the kernel counted; final after `stop`."""
        return self._feed.source.dropped if self._feed else 0

    def count_dropped(self) -> int:
        """`dropped` up to now, for who cannot wait for `stop`."""
        if self._feed is None:
            return 0
        with contextlib.suppress(OSError):  # closed meanwhile: counted for the last time
            self._feed.source.settle()
        return self._feed.source.dropped

    def start(self) -> None:
        """Open the capture: every later packet is kept.

        Raises CaptureDeniedError where that is not permitted, UsageError for a bad interface.
        """
        feed = Feed(_open(self.interface, self._filters), self._on_frame)
        try:
            sniffer = _async_sniffer(feed)
            sniffer.start()
        except BaseException:
            feed.end()
            raise
        self._feed, self._sniffer = feed, sniffer

    def drain(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `done()` holds, looking after every batch; return whether it does.

        Gives up after `timeout_s` seconds, once what was queued by then has been delivered, and
        as soon as the capture has ended.
        """
        return self._feed.drain(done, timeout_s) if self._feed else done()

    def stop(self) -> None:
        """Deliver what was queued before the call, then end; harmless when repeated.

        Returns in any case once `STOP_DEADLINE_S` have passed. The sniffing thread closes the
        socket and ends some milliseconds later.
        """
        if self._sniffer is None or self._feed is None:
            return
        self._sniffer = None
        self._feed.ask_to_stop()
        self._feed.await_end(STOP_DEADLINE_S)
        if self._feed.failure is not None:
            raise self._feed.failure


def can_sniff(interface: str | None = None) -> str | None:
    """Why packets cannot be captured on the interface (None: on any); None where they can.

    Cheap on Linux; elsewhere scapy is asked to open the interface.
    """
    if _PACKET_SOCKETS:
        from tlsclose.wire.packet_socket import denial

        return denial(interface)
    from tlsclose.wire.pcap_socket import refusal

    return refusal(interface)


def _open(interface: str, filters: SniffFilter) -> Source:
    if _PACKET_SOCKETS:
        from tlsclose.wire.packet_socket import PacketSocket

        return PacketSocket(interface=interface, port=filters.port, host=filters.host)
    from tlsclose.wire.pcap_socket import PcapSocket

    return PcapSocket(interface=interface, port=filters.port, host=filters.host)


def _async_sniffer(feed: Feed) -> "AsyncSniffer":
    _import_sparingly()
    from scapy.sendrecv import AsyncSniffer

    return AsyncSniffer(opened_socket=_stream(feed), store=False, quiet=True, prn=feed.deliver)


def _import_sparingly() -> None:
    """Import what capture needs of scapy, without its warnings and its copy of the routing table.

    That copy is not used here and takes long where the table is large. A program that sniffs with
    tlsclose and routes with scapy imports scapy.route first, or calls `conf.route.resync()`.
    """
    logging.getLogger("scapy.runtime").setLevel(logging.CRITICAL)
    logging.getLogger("scapy.loading").setLevel(logging.ERROR)
    if "scapy.route" in sys.modules or not _PACKET_SOCKETS:
        return
    from scapy.config import conf

    conf.route_autoload, chosen = False, conf.route_autoload
    try:
        import scapy.route  # noqa: F401
    finally:
        conf.route_autoload = chosen


def _stream(feed: Feed) -> "SuperSocket":
    """The feed as scapy wants it: a socket whose packets are batches."""
    from scapy.supersocket import SuperSocket

    class Stream(SuperSocket):
        desc = "raw frames of one TCP port"
        nonblocking_socket = True
        """`select` below returns by itself at the end, so scapy need not interrupt it."""

        def __init__(self) -> None:
            """Open nothing: the source is open already."""

        def recv(self, _: int = 0, **__: object) -> Batch | None:  # type: ignore[override]
            return feed.take()

        @staticmethod
        def select(sockets: "list[SuperSocket]", _: float | None = None) -> "list[SuperSocket]":
            feed.wait()
            return sockets

        def close(self) -> None:
            self.closed = True
            feed.end()

    return Stream()
