"""Connections from their SYN on, as far as they go by the book, record by record.

Which those are is `run_plans`' business. The records of all of them are found at once, and then
handled connection after connection, those of both sides in the order in which they became whole;
what comes out is the same as from segment after segment. What is out of the ordinary is left alone
before anything has changed.
"""

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from tlsclose.core.event import Side
from tlsclose.core.record import ContentType
from tlsclose.wire.batch import Integers
from tlsclose.wire.capture_connection import OpenConnection
from tlsclose.wire.event_log import FOLD_NS
from tlsclose.wire.fast_run import View
from tlsclose.wire.follower import ConnectionFollower
from tlsclose.wire.packets import TcpFlags
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.record_chains import joined
from tlsclose.wire.records import Record
from tlsclose.wire.run_plans import NONE, Plan
from tlsclose.wire.streams import Fin, Syn, TcpConnection

if TYPE_CHECKING:
    from tlsclose.wire.conversation import Conversation

MARK: Final = 0
"""What stands for a content type where a SYN or FIN is told of."""
SIDES: Final = (Side.CLIENT, Side.SERVER)
"""By the numbers that runs have for them."""
_PIECE: Final = -1
_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_SYN: Final = int(TcpFlags.SYN)
_FIN: Final = int(TcpFlags.FIN)

Told = tuple[int, int, int, int, int, int, int, int, int, int, int]
"""One record, or several of one side that follow on each other and hold data too long to be read.
Its side, content type, version, length of the (first) body, and place, position and `at` of that as
`Records` has them; when the first and the last one were whole, the packet in which the first one
was, and how many there are. Or, by content type, a SYN or FIN: flags for a length, and the payload
bytes beside it for a position."""
_Found = tuple[int, int, int, int, int, int, int, int, int, int]
"""One record: the row and packet in which it is whole, and when; its side, content type, version,
length, place, position and `at`. Or a mark, as above, or a piece of a record whose end is not
here."""


class WholeRun:
    """One connection as planned."""

    __slots__ = ("_table", "plan", "rest", "seen", "told")

    def __init__(
        self, seen: View, plan: Plan, told: list[Told], table: Integers, rest: tuple[int, int]
    ) -> None:
        self.seen = seen
        self.plan = plan
        self.told = told
        self.rest = rest
        """Where a record begins that is not whole, in the running total of payload bytes."""
        self._table = table

    @property
    def records(self) -> Integers:
        """A copy of all that `_Found` tells but for pieces: a row for each of its numbers."""
        return self._table.copy()

    @property
    def sent(self) -> tuple[bytes, bytes]:
        """What a RST of the other side may answer, of the client and of the server."""
        one, other = self.plan.client, self.plan.server
        last_sent = self.seen.last_sent
        return last_sent(one.place, one.behind), last_sent(other.place, other.behind)

    def follow(self, connection: OpenConnection) -> None:
        """Take what was planned."""
        tcp, plan = connection.tcp, self.plan
        begin_tcp(tcp, plan, self.sent)
        tcp.client = connection.ends[0] if plan.forward else connection.ends[1]
        self._tell(connection.follower)
        self.note(connection)

    def note(self, connection: OpenConnection) -> None:
        """Have the connection remember what is not the follower's."""
        plan, note = self.plan, connection.note_flags
        note(forward=plan.forward, sequence=plan.client.isn, flags=_SYN)
        finished = plan.client.fin_row != NONE or plan.server.fin_row != NONE
        flags = _SYN | _FIN if finished else _SYN
        note(forward=not plan.forward, sequence=plan.server.isn, flags=flags)
        connection.last_ns = plan.last_ns
        connection.bytes += plan.bytes

    def body(self, place: int, position: int, at: int, length: int) -> bytes:
        """A record's body."""
        if at >= 0:
            return bytes(self.seen.buffer[at : at + length])
        return joined(self.seen, place, position, length)

    def pieces(self) -> list[tuple[Stamp, Side, bytes]]:
        """The bytes of records that are not whole."""
        found = []
        for _, number, at_ns, side, _, _, size, place, position, _ in sorted(self._pieces()):
            stamp = Stamp(at_ns - self.plan.began_ns, number)
            found.append((stamp, SIDES[side], joined(self.seen, place, position, size)))
        return found

    def _tell(self, follower: ConnectionFollower) -> None:
        """What happened, in the order of capture."""
        tls, since_ns = follower.tls, self.plan.began_ns
        found: list[_Found] = list(zip(*self._table.tolist(), strict=True))
        found = sorted([*found, *self._pieces()], key=_row)
        for side, lane in zip(SIDES, self.plan.lanes, strict=True):
            if lane.end > lane.begin:
                follower.begin(side)
        at, behind = 0, len(found)
        while at < behind:
            _, number, at_ns, which, kind, version, length, place, position, body_at = found[at]
            at += 1
            side = SIDES[which]
            if kind == _APPLICATION_DATA and length > (longest := tls.longest_read(side)):
                at = self._tell_data(tls, found, at - 1, longest)
                continue
            stamp = Stamp(at_ns - since_ns, number)
            if kind > MARK:
                wanted = tls.wants(side, kind, length)
                body = self.body(place, position, body_at, length) if wanted else None
                tls.record(stamp, side, Record(kind, version, length, body))
            elif kind == _PIECE:
                tls.extent(stamp, side, joined(self.seen, place, position, length))
            else:
                tell_mark(follower, stamp, side, flags=length, size=position)

    def _tell_data(self, tls: "Conversation", found: list[_Found], at: int, longest: int) -> int:
        """Records from `at` on that nobody reads, as long as one side sends them without a pause.

        Return up to where.
        """
        since_ns = self.plan.began_ns
        _, number, at_ns, side, _, _, total, _, _, _ = found[at]
        first = last = Stamp(at_ns - since_ns, number)
        behind = at + 1
        while behind < len(found):
            _, number, at_ns, sender, kind, _, length, _, _, _ = found[behind]
            stamp = Stamp(at_ns - since_ns, number)
            pause = stamp.at_ns - last.at_ns >= FOLD_NS
            if sender != side or kind != _APPLICATION_DATA or length <= longest or pause:
                break
            total += length
            last, behind = stamp, behind + 1
        tls.data_unread(first, last, SIDES[side], count=behind - at, size=total)
        return behind

    def _pieces(self) -> list[_Found]:
        """The bytes of records that are not whole, segment by segment."""
        seen, found = self.seen, []
        for side, lane in enumerate(self.plan.lanes):
            position, place = self.rest[side], lane.place
            while position < lane.end:
                place = bisect_right(seen.end, position, place, lane.behind)
                size = seen.end[place] - position
                stamp = seen.row[place], seen.number[place], seen.at_ns[place]
                found.append((*stamp, side, _PIECE, 0, size, place, position, -1))
                position += size
        return found


def tell_mark(
    follower: ConnectionFollower, stamp: Stamp, sender: Side, *, flags: int, size: int
) -> None:
    """Tell a follower of a SYN, or of a FIN and how much payload is in its segment."""
    if flags & _FIN:
        follower.take(Fin(stamp=stamp, sender=sender, flags=flags, size=size))
    else:
        follower.take(Syn(stamp=stamp, sender=sender, flags=flags))


def begin_tcp(tcp: TcpConnection, plan: Plan, sent: tuple[bytes, bytes]) -> None:
    """Have TCP know how far both streams have come; `sent` as `WholeRun.sent`."""
    since_ns = plan.began_ns
    for side, lane, segments in zip(SIDES, plan.lanes, sent, strict=True):
        tcp.opened(side, lane.isn + 1)
        tcp.remember(side, segments)
        half, total = tcp.half(side), lane.end - lane.begin
        half.retransmitted = lane.retransmitted
        if total:
            half.advance(Stamp(lane.last_ns - since_ns, lane.last_number), total)
        if lane.fin_row != NONE:
            half.finish_at(Stamp(lane.fin_ns - since_ns, lane.fin_number), total)
    for side, lane in zip(SIDES, plan.lanes, strict=True):
        if lane.acknowledged >= 0:
            tcp.half(side.other).acknowledge(lane.acknowledged)
    tcp.skip(Stamp(plan.last_ns - since_ns, plan.last_number), plan.stop - plan.first)


def _row(found: _Found) -> int:
    return found[0]
