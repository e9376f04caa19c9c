"""Ways to make other packets of a connection's packets: see `disturbances`."""

from itertools import pairwise
from typing import NamedTuple

from tests.wire.playbook import MS
from tlsclose.wire.packets import Segment, TcpFlags

FIN, SYN, RST, PSH, ACK = TcpFlags.FIN, TcpFlags.SYN, TcpFlags.RST, TcpFlags.PSH, TcpFlags.ACK
SECOND = 1000 * MS


class Packet(NamedTuple):
    """A segment and its time."""

    at_ns: int
    segment: Segment

    @property
    def behind(self):
        """The sequence number behind it."""
        segment = self.segment
        size = len(segment.payload) + segment.truncated
        return (segment.seq + size + bool(segment.flags & SYN) + bool(segment.flags & FIN)) % 2**32

    def changed(self, **fields):
        """The same with other fields; numbers wrap."""
        for name in {"seq", "ack"} & set(fields):
            fields[name] %= 2**32
        return self._replace(segment=self.segment._replace(**fields))


def bare(packet, **fields):
    """What its sender could send behind it: an acknowledgement."""
    return packet.changed(**{"seq": packet.behind, "flags": ACK, "payload": b"", **fields})


def reply(packet, **fields):
    """An acknowledgement of it."""
    segment = packet.segment
    ends = {"src": segment.dst, "dst": segment.src, "seq": segment.ack, "ack": packet.behind}
    return packet.changed(**{**ends, "flags": ACK, "payload": b"", **fields})


def inserted(*made, later=0):
    """What `made` makes of the packet at the place is put behind it, or so many packets later."""

    def disturb(packets, at):
        to = at + 1 + later
        return [*packets[:to], *(make(packets[at]) for make in made), *packets[to:]]

    return disturb


def replaced(*made):
    """What `made` makes of the packet at the place stands for it."""

    def disturb(packets, at):
        return [*packets[:at], *(make(packets[at]) for make in made), *packets[at + 1 :]]

    return disturb


def appended(*made):
    """What `made` makes of the last packet of the side whose packet is at the place."""

    def disturb(packets, at):
        sender = packets[at].segment.src
        last = [packet for packet in packets if packet.segment.src == sender][-1]
        late = last._replace(at_ns=packets[-1].at_ns)
        return [*packets, *(make(late) for make in made)]

    return disturb


def same(packet):
    return packet


def every(test):
    """Packets like that are repeated behind all others."""
    return lambda packets, _: [*packets, *filter(test, packets)]


def each(test):
    """Packets like that are repeated at once."""
    return lambda packets, _: [
        packet for packet in packets for _ in range(2 if test(packet) else 1)
    ]


def has(flags):
    return lambda packet: bool(packet.segment.flags & flags)


def carries(packet):
    return bool(packet.segment.payload)


def anything(packet):
    return True


def swapped(packets, at):
    return [*packets[:at], *packets[at : at + 2][::-1], *packets[at + 2 :]]


def one_side(packets, at):
    return [item for item in packets if item.segment.src == packets[at].segment.src]


def split(*edges):
    """The payload comes in several segments."""

    def disturb(packets, at):
        packet = packets[at]
        payload = packet.segment.payload
        limits = [0, *(edge for edge in edges if edge < len(payload)), len(payload)]
        return [*packets[:at], *pieces(packet, limits), *packets[at + 1 :]]

    return disturb


def pieces(packet, limits):
    segment = packet.segment
    for start, end in pairwise(limits):
        flags = segment.flags if end == limits[-1] else segment.flags & ~FIN
        yield packet.changed(
            payload=segment.payload[start:end], seq=segment.seq + start, flags=flags
        )


def shredded(packets, at):
    """Short payloads come in pieces of some bytes."""
    made = []
    for packet in packets:
        size = len(packet.segment.payload)
        if 0 < size < 300:
            made += pieces(packet, [*range(0, size, at % 7 + 3), size])
        else:
            made.append(packet)
    return made


def joined(packets, at):
    """Segments of one side that follow on each other come as one, a FIN with them."""
    made = packets[:at]
    for packet in packets[at:]:
        before = made[-1] if made else None
        if before and before.segment.src == packet.segment.src and _joins(before, packet):
            payload = before.segment.payload + packet.segment.payload
            flags = before.segment.flags | packet.segment.flags
            made[-1] = packet.changed(payload=payload, seq=before.segment.seq, flags=flags)
        else:
            made.append(packet)
    return made


def _joins(before, packet):
    plain = not (before.segment.flags & (SYN | RST | FIN) or packet.segment.flags & (SYN | RST))
    fits = len(before.segment.payload) + len(packet.segment.payload) < 2**15
    return carries(before) and plain and fits and packet.segment.seq == before.behind


def fin_on_data(packets, at):
    """Each side's FIN comes with its last data; what came between on that side comes before."""
    made = list(packets)
    for fin in filter(has(FIN), packets):
        data = [
            packet
            for packet in made
            if packet.segment.src == fin.segment.src and carries(packet) and packet != fin
        ]
        if data and data[-1].behind == fin.segment.seq:
            flags = data[-1].segment.flags | FIN
            made.remove(fin)
            made[made.index(data[-1])] = data[-1].changed(flags=flags)
    return made


def overlapping(packets, at):
    """It is sent again together with what the side had sent before it."""
    packet = packets[at]
    before = [item for item in packets[:at] if item.behind == packet.segment.seq and carries(item)]
    if not before or not carries(packet):
        return packets
    payload = (before[-1].segment.payload + packet.segment.payload)[: 2**15]
    return replaced(lambda item: item.changed(payload=payload, seq=before[-1].segment.seq))(
        packets, at
    )


def renumbered(client, server):
    """From other first sequence numbers on."""

    def disturb(packets, at):
        made = []
        for packet in packets:
            mine = packet.segment.src == packets[0].segment.src
            own, other = (client, server) if mine else (server, client)
            known = bool(packet.segment.flags & ACK)
            numbers = {"seq": packet.segment.seq + own, "ack": packet.segment.ack + other * known}
            made.append(packet.changed(**numbers))
        return made

    return disturb


def wrapped(packets, at):
    """Sequence numbers begin anew in the middle of the packet at the place."""
    segment = packets[at].segment
    shift = -(segment.seq + len(segment.payload) // 2)
    mine = segment.src == packets[0].segment.src
    return renumbered(*((shift, 0) if mine else (0, shift)))(packets, at)


def again(client, server, later_ns=0):
    """Its ports are used again."""

    def disturb(packets, at):
        span = packets[-1].at_ns - packets[0].at_ns + later_ns
        second = renumbered(client, server)(packets, at)
        return packets + [packet._replace(at_ns=packet.at_ns + span) for packet in second]

    return disturb


def clock(step_ns, count=2**30):
    """The clock is changed for so many packets."""

    def disturb(packets, at):
        moved = [item._replace(at_ns=item.at_ns + step_ns) for item in packets[at : at + count]]
        return [*packets[:at], *moved, *packets[at + count :]]

    return disturb


def snapped(keep):
    def cut(packet):
        payload = packet.segment.payload
        return packet.changed(payload=payload[:keep], truncated=len(payload[keep:]))

    return replaced(cut)


def garbled(place):
    """One byte is another one."""

    def garble(packet):
        payload = bytearray(packet.segment.payload)
        if payload:
            payload[place % len(payload)] ^= 0x55
        return packet.changed(payload=bytes(payload))

    return replaced(garble)


def grown(more):
    """A side sends these bytes more, behind the packet at the place."""

    def disturb(packets, at):
        segment = packets[at].segment
        extra = bare(packets[at], payload=more, flags=ACK | PSH)
        made = [*packets[: at + 1], extra]
        for packet in packets[at + 1 :]:
            mine = packet.segment.src == segment.src
            moved = "seq" if mine else "ack"
            made.append(packet.changed(**{moved: getattr(packet.segment, moved) + len(more)}))
        return made

    return disturb


def sacked(packets, at):
    """It does not come at first, which the other side says behind all others; then it comes."""
    packet, late = packets[at], packets[-1].at_ns
    told = [
        reply(other, ack=packet.segment.seq, sack=(other.segment.seq, other.behind))
        for other in packets[at + 1 :]
        if other.segment.src == packet.segment.src and carries(other)
    ]
    last = [item._replace(at_ns=late) for item in (*told, packet)]
    return [*packets[:at], *packets[at + 1 :], *last]
