"""Whether the machine's own addresses work."""

import contextlib
import socket


def has_v6_loopback() -> bool:
    """Whether a socket can be bound to `[::1]`."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False
