"""Link, IP and TCP headers of a batch as columns: what `packets.decode` says, without its loop.

Ethernet with VLAN tags, Linux cooked, BSD loopback and raw IP; IPv4, and IPv6 whose next header is
TCP. A packet that may be TCP in some rarer wrapping, in a tunnel or in fragments, is decoded alone
and joins the columns.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, ip_address
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tlsclose.wire.batch import Batch, Integers, gather
from tlsclose.wire.frame import LinkType
from tlsclose.wire.links import IPV4, IPV6, LONGEST_802_3, MAX_VLAN_TAGS, MPLS, PPPOE
from tlsclose.wire.packets import (
    EXTENSIONS,
    FRAGMENT,
    TCP,
    Address,
    Segment,
    decode,
    text4,
    text6,
)
from tlsclose.wire.scan import Buffer
from tlsclose.wire.tunnels import CARRIERS, UDP, VXLAN_PORT

Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[Any]

_VLAN, _QINQ, _OLD_QINQ = 0x8100, 0x88A8, 0x9100
_WRAPPED: Final = (*MPLS, PPPOE)
_ALONE4: Final = CARRIERS
_ALONE6: Final = (*CARRIERS, *EXTENSIONS)
_MORE, _OFFSET, _FRAGMENT = 0x2000, 0x1FFF, 0x3FFF
_OFFSET_OR_MORE6: Final = 0xFFF9
_SLL2: Final = 276
_RAW: Final = (LinkType.RAW, 12, 14, 228, 229)
_LOOPBACK: Final = (LinkType.NULL, LinkType.LOOP)
_TYPE_AT: Final = {LinkType.ETHERNET: 12, LinkType.LINUX_SLL: 14}
_VECTOR_LINKS: Final = (*_RAW, *_LOOPBACK, *_TYPE_AT, _SLL2)
_FAMILY_BIT: Final = 1 << 16

_IP4: Final = np.dtype(
    {
        "names": ["version", "total", "fragment", "protocol", "src", "dst"],
        "formats": ["u1", ">u2", ">u2", "u1", ">u4", ">u4"],
        "offsets": [0, 2, 6, 9, 12, 16],
        "itemsize": 40,
    }
)
_IP6: Final = np.dtype(
    {
        "names": ["version", "size", "next", "src_high", "src", "dst_high", "dst"],
        "formats": ["u1", ">u2", "u1", ">u8", ">u8", ">u8", ">u8"],
        "offsets": [0, 4, 6, 8, 16, 24, 32],
        "itemsize": 40,
    }
)
_TCP_HEADER: Final = np.dtype(
    {
        "names": ["src", "dst", "seq", "ack", "offset", "flags", "window"],
        "formats": [">u2", ">u2", ">u4", ">u4", "u1", "u1", ">u2"],
        "offsets": [0, 2, 4, 8, 12, 13, 14],
        "itemsize": 20,
    }
)


@dataclass(slots=True, kw_only=True)
class Columns:
    """TCP segments, in the order of capture; one element of each column per segment."""

    index: Integers
    """Position in the batch."""
    src_high: npt.NDArray[np.uint64]
    src: npt.NDArray[np.uint64]
    """Lower 64 bits of the address."""
    dst_high: npt.NDArray[np.uint64]
    dst: npt.NDArray[np.uint64]
    src_port: Integers
    """With `_FAMILY_BIT` set where the address is IPv6."""
    dst_port: Integers
    seq: Integers
    ack: Integers
    flags: Integers
    window: Integers
    start: Integers
    """Where the payload stands in the buffer."""
    size: Integers
    """Payload bytes captured."""
    truncated: Integers
    single: dict[int, Segment]
    """Those decoded alone, by position in the batch."""
    fragments: int = 0
    """IP packets of the batch with a part of a segment; later parts are no segment."""

    def __len__(self) -> int:
        return len(self.index)


def address(high: int, low: int, port: int) -> Address:
    """The address that one end's three numbers stand for."""
    if port & _FAMILY_BIT:
        return text6((high << 64 | low).to_bytes(16)), port & 0xFFFF
    return text4(low.to_bytes(4)), port


def tcp_columns(batch: Batch) -> Columns:
    """The TCP segments of a batch."""
    ether_type, ip_at, odd = _network(batch)
    header = gather(batch.buffer, ip_at, 40)
    length = np.maximum(batch.original, batch.captured)
    four, alone4, fragments4 = _ipv4(batch, header.view(_IP4), ip_at, length, ether_type == IPV4)
    six, alone6, fragments6 = _ipv6(batch, header.view(_IP6), ip_at, length, ether_type == IPV6)
    columns = _joined(four, six)
    rows = np.concatenate([np.flatnonzero(odd), alone4, alone6])
    singles = _singles(batch, np.sort(rows)) if len(rows) else None
    if singles is not None:
        columns = _joined(columns, singles)
    columns.fragments = fragments4 + fragments6
    return columns


def _numbers(buffer: Buffer, at: Integers) -> Integers:
    """16-bit numbers."""
    return gather(buffer, at, 2).view(">u2").astype(np.int64)


def _network(batch: Batch) -> tuple[Integers, Integers, Flags]:
    """EtherType (0 where there is none), where the IP header begins, and whom to decode alone."""
    if len(batch) and (batch.link == batch.link[0]).all():
        return _of_link(batch, int(batch.link[0]), batch.start, batch.captured)
    ether_type = np.zeros(len(batch), np.int64)
    ip_at = batch.start.copy()
    odd = np.zeros(len(batch), np.bool_)
    for link in np.unique(batch.link):
        chosen = np.flatnonzero(batch.link == link)
        found = _of_link(batch, int(link), batch.start[chosen], batch.captured[chosen])
        ether_type[chosen], ip_at[chosen], odd[chosen] = found
    return ether_type, ip_at, odd


def _of_link(
    batch: Batch, link: int, start: Integers, captured: Integers
) -> tuple[Integers, Integers, Flags]:
    odd = np.full(len(start), link not in _VECTOR_LINKS)
    if link in _TYPE_AT:
        return _untagged(batch.buffer, start, captured, _TYPE_AT[LinkType(link)])
    if link == _SLL2:
        ether_type = _numbers(batch.buffer, start)
        return _looked_into(ether_type, start + 20, captured >= 20)
    offset = 4 if link in _LOOPBACK else 0
    version = gather(batch.buffer, start + offset, 1).view(np.uint8) >> 4
    ether_type = np.select([version == 4, version == 6], [IPV4, IPV6], 0)
    present = (captured > offset) & ~odd
    return np.where(present, ether_type, 0), start + offset, odd


def _untagged(
    buffer: Buffer, start: Integers, captured: Integers, type_at: int
) -> tuple[Integers, Integers, Flags]:
    at = start + type_at
    ether_type = _numbers(buffer, at)
    for _ in range(MAX_VLAN_TAGS):
        tagged = (ether_type == _VLAN) | (ether_type == _QINQ) | (ether_type == _OLD_QINQ)
        if not tagged.any():
            break
        at = np.where(tagged, at + 4, at)
        ether_type = _numbers(buffer, at)
    at += 2
    return _looked_into(ether_type, at, at <= start + captured)


def _looked_into(
    ether_type: Integers, at: Integers, present: Flags
) -> tuple[Integers, Integers, Flags]:
    """Whatever is between the EtherType and IP is looked at alone."""
    plain = (ether_type == IPV4) | (ether_type == IPV6)
    if plain.all():
        return np.where(present, ether_type, 0), at, ~plain
    wrapped = (ether_type <= LONGEST_802_3) | np.isin(ether_type, _WRAPPED)
    return np.where(present & ~wrapped, ether_type, 0), at, present & wrapped


def _ipv4(
    batch: Batch, header: Rows, at: Integers, length: Integers, chosen: Flags
) -> tuple[Columns, Integers, int]:
    """The segments; which packets to decode alone; how many are fragments."""
    chosen = (
        chosen
        & (batch.start + batch.captured >= at + 20)
        & (header["version"] >> 4 == 4)
        & (header["version"] & 0x0F >= 5)
    )
    plain = chosen & (header["protocol"] == TCP) & (header["fragment"] & _FRAGMENT == 0)
    alone, fragments = _rare4(batch, header, at, np.flatnonzero(chosen & ~plain))
    rows = np.flatnonzero(plain)
    header, at = header[rows], at[rows]
    wire_end = batch.start[rows] + length[rows]
    total = header["total"].astype(np.int64)
    end = np.where(total > 0, at + total, wire_end)
    transport = at + (header["version"] & 0x0F).astype(np.int64) * 4
    none = np.zeros(len(rows), np.uint64)
    source, target = (header[name].astype(np.uint64) for name in ("src", "dst"))
    ends = (none, source, none, target)
    columns = _tcp(batch, rows, transport, end, good=end <= wire_end, ends=ends, family=0)
    return columns, alone, fragments


def _rare4(batch: Batch, header: Rows, at: Integers, rows: Integers) -> tuple[Integers, int]:
    """Among what is no plain TCP: first fragments of it, tunnels; and how many fragments."""
    header, at = header[rows], at[rows]
    fragment, protocol = header["fragment"], header["protocol"]
    transport = at + (header["version"] & 0x0F).astype(np.int64) * 4
    tunnel = np.isin(protocol, _ALONE4) | _vxlan(batch, protocol, transport)
    alone = (fragment & _OFFSET == 0) & (tunnel | (protocol == TCP))
    part = (fragment & _FRAGMENT != 0) & (protocol == TCP)
    return rows[alone], int(np.count_nonzero(part))


def _vxlan(batch: Batch, protocol: Integers, transport: Integers) -> Flags:
    found: Flags = (protocol == UDP) & (_numbers(batch.buffer, transport + 2) == VXLAN_PORT)
    return found


def _ipv6(
    batch: Batch, header: Rows, at: Integers, length: Integers, chosen: Flags
) -> tuple[Columns, Integers, int]:
    """As `_ipv4`; also what has extension headers is decoded alone."""
    chosen = chosen & (batch.start + batch.captured >= at + 40) & (header["version"] >> 4 == 6)
    plain = chosen & (header["next"] == TCP)
    alone, fragments = _rare6(batch, header, at, np.flatnonzero(chosen & ~plain))
    rows = np.flatnonzero(plain)
    header, at = header[rows], at[rows]
    wire_end = batch.start[rows] + length[rows]
    size = header["size"].astype(np.int64)
    end = np.where(size > 0, at + 40 + size, wire_end)
    high, source, target_high, target = (
        header[name].astype(np.uint64) for name in ("src_high", "src", "dst_high", "dst")
    )
    ends = (high, source, target_high, target)
    good = end <= wire_end
    columns = _tcp(batch, rows, at + 40, end, good=good, ends=ends, family=_FAMILY_BIT)
    return columns, alone, fragments


def _rare6(batch: Batch, header: Rows, at: Integers, rows: Integers) -> tuple[Integers, int]:
    following, transport = header["next"][rows], at[rows] + 40
    alone = np.isin(following, _ALONE6) | _vxlan(batch, following, transport)
    behind = gather(batch.buffer, transport, 4)
    carried, part = behind.view("u1").reshape(-1, 4)[:, 0], behind.view(">u2").reshape(-1, 2)[:, 1]
    parts = (following == FRAGMENT) & (carried == TCP) & (part & _OFFSET_OR_MORE6 != 0)
    return rows[alone], int(np.count_nonzero(parts))


def _tcp(
    batch: Batch,
    rows: Integers,
    at: Integers,
    end: Integers,
    *,
    good: Flags,
    ends: tuple[Rows, Rows, Rows, Rows],
    family: int,
) -> Columns:
    header = gather(batch.buffer, at, 20).view(_TCP_HEADER)
    captured = np.minimum(end, batch.start[rows] + batch.captured[rows])
    payload = at + (header["offset"] >> 4).astype(np.int64) * 4
    good = good & (captured >= at + 20) & (payload >= at + 20) & (payload <= end)
    columns = Columns(
        index=rows,
        src_high=ends[0],
        src=ends[1],
        dst_high=ends[2],
        dst=ends[3],
        src_port=header["src"].astype(np.int64) | family,
        dst_port=header["dst"].astype(np.int64) | family,
        seq=header["seq"].astype(np.int64),
        ack=header["ack"].astype(np.int64),
        flags=header["flags"].astype(np.int64),
        window=header["window"].astype(np.int64),
        start=payload,
        size=np.maximum(captured - payload, 0),
        truncated=end - np.maximum(captured, payload),
        single={},
    )
    return columns if good.all() else take(columns, np.flatnonzero(good))


def take(columns: Columns, rows: Integers) -> Columns:
    """Some of the segments, in another order."""
    arrays: dict[str, Any] = {name: getattr(columns, name)[rows] for name in _ARRAYS}
    return Columns(**arrays, single=columns.single)


def _joined(one: Columns, other: Columns) -> Columns:
    """Both, in the order of capture."""
    if not len(other):
        return one
    if not len(one):
        return other
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in _ARRAYS
    }
    both = Columns(**arrays, single=one.single | other.single)
    return take(both, np.argsort(both.index, kind="stable"))


def _singles(batch: Batch, rows: Integers) -> Columns | None:
    found: dict[int, Segment] = {}
    for row in rows.tolist():
        segment = decode(batch.frame(row))
        if segment is not None:
            found[row] = segment
    if not found:
        return None
    values = [_row(index, segment) for index, segment in found.items()]
    columns = dict(zip(_ARRAYS, zip(*values, strict=True), strict=True))
    arrays: dict[str, Any] = {
        name: np.array(column, np.uint64 if name in _UNSIGNED else np.int64)
        for name, column in columns.items()
    }
    return Columns(**arrays, single=found)


def _row(index: int, segment: Segment) -> tuple[int, ...]:
    src_high, src, src_port = _numbered(segment.src)
    dst_high, dst, dst_port = _numbered(segment.dst)
    ends = (src_high, src, dst_high, dst, src_port, dst_port)
    head = (segment.seq, segment.ack, segment.flags, segment.window)
    return (index, *ends, *head, 0, len(segment.payload), segment.truncated)


def _numbered(end: Address) -> tuple[int, int, int]:
    high, low, family = _host(end[0])
    return high, low, end[1] | family


@lru_cache(maxsize=4096)
def _host(text: str) -> tuple[int, int, int]:
    parsed = ip_address(text)
    number = int(parsed)
    family = 0 if isinstance(parsed, IPv4Address) else _FAMILY_BIT
    return number >> 64, number & (2**64 - 1), family


_ARRAYS: Final = tuple(name for name in Columns.__slots__ if name not in ("single", "fragments"))
_UNSIGNED: Final = frozenset({"src_high", "src", "dst_high", "dst"})
