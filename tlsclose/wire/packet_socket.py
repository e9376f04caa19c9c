"""A Linux packet socket: whole packets of one TCP port with the kernel's nanosecond time stamps.

Filter, time stamps and buffer are set before the socket is bound, so from the moment it is open
every packet of the wanted port, and no other, waits in the kernel. Needs CAP_NET_RAW; with
CAP_NET_ADMIN the buffer may grow beyond net.core.rmem_max. Never promiscuous.
"""

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
import sys
import time
from typing import Final

from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.wire import bpf
from tlsclose.wire.frame import Frame, LinkType

ANY_INTERFACE: Final = "any"
"""Every interface at once, packets from the IP header on."""

BUFFER_BYTES: Final = 32 * 1024 * 1024
BATCH_FRAMES: Final = 512

_NS_PER_S: Final = 1_000_000_000

_ETH_P_ALL: Final = 0x0003
_ARPHRD_ETHER: Final = 1
_ARPHRD_LOOPBACK: Final = 772
_SIOCGIFHWADDR: Final = 0x8927

_SO_RCVBUFFORCE: Final = 33
_SO_TIMESTAMPNS: Final = 35
_SOL_PACKET: Final = 263
_PACKET_STATISTICS: Final = 6
_PACKET_AUXDATA: Final = 8

_TIMESPEC: Final = struct.Struct("@ll")
_AUXDATA: Final = struct.Struct("=IIIHHHH")
_STATISTICS: Final = struct.Struct("=II")
_ANCILLARY_BYTES: Final = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(_AUXDATA.size)


class PacketSocket:
    """Open from the constructor on.

    Raises CaptureDeniedError without the right to capture, UsageError for an unknown interface.
    """

    linger_s = 0.0
    """How long packets may still be under way to user space when capture ends, in seconds."""

    def __init__(self, *, interface: str, port: int, host: str | None) -> None:
        cooked = interface == ANY_INTERFACE or _hardware_type(interface) not in {
            _ARPHRD_ETHER,
            _ARPHRD_LOOPBACK,
        }
        self.dropped = 0
        self._link_type = LinkType.RAW if cooked else LinkType.ETHERNET
        self._buffer = memoryview(bytearray(bpf.SNAP_BYTES))
        self._socket = _open(
            socket.SOCK_DGRAM if cooked else socket.SOCK_RAW,
            _ETH_P_ALL if interface == ANY_INTERFACE else 0,
        )
        self._asleep, self._awake = socket.socketpair()
        try:
            link_bytes = 0 if cooked else bpf.ETHERNET_HEADER_BYTES
            self._configure()
            self._discard()
            bpf.attach(self._socket, bpf.program(port=port, host=host, link_bytes=link_bytes))
            self._bind(interface)
        except OSError as error:
            self.close()
            raise CaptureDeniedError(
                f"cannot capture on {interface!r}: {error.strerror}: use --capture tap"
            ) from None
        except BaseException:
            self.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._poll.register(self._asleep, select.POLLIN)

    def wait(self, timeout_s: float | None) -> None:
        """Return when packets wait, after `wake`, or after `timeout_s` seconds (None: never)."""
        self._poll.poll(None if timeout_s is None else int(timeout_s * 1000))

    def wake(self) -> None:
        """End every present and future `wait` at once."""
        self._awake.close()

    def pending(self) -> bool:
        """Whether packets wait in the kernel."""
        if self._socket.fileno() == -1:
            return False
        poll = select.poll()
        with contextlib.suppress(ValueError):  # closed meanwhile
            poll.register(self._socket, select.POLLIN)
        return any(event & select.POLLIN for _, event in poll.poll(0))

    def receive(self) -> list[Frame]:
        """The packets that wait, oldest first, at most `BATCH_FRAMES`; does not block."""
        frames: list[Frame] = []
        while len(frames) < BATCH_FRAMES:
            try:
                frames.append(self._receive_one())
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    raise
        return frames

    def settle(self) -> None:
        """Bring `dropped` up to date."""
        if self._socket.fileno() != -1:
            self.dropped += self._read_dropped()

    def close(self) -> None:
        """Read the drop counter for the last time and close; harmless when repeated.

        Takes some milliseconds: the kernel waits until no processor delivers to the socket.
        """
        self.settle()
        self._socket.close()
        self._asleep.close()
        self._awake.close()

    def _configure(self) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER_BYTES)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        self._socket.setblocking(False)

    def _discard(self) -> None:
        """Forget what came before there was a filter."""
        bpf.attach(self._socket, bpf.NOTHING)
        while self.receive():
            pass
        self._read_dropped()

    def _bind(self, interface: str) -> None:
        if interface == ANY_INTERFACE:
            return
        self._socket.bind((interface, _ETH_P_ALL))
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ENETDOWN:
            raise CaptureDeniedError(f"interface {interface!r} is down: bring it up first")

    def _read_dropped(self) -> int:
        """Packets dropped since the last reading."""
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
        return int(_STATISTICS.unpack(statistics)[1])

    def _receive_one(self) -> Frame:
        size, ancillary, _, _ = self._socket.recvmsg_into([self._buffer], _ANCILLARY_BYTES)
        at_ns, length = 0, size
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack(data)
                at_ns = seconds * _NS_PER_S + nanoseconds
            elif level == _SOL_PACKET and kind == _PACKET_AUXDATA:
                length = _AUXDATA.unpack(data)[1]
        return Frame(
            at_ns=at_ns or time.time_ns(),
            link_type=self._link_type,
            data=bytes(self._buffer[:size]),
            original_length=max(length, size),
        )


def denial(interface: str | None) -> str | None:
    """Why this process may not capture on the interface (None: on any); None where it may."""
    try:
        _open(socket.SOCK_RAW, 0).close()
        if interface is not None and interface != ANY_INTERFACE:
            _hardware_type(interface)
    except (CaptureDeniedError, UsageError) as error:
        return str(error)
    return None


def _open(kind: int, protocol: int) -> socket.socket:
    """Protocol 0 receives nothing before `bind`; any other at once, on every interface."""
    try:
        return socket.socket(socket.AF_PACKET, kind, socket.htons(protocol))
    except PermissionError:
        python = os.path.realpath(sys.executable)
        raise CaptureDeniedError(
            "not permitted to capture packets: run as root, or once as root "
            f"`setcap cap_net_raw,cap_net_admin+ep {python}`, or use --capture tap"
        ) from None
    except OSError as error:
        raise CaptureDeniedError(
            f"this system has no packet sockets ({error.strerror}): use --capture tap"
        ) from None


def _hardware_type(interface: str) -> int:
    """The interface's ARPHRD_ number (linux/if_arp.h)."""
    try:
        socket.if_nametoindex(interface)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            request = struct.pack("16s16x", os.fsencode(interface))
            reply = fcntl.ioctl(sock.fileno(), _SIOCGIFHWADDR, request)
    except (OSError, ValueError):
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise UsageError(f"no interface {interface!r}: this machine has {names}") from None
    return int(struct.unpack_from("=H", reply, 16)[0])
