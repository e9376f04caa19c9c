"""Connections of which only bare segments came: a few bytes each, until there is more to follow.

A port scan or a flood opens millions of connections that never carry a byte. SYN, SYN-ACK and ACK
of each are kept packed; whatever else comes makes it a connection like any other, to which these
are told first. What comes out is the same.
"""

from collections import OrderedDict
from collections.abc import Hashable
from struct import Struct
from typing import Final, NamedTuple, cast

from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.wire.capture_connection import Ends, FollowedConnection
from tlsclose.wire.follower import Followed
from tlsclose.wire.packets import Segment, TcpFlags, flag_names

MAX_HALF_OPEN: Final = 2**15

_SHAKE: Final = 3
"""Segments that open a connection."""
_ENDING: Final = TcpFlags.FIN | TcpFlags.RST
_PACKED: Final = Struct("<qqIIIHB?")


class Bare(NamedTuple):
    """A segment without payload."""

    at_ns: int
    number: int
    """In the capture, from 1."""
    size: int
    """Bytes on the wire."""
    seq: int
    ack: int
    window: int
    flags: int
    forward: bool
    """Sent by the end that the key names first."""

    def segment(self, ends: Ends) -> Segment:
        """As it was captured."""
        source, target = ends if self.forward else ends[::-1]
        return Segment(
            src=source,
            dst=target,
            seq=self.seq,
            ack=self.ack,
            flags=self.flags,
            payload=b"",
            window=self.window,
            truncated=0,
        )


class HalfOpen:
    """By the two ends, the oldest first."""

    def __init__(self) -> None:
        self._packed: OrderedDict[Hashable, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._packed

    def open(self, key: Hashable, bare: Bare) -> bool:
        """Keep a connection that this SYN opens; False where it opens none."""
        if bare.flags & (_ENDING | TcpFlags.SYN | TcpFlags.ACK) != TcpFlags.SYN:
            return False
        self._packed[key] = _PACKED.pack(*bare)
        return True

    def add(self, key: Hashable, bare: Bare) -> bool:
        """Keep one more segment; False where it is more than the opening of a connection."""
        held = self._packed[key]
        first = Bare(*_PACKED.unpack_from(held))
        count = len(held) // _PACKED.size
        answers = count == 1 and bare.forward != first.forward and bare.flags & TcpFlags.ACK
        if count == _SHAKE or bare.flags & _ENDING or (bare.flags & TcpFlags.SYN and not answers):
            return False
        self._packed[key] = held + _PACKED.pack(*bare)
        return True

    def pop(self, key: Hashable) -> list[Bare]:
        """Let go of one; its segments in the order of capture."""
        return [Bare(*fields) for fields in _PACKED.iter_unpack(self._packed.pop(key))]

    def oldest(self) -> Hashable:
        """The key of the one that was opened first."""
        return next(iter(self._packed))


def ends_of(key: Hashable) -> Ends:
    """The two ends that a key stands for: itself, or the numbers that columns have of them."""
    named = cast("tuple[object, ...]", key)
    if len(named) == 2:
        return cast("Ends", named)
    from tlsclose.wire.columns import address

    numbers = cast("tuple[int, int, int, int, int, int]", key)
    return address(*numbers[:3]), address(*numbers[3:])


def only_syn(ends: Ends, syn: Bare) -> FollowedConnection:
    """A connection that came to nothing but its SYN."""
    client, server = ends if syn.forward else ends[::-1]
    event = Event(
        at_ns=0,
        sender=Side.CLIENT,
        kind=Kind.SYN,
        source=Source.WIRE,
        detail=flag_names(syn.flags),
        packet=syn.number,
    )
    followed = Followed(
        events=(event,),
        negotiated=None,
        sni=None,
        alpn=None,
        resumed=None,
        packets=1,
        notes=(),
    )
    return FollowedConnection(
        client=client,
        server=server,
        started_at_ns=syn.at_ns,
        first_packet=syn.number,
        followed=followed,
        bytes=syn.size,
    )
