"""Link, IP and TCP headers: one captured frame to one TCP segment.

Plain `struct` decoding, no dissector: this runs once per packet of a live capture. Whatever is not
TCP, is a fragment, or contradicts itself decodes to None; nothing here raises.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv6Address
from struct import unpack_from
from typing import Final, NamedTuple

from tlsclose.wire.frame import Frame, LinkType

Address = tuple[str, int]
"""IP address as text, and port."""

_IPV4: Final = 0x0800
_IPV6: Final = 0x86DD
_VLAN_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
_MAX_VLAN_TAGS: Final = 4
_TCP: Final = 6
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51
_EXTENSIONS: Final = frozenset({0, 43, 60, 135, 139, 140})
_MAX_EXTENSIONS: Final = 16
_RAW_BSD: Final = 12
_RAW_OPENBSD: Final = 14
_RAW_IPV4: Final = 228
_RAW_IPV6: Final = 229
_LINUX_SLL2: Final = 276


class TcpFlags(IntEnum):
    """Bits of the flag byte of the TCP header (RFC 9293 section 3.1).

    No IntFlag: its operators cost more than decoding the packet does.
    """

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10
    URG = 0x20
    ECE = 0x40
    CWR = 0x80


_SHOWN: Final = (TcpFlags.SYN, TcpFlags.FIN, TcpFlags.RST, TcpFlags.PSH, TcpFlags.ACK)


def flag_names(flags: int) -> str:
    """`SYN,ACK`: the flags that matter to a reader."""
    return ",".join(flag.name or "" for flag in _SHOWN if flags & flag)


class Segment(NamedTuple):
    """One TCP segment as captured."""

    src: Address
    dst: Address
    seq: int
    ack: int
    flags: int
    """`TcpFlags` bits."""
    payload: bytes
    window: int
    """As in the header, without scaling."""
    truncated: int
    """Payload bytes at the end that the capture's snap length cut off."""


def decode(frame: Frame) -> Segment | None:
    """The TCP segment in a frame; None where there is none or its headers contradict themselves."""
    link = _LINKS.get(frame.link_type)
    found = link(frame.data) if link is not None else None
    if found is None:
        return None
    ether_type, start = found
    length = max(frame.original_length, len(frame.data))
    if ether_type == _IPV4:
        return _ipv4(frame.data, start, length)
    if ether_type == _IPV6:
        return _ipv6(frame.data, start, length)
    return None


def _ethernet(data: bytes) -> tuple[int, int] | None:
    return _untagged(data, 12)


def _untagged(data: bytes, at: int) -> tuple[int, int] | None:
    for _ in range(_MAX_VLAN_TAGS + 1):
        if len(data) < at + 2:
            return None
        (ether_type,) = unpack_from("!H", data, at)
        if ether_type not in _VLAN_TAGS:
            return ether_type, at + 2
        at += 4
    return None


def _loopback(data: bytes) -> tuple[int, int] | None:
    # The address family is in the byte order of the machine that captured, and its number for
    # IPv6 differs between systems; the IP version behind it does not.
    return _version_nibble(data, 4)


def _raw(data: bytes) -> tuple[int, int] | None:
    return _version_nibble(data, 0)


def _version_nibble(data: bytes, at: int) -> tuple[int, int] | None:
    if len(data) <= at:
        return None
    ether_type = {4: _IPV4, 6: _IPV6}.get(data[at] >> 4)
    return None if ether_type is None else (ether_type, at)


def _sll(data: bytes) -> tuple[int, int] | None:
    return _untagged(data, 14)


def _sll2(data: bytes) -> tuple[int, int] | None:
    return (unpack_from("!H", data, 0)[0], 20) if len(data) >= 20 else None


_LINKS: Final[dict[int, Callable[[bytes], tuple[int, int] | None]]] = {
    LinkType.NULL: _loopback,
    LinkType.LOOP: _loopback,
    LinkType.ETHERNET: _ethernet,
    LinkType.RAW: _raw,
    LinkType.LINUX_SLL: _sll,
    _RAW_BSD: _raw,
    _RAW_OPENBSD: _raw,
    _RAW_IPV4: _raw,
    _RAW_IPV6: _raw,
    _LINUX_SLL2: _sll2,
}


def _ipv4(data: bytes, start: int, frame_length: int) -> Segment | None:
    if len(data) < start + 20 or data[start] >> 4 != 4:
        return None
    header = (data[start] & 0x0F) * 4
    total, _, fragment = unpack_from("!HHH", data, start + 2)
    if header < 20 or fragment & 0x3FFF or data[start + 9] != _TCP:
        return None
    # Frames handed over before segmentation (TSO, GRO) may carry a length of 0.
    end = start + total if total else frame_length
    if end > frame_length:
        return None
    source, destination = data[start + 12 : start + 16], data[start + 16 : start + 20]
    return _tcp(data, start + header, end, text4(source), text4(destination))


def _ipv6(data: bytes, start: int, frame_length: int) -> Segment | None:
    if len(data) < start + 40 or data[start] >> 4 != 6:
        return None
    (payload,) = unpack_from("!H", data, start + 4)
    end = start + 40 + payload if payload else frame_length
    transport = _skip_extensions(data, data[start + 6], start + 40)
    if transport is None or end > frame_length:
        return None
    source, destination = data[start + 8 : start + 24], data[start + 24 : start + 40]
    return _tcp(data, transport, end, text6(source), text6(destination))


def _skip_extensions(data: bytes, kind: int, at: int) -> int | None:
    for _ in range(_MAX_EXTENSIONS):
        if kind == _TCP:
            return at
        if len(data) < at + 8:
            return None
        following, size = data[at], data[at + 1]
        if kind in _EXTENSIONS:
            at += (size + 1) * 8
        elif kind == _AUTHENTICATION:
            at += (size + 2) * 4
        elif kind == _FRAGMENT and not unpack_from("!H", data, at + 2)[0] & 0xFFF9:
            at += 8
        else:
            return None
        kind = following
    return None


def _tcp(data: bytes, start: int, end: int, source: str, destination: str) -> Segment | None:
    captured = min(end, len(data))
    if captured < start + 20:
        return None
    source_port, destination_port, seq, ack, offset, flags, window = unpack_from(
        "!HHIIBBH", data, start
    )
    payload = start + (offset >> 4) * 4
    if payload < start + 20 or payload > end:
        return None
    return Segment(
        src=(source, source_port),
        dst=(destination, destination_port),
        seq=seq,
        ack=ack,
        flags=flags,
        payload=data[payload:captured],
        window=window,
        truncated=end - max(captured, payload),
    )


@lru_cache(maxsize=4096)
def text4(packed: bytes) -> str:
    """An IPv4 address."""
    return ".".join(map(str, packed))


@lru_cache(maxsize=4096)
def text6(packed: bytes) -> str:
    """An IPv6 address."""
    return str(IPv6Address(packed))
