"""IP and TCP headers, also within tunnels: one captured frame to one TCP segment.

Plain `struct` decoding, no dissector: this runs once per packet of a live capture. Whatever is not
TCP, is a later fragment, or contradicts itself decodes to None; nothing here raises.
"""

from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv6Address
from struct import unpack_from
from typing import Final, NamedTuple

from tlsclose.wire.frame import Frame
from tlsclose.wire.links import IPV4, IPV6, Network, network
from tlsclose.wire.tunnels import MAX_DEPTH, inside

Address = tuple[str, int]
"""IP address as text, and port."""

TCP: Final = 6
FRAGMENT: Final = 44
EXTENSIONS: Final = frozenset({0, 43, FRAGMENT, 51, 60, 135, 139, 140})
"""Headers of IPv6 that other headers follow (RFC 8200 section 4)."""
FRAGMENT_REST: Final = 1
"""How many bytes the later fragments of a segment are taken for: they are not put together, and
the first one does not tell how much they hold."""

_AUTHENTICATION: Final = 51
_MAX_EXTENSIONS: Final = 16
_OFFSET, _MORE = 0x1FFF, 0x2000
_OFFSET6, _MORE6 = 0xFFF8, 0x0001
_END_OF_OPTIONS, _NO_OPERATION, _SACK = 0, 1, 5
_OPTION_BYTES: Final = 2
"""Kind and length."""
_BLOCK_BYTES: Final = 8


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


@lru_cache(maxsize=256)
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
    """Payload bytes at the end that the capture's snap length cut off; of a segment in fragments
    at least those."""
    sack: tuple[int, ...] = ()
    """Of one without payload: where the blocks begin and end that its sender has got behind a hole
    (RFC 2018)."""


def decode(frame: Frame) -> Segment | None:
    """The TCP segment in a frame; None where there is none or its headers contradict themselves."""
    found = network(frame.link_type, frame.data)
    length = max(frame.original_length, len(frame.data))
    return None if found is None else _internet(frame.data, found, length, 0)


def is_part(frame: Frame) -> bool:
    """Whether an IP packet brings a fragment of a TCP segment; tunnels are not looked into."""
    data, found = frame.data, network(frame.link_type, frame.data)
    if found is None:
        return False
    ether_type, at = found
    if ether_type == IPV4 and len(data) >= at + 20:
        (fragment,) = unpack_from("!H", data, at + 6)
        return data[at + 9] == TCP and fragment & (_OFFSET | _MORE) != 0
    if ether_type == IPV6 and len(data) >= at + 44 and data[at + 6] == FRAGMENT:
        (fragment,) = unpack_from("!H", data, at + 42)
        return data[at + 40] == TCP and fragment & (_OFFSET6 | _MORE6) != 0
    return False


def _internet(data: bytes, found: Network, end: int, depth: int) -> Segment | None:
    """The segment in a network packet that ends, on the wire, at an offset or before it."""
    ether_type, start = found
    if ether_type == IPV4:
        return _ipv4(data, start, end, depth)
    if ether_type == IPV6:
        return _ipv6(data, start, end, depth)
    return None


def _ipv4(data: bytes, start: int, frame_end: int, depth: int) -> Segment | None:
    if len(data) < start + 20 or data[start] >> 4 != 4:
        return None
    header = (data[start] & 0x0F) * 4
    total, _, fragment = unpack_from("!HHH", data, start + 2)
    if header < 20 or fragment & _OFFSET:
        return None
    # Frames handed over before segmentation (TSO, GRO) may carry a length of 0.
    end = start + total if total else frame_end
    if end > frame_end:
        return None
    carried = _Carried(data[start + 9], start + header, end, bool(fragment & _MORE), depth)
    return _transport(data, carried, data[start + 12 : start + 16], data[start + 16 : start + 20])


def _ipv6(data: bytes, start: int, frame_end: int, depth: int) -> Segment | None:
    if len(data) < start + 40 or data[start] >> 4 != 6:
        return None
    (payload,) = unpack_from("!H", data, start + 4)
    end = start + 40 + payload if payload else frame_end
    found = _skip_extensions(data, data[start + 6], start + 40)
    if found is None or end > frame_end:
        return None
    carried = _Carried(found[0], found[1], end, found[2], depth)
    return _transport(data, carried, data[start + 8 : start + 24], data[start + 24 : start + 40])


class _Carried(NamedTuple):
    """What an IP packet carries."""

    protocol: int
    start: int
    end: int
    """On the wire."""
    more: bool
    """Of a datagram in fragments, the first."""
    depth: int


def _transport(data: bytes, carried: _Carried, source: bytes, target: bytes) -> Segment | None:
    if carried.protocol == TCP:
        text = text4 if len(source) == 4 else text6
        end = carried.end
        segment = _tcp(data, carried.start, end, text(source), text(target))
        if segment is None or not carried.more:
            return segment
        return segment._replace(truncated=segment.truncated + FRAGMENT_REST)
    if carried.depth >= MAX_DEPTH:
        return None
    found = inside(carried.protocol, data, carried.start)
    return None if found is None else _internet(data, found, carried.end, carried.depth + 1)


def _skip_extensions(data: bytes, kind: int, at: int) -> tuple[int, int, bool] | None:
    """The protocol behind them, where it begins, and whether more fragments follow."""
    more = False
    for _ in range(_MAX_EXTENSIONS):
        if kind not in EXTENSIONS:
            return kind, at, more
        if len(data) < at + 8:
            return None
        following, size = data[at], data[at + 1]
        if kind == _AUTHENTICATION:
            at += (size + 2) * 4
        elif kind == FRAGMENT:
            (fragment,) = unpack_from("!H", data, at + 2)
            if fragment & _OFFSET6:
                return None
            more = more or bool(fragment & _MORE6)
            at += 8
        else:
            at += (size + 1) * 8
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
        sack=_sack(data[start + 20 : min(payload, captured)]) if payload == end else (),
    )


def _sack(options: bytes) -> tuple[int, ...]:
    at = 0
    while at + 1 < len(options):
        kind, size = options[at], options[at + 1]
        if kind == _NO_OPERATION:
            at += 1
        elif size < _OPTION_BYTES or at + size > len(options) or kind == _END_OF_OPTIONS:
            break
        elif kind == _SACK:
            count = (size - _OPTION_BYTES) // _BLOCK_BYTES * 2
            return unpack_from(f"!{count}I", options, at + _OPTION_BYTES)
        else:
            at += size
    return ()


@lru_cache(maxsize=4096)
def text4(packed: bytes) -> str:
    """An IPv4 address."""
    return ".".join(map(str, packed))


@lru_cache(maxsize=4096)
def text6(packed: bytes) -> str:
    """An IPv6 address."""
    return str(IPv6Address(packed))
