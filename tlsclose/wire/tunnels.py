"""Packets inside packets: what an IP packet carries that is again a network packet.

IP in IP (RFC 2003, 2473, 4213), GRE with checksum, key and sequence number (RFC 2784, 2890), also
with Ethernet or ERSPAN inside, and VXLAN (RFC 7348) on its own port.
"""

from struct import unpack_from
from typing import Final

from tlsclose.wire.links import IPV4, IPV6, Network, ethernet, wrapped

MAX_DEPTH: Final = 4
"""So many packets inside one another are looked into."""
UDP: Final = 17
VXLAN_PORT: Final = 4789
CARRIERS: Final = (4, 41, 47)
"""Protocols that always carry packets."""

_IN_IP: Final = {4: IPV4, 41: IPV6}
_GRE: Final = 47
_CHECKSUM, _ROUTING, _KEY, _SEQUENCE, _VERSION = 0x8000, 0x4000, 0x2000, 0x1000, 0x0007
_BRIDGED: Final = 0x6558
_ERSPAN: Final = 0x88BE
_ERSPAN_BYTES: Final = 8
_VXLAN_FLAG: Final = 0x08
_UDP_AND_VXLAN_BYTES: Final = 16


def inside(protocol: int, data: bytes, at: int) -> Network | None:
    """The network packet that a protocol's payload at an offset holds; None for none."""
    if protocol in _IN_IP:
        return _IN_IP[protocol], at
    if protocol == _GRE:
        return _gre(data, at)
    return _vxlan(data, at) if protocol == UDP else None


def _gre(data: bytes, at: int) -> Network | None:
    if len(data) < at + 4:
        return None
    flags, kind = unpack_from("!HH", data, at)
    if flags & (_ROUTING | _VERSION):
        return None
    at += 4 + 4 * sum(bool(flags & bit) for bit in (_CHECKSUM, _KEY, _SEQUENCE))
    if kind == _BRIDGED:
        return ethernet(data, at)
    if kind == _ERSPAN:
        return ethernet(data, at + _ERSPAN_BYTES * bool(flags & _SEQUENCE))
    return wrapped(data, kind, at)


def _vxlan(data: bytes, at: int) -> Network | None:
    if len(data) < at + _UDP_AND_VXLAN_BYTES or not data[at + 8] & _VXLAN_FLAG:
        return None
    (port,) = unpack_from("!H", data, at + 2)
    return ethernet(data, at + _UDP_AND_VXLAN_BYTES) if port == VXLAN_PORT else None
