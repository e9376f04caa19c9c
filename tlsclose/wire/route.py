"""Which network interface the system sends to an address through.

Linux is asked directly, with one route netlink request (RFC 3549, rtnetlink(7)): exact for policy
routing, local addresses and tables of any size. Elsewhere scapy's copy of the routing table
answers.
"""

import ipaddress
import os
import socket
import struct
from typing import Final

from tlsclose.errors import CaptureDeniedError, UsageError

_ROUTE_NETLINK: Final = hasattr(socket, "AF_PACKET")
"""Only Linux has packet sockets; other systems' netlink is not the same."""

_NLMSG_ERROR: Final = 2
_NLM_F_REQUEST: Final = 1
_RTM_NEWROUTE: Final = 24
_RTM_GETROUTE: Final = 26
_RTA_DST: Final = 1
_RTA_OIF: Final = 4
_DEAD_ENDS: Final = frozenset({6, 7, 8, 9})
"""RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW."""

_HEADER: Final = struct.Struct("=IHHII")
_ROUTE: Final = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE: Final = struct.Struct("=HH")
_NUMBER: Final = struct.Struct("=i")
_REPLY_BYTES: Final = 65536
_REPLY_TIMEOUT_S: Final = 2.0

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def interface_for(address: str) -> str:
    """Name of the interface for an IPv4 or IPv6 address; the loopback one for local addresses.

    Raises UsageError where `address` is none or its scope names no interface, CaptureDeniedError
    where no route leads there.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise UsageError(f"{address!r} is not an IP address") from None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.scope_id is not None:
            return _scope(address, parsed.scope_id)
        parsed = parsed.ipv4_mapped or parsed
    if _ROUTE_NETLINK:
        return _ask_kernel(parsed)
    return _ask_scapy(parsed)


def _scope(address: str, scope: str) -> str:
    """A scope is an interface's name or number (RFC 4007 section 11.2)."""
    try:
        if scope.isdecimal():
            return socket.if_indextoname(int(scope))
        socket.if_nametoindex(scope)
    except (OSError, OverflowError, ValueError):
        raise UsageError(f"no interface {scope!r} for {address!r}") from None
    return scope


def _ask_kernel(address: _Address) -> str:
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
            sock.settimeout(_REPLY_TIMEOUT_S)
            sock.sendto(_request(address), (0, 0))
            return socket.if_indextoname(_output_interface(sock.recv(_REPLY_BYTES)))
    except (OSError, ValueError, struct.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CaptureDeniedError(f"no route to {address}: {reason}") from None


def _request(address: _Address) -> bytes:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    route = _ROUTE.pack(family, address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    packed = address.packed
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _RTA_DST) + packed
    body = route + attribute
    return _HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + body


def _output_interface(reply: bytes) -> int:
    """The interface number in the kernel's answer. Raises OSError with its reason, ValueError."""
    length, kind, _, _, _ = _HEADER.unpack_from(reply)
    if kind == _NLMSG_ERROR:
        number = -_NUMBER.unpack_from(reply, _HEADER.size)[0]
        raise OSError(number, os.strerror(number))
    route_type = _ROUTE.unpack_from(reply, _HEADER.size)[7]
    if kind != _RTM_NEWROUTE or route_type in _DEAD_ENDS:
        raise ValueError("the routing table forbids it")
    place = _HEADER.size + _ROUTE.size
    while place + _ATTRIBUTE.size <= min(length, len(reply)):
        size, attribute = _ATTRIBUTE.unpack_from(reply, place)
        if attribute == _RTA_OIF:
            return int(_NUMBER.unpack_from(reply, place + _ATTRIBUTE.size)[0])
        place += max(_ATTRIBUTE.size, (size + 3) & ~3)
    raise ValueError("the kernel named no interface")


def _ask_scapy(address: _Address) -> str:
    from scapy.config import conf

    if address.version == 4:
        import scapy.route

        interface = conf.route.route(str(address))[0]
    else:
        import scapy.route6  # noqa: F401

        interface = conf.route6.route(str(address))[0]
    if interface is None:
        raise CaptureDeniedError(f"no route to {address}")
    return str(interface)
