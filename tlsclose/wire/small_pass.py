"""A small capture on its way through the connection followers: packet by packet, no columns.

What `capture_pass` does for a batch, for captures of so few packets that numpy alone would take
longer to load than they take to be followed. It asks the same questions of the same follower in
the same order, so what comes out is the same.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tlsclose.wire.capture_connection import Ends
from tlsclose.wire.frame import Frame
from tlsclose.wire.half_open import Bare
from tlsclose.wire.packets import Segment, TcpFlags, decode, is_part

if TYPE_CHECKING:
    from tlsclose.wire.capture_follower import CaptureFollower


class _Packet(NamedTuple):
    number: int
    """In the capture, from 1."""
    at_ns: int
    size: int
    """Bytes on the wire."""
    segment: Segment


def follow_frames(connections: "CaptureFollower", frames: Sequence[Frame]) -> None:
    """Connection after connection; of each, its segments in the order of capture."""
    connections.fragments += sum(map(is_part, frames))
    for ends, packets in _grouped(frames).items():
        for packet in packets:
            _take(connections, ends, packet)


def _grouped(frames: Sequence[Frame]) -> dict[Ends, list[_Packet]]:
    """By connection, in the order in which they appear."""
    groups: dict[Ends, list[_Packet]] = {}
    for number, frame in enumerate(frames, 1):
        segment = decode(frame)
        if segment is not None:
            source, target = segment.src, segment.dst
            ends = (source, target) if source < target else (target, source)
            packet = _Packet(number, frame.at_ns, frame.original_length, segment)
            groups.setdefault(ends, []).append(packet)
    return groups


def _take(connections: "CaptureFollower", ends: Ends, packet: _Packet) -> None:
    number, at_ns, size, segment = packet
    flags, sequence, forward = segment.flags, segment.seq, segment.src == ends[0]
    if connections.concerns_half_open(ends, flags) and connections.wait(ends, _bare(ends, packet)):
        return
    connection = connections.known(ends)
    late = connections.is_late(ends, connection, at_ns)
    if flags & TcpFlags.SYN:
        if connection is not None and (
            late or connection.replaced_by(forward=forward, sequence=sequence, flags=flags)
        ):
            connection = None
    elif late:
        connections.late += 1
        return
    if connection is None:
        connection = connections.begin(ends, ends, at_ns, number)
    connection.take(at_ns, number, size, segment, forward=forward)
    connections.check(ends, connection)


def _bare(ends: Ends, packet: _Packet) -> Bare | None:
    """None for a segment with payload."""
    number, at_ns, size, segment = packet
    if segment.payload or segment.truncated:
        return None
    return Bare(
        at_ns=at_ns,
        number=number,
        size=size,
        seq=segment.seq,
        ack=segment.ack,
        window=segment.window,
        flags=segment.flags,
        forward=segment.src == ends[0],
    )
