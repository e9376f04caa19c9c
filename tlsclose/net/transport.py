"""Our end of one TCP connection: bytes with deadlines, and what the socket tells of its end.

The socket witness sees an end of file (the peer's FIN), ECONNRESET or EPIPE (the peer's RST) and
our own shutdown. A peer that resets *after* both FINs shows only in the kernel's state, so
`settle` looks there before the descriptor goes.
"""

import errno
import socket
import struct
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.net.clock import Clock, Deadline
from tlsclose.net.tcp_info import tcp_info

CHUNK: Final = 256 * 1024
_RESETS: Final = frozenset(
    {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN, errno.ENOTCONN}
)
_LINGER_RESET: Final = struct.pack("ii", 1, 0)
_SETTLE_STEP_S: Final = 0.001
"""No event tells that the last FIN was acknowledged: the state has to be asked for."""


class Ending(StrEnum):
    """How the peer's direction of TCP ended."""

    FIN = "fin"
    RST = "rst"


Tap = Callable[[int, Side, bytes], None]
"""Takes time in nanoseconds, sender and bytes, in stream order of each side."""


class Transport:
    """A connected socket. Not thread-safe.

    Every byte that TCP took or gave goes to `tap` as well. `clock` sets the time axis.
    """

    def __init__(
        self, sock: socket.socket, *, clock: Clock, side: Side, tap: Tap | None = None
    ) -> None:
        self._sock = sock
        self._clock = clock
        self._side = side
        self._tap = tap
        self._events: list[Event] = []
        self.finished = False
        """Our FIN is out."""
        self._closed = False
        self.ending: Ending | None = None
        self.sent = 0
        self.received = 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def events(self) -> tuple[Event, ...]:
        """What the socket witnessed so far."""
        return tuple(self._events)

    @property
    def writable(self) -> bool:
        """Whether bytes may still be sent."""
        return not (self.finished or self._closed or self.ending is Ending.RST)

    def send(self, data: bytes, deadline: Deadline) -> int:
        """Send as much as TCP takes before the deadline; return how many bytes it took."""
        view = memoryview(data)
        taken = 0
        while taken < len(data) and self.writable:
            try:
                self._sock.settimeout(deadline.left)
                count = self._sock.send(view[taken:])
            except (BlockingIOError, TimeoutError):
                break
            except OSError as error:
                self._failed(error)
                break
            if self._tap is not None:
                self._tap(self._clock.now(), self._side, bytes(view[taken : taken + count]))
            taken += count
        self.sent += taken
        return taken

    def receive(self, deadline: Deadline) -> bytes | None:
        """The next bytes; `b""` once the peer's direction has ended; None at the deadline."""
        if self.ending is not None or self._closed:
            return b""
        try:
            self._sock.settimeout(deadline.left)
            data = self._sock.recv(CHUNK)
        except (BlockingIOError, TimeoutError):
            return None
        except OSError as error:
            self._failed(error)
            return b""
        if not data:
            self._end(Ending.FIN)
        elif self._tap is not None:
            self._tap(self._clock.now(), self._side.other, data)
        self.received += len(data)
        return data

    def finish(self) -> None:
        """Send FIN: our direction ends, the peer's goes on."""
        if not self.writable:
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._failed(error)
            return
        self.finished = True
        self._witness(self._side, Kind.FIN, "shutdown")

    def reset(self) -> None:
        """Send RST and let the descriptor go."""
        if self._closed:
            return
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        if self.ending is not Ending.RST:
            self._witness(self._side, Kind.RST, "close with SO_LINGER 0")
        self.close()

    def settle(self, deadline: Deadline) -> None:
        """Wait until TCP is done in both directions, to learn of a reset that came last."""
        while self.ending is Ending.FIN and self.finished and not self._closed:
            info = tcp_info(self._sock)
            if info is None or info.closed:
                break
            if deadline.left <= 0:
                return
            time.sleep(_SETTLE_STEP_S)
        self._take_pending_error()

    def acknowledged(self) -> int | None:
        """How many bytes of ours the peer's TCP took; None where the kernel does not tell."""
        info = None if self._closed else tcp_info(self._sock)
        return None if info is None else min(self.sent, info.bytes_acked)

    def close(self) -> None:
        """Let the descriptor go; harmless when repeated."""
        self._closed = True
        self._sock.close()

    def _failed(self, error: OSError) -> None:
        if error.errno not in _RESETS:
            raise error
        self._end(Ending.RST)

    def _take_pending_error(self) -> None:
        if self._closed:
            return
        if self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in _RESETS:
            self._end(Ending.RST)

    def _end(self, ending: Ending) -> None:
        if self.ending is Ending.RST or self.ending is ending:
            return
        self.ending = ending
        fin = ending is Ending.FIN
        self._witness(
            self._side.other, Kind.FIN if fin else Kind.RST, "end of file" if fin else "reset"
        )

    def _witness(self, sender: Side, kind: Kind, detail: str) -> None:
        self._events.append(
            Event(
                at_ns=self._clock.now(),
                sender=sender,
                kind=kind,
                source=Source.SOCKET,
                detail=detail,
            )
        )
