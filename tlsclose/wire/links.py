"""Link headers: where the network packet in a captured frame begins, and which kind it is.

Ethernet with VLAN tags, LLC and SNAP, MPLS labels, PPPoE sessions; Linux cooked; BSD loopback; raw
IP; PPP and Cisco HDLC; IEEE 802.11 data frames, bare and behind radiotap; pktap. Frames that are
encrypted, fragmented or aggregated on the air hold no packet that could be read. Nothing raises.
"""

from collections.abc import Callable
from struct import unpack_from
from typing import Final

from tlsclose.wire.frame import LinkType

Network = tuple[int, int]
"""EtherType, and the offset behind all link headers."""

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
VLAN_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
MPLS: Final = frozenset({0x8847, 0x8848})
PPPOE: Final = 0x8864
LONGEST_802_3: Final = 1500
"""Up to here the field of the EtherType is a length, and LLC follows (IEEE 802.3 3.2.6)."""
MAX_VLAN_TAGS: Final = 4

_MAX_LABELS: Final = 16
_BOTTOM_OF_STACK: Final = 0x100
_SNAP: Final = (b"\xaa\xaa\x03\x00\x00\x00", b"\xaa\xaa\x03\x00\x00\xf8")
_LLC_IPV4: Final = b"\x06\x06\x03"
_PPP_TYPES: Final = {0x0021: IPV4, 0x0057: IPV6, 0x0281: 0x8847}
_PPP_ADDRESS: Final = b"\xff\x03"
_PPPOE_SESSION: Final = b"\x11\x00"
_PPPOE_BYTES: Final = 6

_DATA: Final = 0x08
_WITHOUT_DATA: Final = 0x40
_QOS: Final = 0x80
_TO_AND_FROM: Final = 0x03
_UNREADABLE: Final = 0x44
"""More fragments follow; protected."""
_ORDER: Final = 0x80
_AGGREGATED: Final = 0x80
_FLAGS_PRESENT: Final = 0x02
_TIME_PRESENT: Final = 0x01
_MORE_PRESENT: Final = 0x80000000
_PADDED: Final = 0x20
_FCS_BAD: Final = 0x40


def network(link_type: int, data: bytes) -> Network | None:
    """The packet in a frame; None where there is none that could be read."""
    link = _LINKS.get(link_type)
    return None if link is None else link(data)


def ethernet(data: bytes, at: int = 0) -> Network | None:
    """From the destination address on."""
    return typed(data, at + 12)


def typed(data: bytes, at: int) -> Network | None:
    """From the EtherType on."""
    for _ in range(MAX_VLAN_TAGS + 1):
        if len(data) < at + 2:
            return None
        (ether_type,) = unpack_from("!H", data, at)
        if ether_type not in VLAN_TAGS:
            return wrapped(data, ether_type, at + 2)
        at += 4
    return None


def wrapped(data: bytes, ether_type: int, at: int) -> Network | None:
    """Look into what is between the EtherType and IP."""
    if ether_type <= LONGEST_802_3:
        return _llc(data, at)
    if ether_type in MPLS:
        return _labelled(data, at)
    if ether_type == PPPOE:
        return _pppoe(data, at)
    return ether_type, at


def _llc(data: bytes, at: int) -> Network | None:
    if data[at : at + 6] in _SNAP and len(data) >= at + 8:
        (ether_type,) = unpack_from("!H", data, at + 6)
        return ether_type, at + 8
    return (IPV4, at + 3) if data[at : at + 3] == _LLC_IPV4 else None


def _labelled(data: bytes, at: int) -> Network | None:
    for _ in range(_MAX_LABELS):
        if len(data) < at + 4:
            return None
        (label,) = unpack_from("!I", data, at)
        at += 4
        if label & _BOTTOM_OF_STACK:
            return _by_version(data, at)
    return None


def _pppoe(data: bytes, at: int) -> Network | None:
    return _ppp(data, at + _PPPOE_BYTES) if data[at : at + 2] == _PPPOE_SESSION else None


def _ppp(data: bytes, at: int = 0) -> Network | None:
    """Address and control may be left out, and the protocol be one odd byte (RFC 1661 6.5, 6.6)."""
    if data[at : at + 2] == _PPP_ADDRESS:
        at += 2
    size = 1 if data[at : at + 1] and data[at] & 1 else 2
    if len(data) < at + size:
        return None
    ether_type = _PPP_TYPES.get(int.from_bytes(data[at : at + size]))
    return None if ether_type is None else wrapped(data, ether_type, at + size)


def _hdlc(data: bytes) -> Network | None:
    """PPP in frames like HDLC (RFC 1662), or Cisco's own, which has an EtherType."""
    return _ppp(data) if data[:1] == _PPP_ADDRESS[:1] else typed(data, 2)


def _by_version(data: bytes, at: int) -> Network | None:
    if len(data) <= at:
        return None
    ether_type = {4: IPV4, 6: IPV6}.get(data[at] >> 4)
    return None if ether_type is None else (ether_type, at)


def _loopback(data: bytes) -> Network | None:
    # The address family is in the byte order of the machine that captured, and its number for
    # IPv6 differs between systems; the IP version behind it does not.
    return _by_version(data, 4)


def _sll2(data: bytes) -> Network | None:
    return wrapped(data, unpack_from("!H", data, 0)[0], 20) if len(data) >= 20 else None


def _wireless(data: bytes, at: int = 0, *, padded: bool = False) -> Network | None:
    """IEEE 802.11 9.3.2: a data frame, its optional fields, then LLC and SNAP."""
    if len(data) < at + 24:
        return None
    control, flags = data[at], data[at + 1]
    (sequence,) = unpack_from("<H", data, at + 22)
    if control & 0x0F != _DATA or control & _WITHOUT_DATA or flags & _UNREADABLE or sequence & 0x0F:
        return None
    end = at + 24 + 6 * (flags & _TO_AND_FROM == _TO_AND_FROM)
    if control & _QOS:
        if data[end : end + 1] == b"" or data[end] & _AGGREGATED:
            return None
        end += 6 if flags & _ORDER else 2
    return _llc(data, end + (at - end) % 4 * padded)


def _radiotap(data: bytes) -> Network | None:
    """The flags tell of padding behind the 802.11 header and of a damaged frame."""
    if len(data) < 8 or data[0]:
        return None
    size, present = unpack_from("<HI", data, 2)
    at, word = 8, present
    while word & _MORE_PRESENT:
        if len(data) < at + 4:
            return None
        (word,) = unpack_from("<I", data, at)
        at += 4
    if present & _TIME_PRESENT:
        at = (at + 7) // 8 * 8 + 8
    flags = data[at] if present & _FLAGS_PRESENT and at < min(size, len(data)) else 0
    if flags & _FCS_BAD:
        return None
    return _wireless(data, size, padded=bool(flags & _PADDED))


def _pktap(data: bytes) -> Network | None:
    """Apple's: its length, and the link type of what follows."""
    if len(data) < 12:
        return None
    size, _, link_type = unpack_from("<III", data, 0)
    if link_type == _PKTAP or not 12 <= size <= len(data):
        return None
    found = network(link_type, data[size:])
    return None if found is None else (found[0], found[1] + size)


_PKTAP: Final = 258
_LINKS: Final[dict[int, Callable[[bytes], Network | None]]] = {
    LinkType.NULL: _loopback,
    LinkType.LOOP: _loopback,
    LinkType.ETHERNET: ethernet,
    LinkType.LINUX_SLL: lambda data: typed(data, 14),
    276: _sll2,
    9: _ppp,
    50: _hdlc,
    51: lambda data: _pppoe(data, 0),
    104: _hdlc,
    105: _wireless,
    127: _radiotap,
    204: lambda data: _ppp(data, 1),
    _PKTAP: _pktap,
    **dict.fromkeys((LinkType.RAW, 12, 14, 228, 229), lambda data: _by_version(data, 0)),
}
