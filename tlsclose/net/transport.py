"""Our end of one TCP connection: bytes with deadlines, and what the socket tells of its end.

The socket witness sees an end of file (the peer's FIN), ECONNRESET or EPIPE (the peer's RST) and
our own shutdown. A peer that resets *after* both FINs shows only in the kernel's state, so
`settle` looks there before the descriptor goes. A reset that a send meets does not take away what
the peer sent before it: that can still be read.
"""

import contextlib
import errno
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.net.clock import Clock, Deadline
from tlsclose.net.tcp_info import tcp_info
from tlsclose.net.winsock import winsock_text

CHUNK: Final = 256 * 1024
_RESETS: Final = frozenset(
    {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN, errno.ENOTCONN}
)
_NOT_CONNECTED: Final = frozenset({errno.ENOTCONN, errno.EINVAL})
"""What `shutdown` says of a connection that is gone."""
_TELLS_FIN_FIRST: Final = sys.platform.startswith("linux")
"""Linux calls a reset EPIPE if the peer's FIN had come before it, else ECONNRESET."""
_LINGER_RESET: Final = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
_SETTLE_STEP_S: Final = 0.001
"""No event tells that the last FIN was acknowledged: the state has to be asked for."""


class Ending(StrEnum):
    """How the peer's direction of TCP ended."""

    FIN = "fin"
    RST = "rst"
    LOST = "lost"
    """Our own TCP gave up: no route any more, no acknowledgement for too long."""


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
        self._acknowledged: int | None = None
        self._closed = False
        self._refused = False
        """A send met a reset; what came before it may still wait to be read."""
        self.finished = False
        """Our FIN is out."""
        self.clogged = False
        """The peer did not read: a send was cut short, and nothing can follow it but FIN."""
        self.ending: Ending | None = None
        self.aborted = False
        """Our RST is out."""
        self.lost = ""
        """Why our TCP gave up; empty where it did not."""
        self.sent = 0
        with contextlib.suppress(OSError):  # the peer may have reset already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def events(self) -> tuple[Event, ...]:
        """What the socket witnessed so far."""
        return tuple(self._events)

    @property
    def writable(self) -> bool:
        """Whether bytes may still be sent."""
        return not (self.finished or self.clogged or self._gone)

    @property
    def _gone(self) -> bool:
        return self._closed or self._refused or self.ending in (Ending.RST, Ending.LOST)

    def send(self, data: bytes, deadline: Deadline) -> int:
        """Send as much as TCP takes before the deadline; return how many bytes it took."""
        view = memoryview(data)
        taken = 0
        while taken < len(data) and self.writable:
            left = deadline.left
            try:
                self._sock.settimeout(left)
                count = self._sock.send(view[taken:]) if left else 0
            except OSError as error:
                if not _ran_out(error):
                    self._refuse(error)
                    break
                count = 0
            if not count:
                self.clogged = True
                break
            if self._tap is not None:
                self._tap(self._clock.now(), self._side, bytes(view[taken : taken + count]))
            taken += count
        self.sent += taken
        return taken

    def receive(self, deadline: Deadline | None) -> bytes | None:
        """The next bytes; `b""` once the peer's direction has ended; None at the deadline.

        Without a deadline only what is there already: None where there is nothing.
        """
        if self.ending is not None or self._closed:
            return b""
        left = 0.0 if self._refused or deadline is None else deadline.left
        if deadline is not None and not left and not self._refused:
            return None
        try:
            self._sock.settimeout(left)
            data = self._sock.recv(CHUNK)
        except OSError as error:
            if _ran_out(error) and not self._refused:
                return None
            self._fail(error)
            return b""
        if not data:
            self._end(Ending.RST if self._refused else Ending.FIN)
        elif self._tap is not None:
            self._tap(self._clock.now(), self._side.other, data)
        return data

    def finish(self) -> None:
        """Send FIN: our direction ends, the peer's goes on."""
        if self.finished or self._gone:
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._refuse(error)
            return
        self.finished = True
        self._witness(self._side, Kind.FIN, "shutdown")

    def reset(self) -> None:
        """Send RST and let the descriptor go."""
        if self._closed:
            return
        with contextlib.suppress(OSError):  # the peer may have reset already
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        if not self._gone:
            self.aborted = True
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
        return self._acknowledged if info is None else min(self.sent, info.bytes_acked)

    def close(self) -> None:
        """Let the descriptor go; harmless when repeated."""
        self._acknowledged = self.acknowledged()
        self._closed = True
        self._sock.close()

    def _refuse(self, error: OSError) -> None:
        """Nothing can be sent any more."""
        number = error.errno
        if number in _NOT_CONNECTED:
            number = self._pending_error() or errno.ECONNRESET
        if number not in _RESETS:
            self._lose(number)
        elif self.ending is Ending.FIN:
            self._end(Ending.RST)
        elif not self._refused:
            self._refused = True
            if number == errno.EPIPE and _TELLS_FIN_FIRST:
                self._witness(self._side.other, Kind.FIN, "end of file")
            self._witness(self._side.other, Kind.RST, "reset")

    def _fail(self, error: OSError) -> None:
        """Nothing can be read any more."""
        if self._refused or error.errno in _RESETS:
            self._end(Ending.RST)
        else:
            self._lose(error.errno)

    def _lose(self, number: int | None) -> None:
        self.ending = Ending.LOST
        number = number or 0
        self.lost = winsock_text(number) or os.strerror(number).lower()
        self._witness(self._side.other, Kind.TIMEOUT, "connection lost", self.lost)

    def _take_pending_error(self) -> None:
        if self._closed or self.ending in (Ending.RST, Ending.LOST):
            return
        number = self._pending_error()
        if self._refused or number in _RESETS:
            self._end(Ending.RST)
        elif number:
            self._lose(number)

    def _pending_error(self) -> int:
        return self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def _end(self, ending: Ending) -> None:
        self.ending = ending
        if ending is Ending.FIN:
            self._witness(self._side.other, Kind.FIN, "end of file")
        elif not self._refused:
            self._witness(self._side.other, Kind.RST, "reset")

    def _witness(self, sender: Side, kind: Kind, detail: str, note: str = "") -> None:
        self._events.append(
            Event(
                at_ns=self._clock.now(),
                sender=sender,
                kind=kind,
                source=Source.SOCKET,
                detail=detail,
                note=note,
            )
        )


def _ran_out(error: OSError) -> bool:
    """Our deadline, not the kernel's ETIMEDOUT."""
    blocked = isinstance(error, BlockingIOError)
    return blocked or (isinstance(error, TimeoutError) and error.errno is None)
