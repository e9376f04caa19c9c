"""Names to addresses, with a deadline that getaddrinfo itself lacks."""

import queue
import socket
import threading
from typing import Final

from tlsclose.core.frozen import dataclass
from tlsclose.net.settings import Family
from tlsclose.net.winsock import winsock_text

_FAMILIES: Final = {
    Family.ANY: socket.AF_UNSPEC,
    Family.V4: socket.AF_INET,
    Family.V6: socket.AF_INET6,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to connect to."""

    family: socket.AddressFamily
    sockaddr: tuple[str | int, ...]

    @property
    def ip(self) -> str:
        return str(self.sockaddr[0])

    @property
    def port(self) -> int:
        return int(self.sockaddr[1])


def resolve(host: str, port: int, family: Family, timeout_s: float) -> tuple[Address, ...] | str:
    """Addresses in the resolver's order, or in one line why there are none."""
    answer: queue.SimpleQueue[tuple[Address, ...] | str] = queue.SimpleQueue()
    threading.Thread(
        target=lambda: answer.put(_look_up(host, port, family)), name="resolve", daemon=True
    ).start()
    try:
        return answer.get(timeout=timeout_s)
    except queue.Empty:
        return f"no answer from the resolver for {host} within {timeout_s:g} s"


def _look_up(host: str, port: int, family: Family) -> tuple[Address, ...] | str:
    try:
        # As bytes: for text, Python would load its tables of international names first.
        found = socket.getaddrinfo(
            host.encode("ascii"), port, _FAMILIES[family], socket.SOCK_STREAM
        )
    except (OSError, ValueError, OverflowError) as error:
        reason = "not a host name"
        if isinstance(error, OSError):
            reason = winsock_text(error) or error.strerror or str(error)
        wanted = "" if family is Family.ANY else f" (IPv{family})"
        return f"cannot resolve {host}{wanted}: {reason}"
    addresses = (
        Address(family=family_found, sockaddr=(str(sockaddr[0]), *map(int, sockaddr[1:])))
        for family_found, _, _, _, sockaddr in found
    )
    return tuple(dict.fromkeys(addresses))
