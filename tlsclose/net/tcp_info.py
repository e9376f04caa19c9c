"""What the kernel tells of a TCP connection beyond its bytes (Linux TCP_INFO)."""

import socket
import struct
import sys
from typing import Final

from tlsclose.core.frozen import dataclass

_STATE_CLOSE: Final = 7
_BYTES_ACKED_OFFSET: Final = 120
_LENGTH: Final = _BYTES_ACKED_OFFSET + 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpInfo:
    closed: bool
    """The kernel is done with the connection: closed in order, or reset."""
    bytes_acked: int
    """Bytes of ours that the peer's TCP acknowledged; SYN and FIN may count one each."""


def tcp_info(sock: socket.socket) -> TcpInfo | None:
    """Ask the kernel; None where it has no TCP_INFO of this shape."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LENGTH)
    except OSError:
        return None
    if len(raw) < _LENGTH:
        return None
    (acked,) = struct.unpack_from("=Q", raw, _BYTES_ACKED_OFFSET)
    return TcpInfo(closed=raw[0] == _STATE_CLOSE, bytes_acked=acked)
