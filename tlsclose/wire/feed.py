"""What the sniffing thread does with a capturing socket, and what others may ask of it meanwhile.

Packets travel in batches: one turn of scapy's loop then costs as much for hundreds of packets as
for one, and a burst does not outrun it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from tlsclose.errors import CaptureDeniedError
from tlsclose.wire.frame import Frame

CATCH_UP_S: Final = 1.0
"""How long a drain goes on behind its deadline while packets are still queued."""

_CATCH_UP_POLL_S: Final = 0.005
_STAMP_MARGIN_NS: Final = 50_000_000
"""Packets may be queued slightly out of the order of their time stamps."""


class Source(Protocol):
    """A socket that captures: `packet_socket.PacketSocket` or `pcap_socket.PcapSocket`."""

    linger_s: float
    dropped: int

    def wait(self, timeout_s: float | None) -> None:
        """Return when packets wait, after `wake`, or after `timeout_s` seconds."""

    def wake(self) -> None:
        """End every wait."""

    def pending(self) -> bool:
        """Whether packets wait."""

    def receive(self) -> list[Frame]:
        """The packets that wait; does not block."""

    def settle(self) -> None:
        """Bring `dropped` up to date for the last time."""

    def close(self) -> None:
        """Settle and close; harmless when repeated. The kernel may take a while over it."""


@dataclass(slots=True)
class Batch:
    """Packets taken from the source in one go, in the place of scapy's one packet."""

    frames: list[Frame]
    sniffed_on: object = None
    """Set by scapy."""


class Feed:
    """Between a source and `on_frame`. The first part runs on the sniffing thread."""

    def __init__(self, source: Source, on_frame: Callable[[Frame], None]) -> None:
        self.source = source
        self.failure: Exception | None = None
        """What `on_frame` or the source raised: it ended the capture."""
        self._on_frame = on_frame
        self._progress = threading.Condition()
        self._batches = 0
        self._waiting = False
        self._ended = False
        self._stop_at_ns: int | None = None
        self._past_stop = False

    def wait(self) -> None:
        """Sleep until there is something to do."""
        self._waiting = True
        self.source.wait(None)
        self._waiting = False

    def take(self) -> Batch | None:
        """The next packets, None where none wait. Raises EOFError behind the last."""
        stop_at_ns = self._stop_at_ns
        if self._past_stop:
            raise EOFError
        try:
            if stop_at_ns is not None and self.source.linger_s:
                self.source.wait(self.source.linger_s)
            frames = self.source.receive()
        except OSError as error:
            self.failure = CaptureDeniedError(f"the capture broke off: {error.strerror}")
            raise EOFError from error
        if stop_at_ns is not None:
            if not frames:
                raise EOFError
            self._past_stop = frames[-1].at_ns > stop_at_ns + _STAMP_MARGIN_NS
        return Batch(frames) if frames else None

    def deliver(self, batch: Batch) -> None:
        """Hand the packets on, then tell who waits for them."""
        try:
            for frame in batch.frames:
                self._on_frame(frame)
        except Exception as error:
            self.failure = error
            raise
        with self._progress:
            self._batches += 1
            self._progress.notify_all()

    def end(self) -> None:
        """Nothing more will come: tell who waits for that, then close the source."""
        self.source.settle()
        with self._progress:
            self._ended = True
            self._progress.notify_all()
        self.source.close()

    def await_end(self, timeout_s: float) -> None:
        """Wait until everything is delivered and counted, at most `timeout_s` seconds."""
        with self._progress:
            self._progress.wait_for(lambda: self._ended, timeout_s)

    def ask_to_stop(self) -> None:
        """Have the sniffing thread deliver what is queued by now and end."""
        self._stop_at_ns = time.time_ns()
        self.source.wake()

    def drain(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """See `Sniffer.drain`."""
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self._batches
            if done():
                return True
            if self._over(deadline):
                return done()
            self._await_batch(seen, deadline)

    def _await_batch(self, seen: int, deadline: float) -> None:
        timeout_s = max(deadline - time.monotonic(), _CATCH_UP_POLL_S)
        with self._progress:
            self._progress.wait_for(lambda: self._ended or self._batches != seen, timeout_s)

    def _over(self, deadline: float) -> bool:
        late_s = time.monotonic() - deadline
        return self._ended or late_s >= CATCH_UP_S or (late_s >= 0 and self._caught_up())

    def _caught_up(self) -> bool:
        """Nothing queued, nothing half delivered. In this order: the other way round, a packet
        could move from the one to the other between the two looks."""
        return not self.source.pending() and self._waiting
