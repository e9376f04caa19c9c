"""Connections from their SYN on, as far as they go by the book, record by record.

By the book nothing is missing, repeated, out of order or cut: then a record's place in the stream
is its place in the batch, and no segment has to be looked at but those in which records begin and
end. The records of all connections of a batch are found at once, and then handled connection after
connection, those of both sides in the order in which they became whole; what comes out is the same
as from segment after segment. What is out of the ordinary is left alone before anything has changed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from tlsclose.core.event import Side
from tlsclose.core.record import ContentType
from tlsclose.wire.capture_connection import OpenConnection
from tlsclose.wire.event_log import FOLD_NS
from tlsclose.wire.fast_run import View
from tlsclose.wire.follower import ConnectionFollower
from tlsclose.wire.grouping import Grouped
from tlsclose.wire.packets import TcpFlags
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.record_chains import Records, chained, joined
from tlsclose.wire.records import Record
from tlsclose.wire.rows import Rows
from tlsclose.wire.streams import Fin, Syn, TcpConnection

if TYPE_CHECKING:
    from tlsclose.wire.conversation import Conversation

_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_MODULUS: Final = 2**32
_SYN: Final = int(TcpFlags.SYN)
_FIN: Final = int(TcpFlags.FIN)
_ACK: Final = int(TcpFlags.ACK)
_OF_NOTE: Final = int(TcpFlags.SYN | TcpFlags.FIN | TcpFlags.RST | TcpFlags.ACK)
_FEWEST: Final = 4
"""Segments that are worth it."""
_OPENING_RECORDS: Final = 4
"""Of the server: its hellos, which say what the client's records are, are among them."""
_MARK: Final = 0
_PIECE: Final = -1

Told = tuple[int, Side, int, int, int, int, int, int]
"""The row at which it is whole, its sender, content type, version, length, and where its body is:
place, position, and in the buffer (-1: in several segments). Or, by content type, a SYN or FIN (its
flags for a length) or a piece of a record whose end is not here."""
_SIDES: Final = (Side.CLIENT, Side.SERVER)


class Lane:
    """One side's part: places from `place` up to `behind`."""

    def __init__(self, side: Side, isn: int, place: int, behind: int, seen: View) -> None:
        self.side = side
        self.isn = isn
        self.place = place
        self.behind = behind
        self.begin = seen.end[place - 1] if place else 0
        self.total = (seen.end[behind - 1] if behind > place else self.begin) - self.begin
        self.fin_row: int | None = None
        self.rest = self.begin + self.total
        """Where a record begins that is not whole, in the running total of payload bytes."""

    @property
    def next(self) -> int:
        """The sequence number behind all bytes."""
        return (self.isn + 1 + self.total) % _MODULUS

    def follows_on(self, seen: View) -> bool:
        """Whether its bytes begin behind its SYN, and its last segment behind no more than came."""
        place = self.behind - 1
        begin = (seen.seq[place] - self.isn) % _MODULUS
        if begin > 1 + self.total + (self.fin_row is not None):
            return False
        first = bisect_right(seen.end, self.begin, self.place, self.behind)
        return not self.total or seen.seq[first] == (self.isn + 1) % _MODULUS


class WholeRun:
    """One connection from row `first` up to `stop`; `records` begin at `since`, end at `until`."""

    def __init__(
        self, rows: Rows, seen: View, marks: list[int], stop: int, lanes: tuple[Lane, Lane]
    ) -> None:
        self.first = marks[0]
        self.stop = stop
        self.rows = rows
        self.seen = seen
        self.marks = marks
        self.lanes = lanes
        self.records: Records
        self.since = self.until = 0

    def found(self, records: Records, since: int, until: int, rest: tuple[int, int]) -> bool:
        """Take what is in the lanes; False where they cannot be taken."""
        self.records, self.since, self.until = records, since, until
        for lane, at in zip(self.lanes, rest, strict=True):
            lane.rest = at
        return min(rest) >= 0 and not self._crossing()

    def follow(self, connection: OpenConnection) -> None:
        """Take what was planned."""
        follower, since_ns = connection.follower, connection.started_ns
        self.open_tcp(connection)
        self._tell(follower, since_ns)
        self.tell_tcp(follower.tcp, since_ns)
        self.note(connection)

    def note(self, connection: OpenConnection) -> None:
        """Have the connection remember what is not the follower's."""
        rows = self.rows
        for row in self.marks:
            flags, sequence = rows.flags[row], rows.seq[row]
            connection.note_flags(forward=bool(rows.forward[row]), sequence=sequence, flags=flags)
        connection.last_ns = rows.at_ns[self.stop - 1]
        connection.bytes += rows.wire_before[self.stop] - rows.wire_before[self.first]

    def open_tcp(self, connection: OpenConnection) -> None:
        """Both SYN came."""
        one, other = connection.ends
        client = one if self.rows.forward[self.first] else other
        connection.tcp.opened(client, {lane.side: lane.isn + 1 for lane in self.lanes})

    def sender(self, row: int) -> Side:
        """Whose segment it is."""
        mine = self.rows.forward[row] == self.rows.forward[self.first]
        return Side.CLIENT if mine else Side.SERVER

    def _all(self) -> list[Told]:
        """Records, marks and pieces in the order of capture."""
        records, part = self.records, slice(self.since, self.until)
        sides = [_SIDES[lane & 1] for lane in records.lane[part]]
        found: list[Told] = list(
            zip(
                records.row[part],
                sides,
                records.kind[part],
                records.version[part],
                records.length[part],
                records.place[part],
                records.position[part],
                records.at[part],
                strict=True,
            )
        )
        for lane in self.lanes:
            found += self._pieces(lane)
        flags = self.rows.flags
        found += [(row, self.sender(row), _MARK, 0, flags[row], 0, 0, 0) for row in self.marks]
        return sorted(found, key=_row)

    def pieces(self, since_ns: int) -> list[tuple[Stamp, Side, bytes]]:
        """The bytes of records that are not whole."""
        rows, found = (
            self.rows,
            sorted(piece for lane in self.lanes for piece in self._pieces(lane)),
        )
        return [
            (
                Stamp(rows.at_ns[row] - since_ns, rows.number[row]),
                side,
                joined(self.seen, place, position, size),
            )
            for row, side, _, _, size, place, position, _ in found
        ]

    def _tell(self, follower: ConnectionFollower, since_ns: int) -> None:
        """What happened, in the order of capture."""
        rows, tls, found = self.rows, follower.tls, self._all()
        for lane in self.lanes:
            if lane.total:
                follower.begin(lane.side)
        at, behind = 0, len(found)
        while at < behind:
            row, side, kind, version, length, place, position, body_at = found[at]
            at += 1
            if kind == _APPLICATION_DATA and length > (longest := tls.longest_read(side)):
                at = self._tell_data(tls, found, at - 1, longest, since_ns)
                continue
            stamp = Stamp(rows.at_ns[row] - since_ns, rows.number[row])
            if kind > _MARK:
                wanted = tls.wants(side, kind, length)
                body = self.body(place, position, body_at, length) if wanted else None
                tls.record(stamp, side, Record(kind, version, length, body))
            elif kind == _PIECE:
                tls.extent(stamp, side, joined(self.seen, place, position, length))
            elif length & _FIN:
                follower.take(Fin(stamp=stamp, sender=side, flags=length, size=0))
            else:
                follower.take(Syn(stamp=stamp, sender=side, flags=length))

    def body(self, place: int, position: int, at: int, length: int) -> bytes:
        """A record's body."""
        if at >= 0:
            return bytes(self.seen.buffer[at : at + length])
        return joined(self.seen, place, position, length)

    def _tell_data(
        self, tls: "Conversation", found: list[Told], at: int, longest: int, since_ns: int
    ) -> int:
        """Records from `at` on that nobody reads, as long as one side sends them without a pause.

        Return up to where.
        """
        at_ns, number = self.rows.at_ns, self.rows.number
        first, side, _, _, total, _, _, _ = found[at]
        last, behind = first, at + 1
        while behind < len(found):
            row, sender, kind, _, length, _, _, _ = found[behind]
            pause = at_ns[row] - at_ns[last] >= FOLD_NS
            if sender is not side or kind != _APPLICATION_DATA or length <= longest or pause:
                break
            total += length
            last, behind = row, behind + 1
        tls.data_unread(
            Stamp(at_ns[first] - since_ns, number[first]),
            Stamp(at_ns[last] - since_ns, number[last]),
            side,
            count=behind - at,
            size=total,
        )
        return behind

    def tell_tcp(self, tcp: TcpConnection, since_ns: int) -> None:
        """How far both streams have come."""
        rows, seen = self.rows, self.seen
        for lane in self.lanes:
            half = tcp.half(lane.side)
            if lane.total:
                last = bisect_left(seen.end, lane.begin + lane.total, lane.place, lane.behind)
                half.advance(seen.stamp(last, since_ns), lane.total)
            if (row := lane.fin_row) is not None:
                half.finish_at(Stamp(rows.at_ns[row] - since_ns, rows.number[row]), lane.total)
        for lane in self.lanes:
            if (number := seen.acknowledged[lane.behind - 1]) >= 0:
                tcp.half(lane.side.other).acknowledge(number)
        last = self.stop - 1
        tcp.skip(Stamp(rows.at_ns[last] - since_ns, rows.number[last]), self.stop - self.first)

    def _pieces(self, lane: Lane) -> list[Told]:
        """The bytes of a record that is not whole, segment by segment."""
        seen, found, position = self.seen, [], lane.rest
        place = lane.place
        while position < lane.begin + lane.total:
            place = bisect_right(seen.end, position, place, lane.behind)
            size, row = seen.end[place] - position, seen.row[place]
            found.append((row, lane.side, _PIECE, 0, size, place, position, -1))
            position += size
        return found

    def _crossing(self) -> bool:
        """Whether one of the server's first records ends while one of the client's is on its way.

        Whether that one is to be read was settled when its header came, before the server's was.
        """
        row, head, lane = self.records.row, self.records.head, self.records.lane
        ends: list[int] = []
        for at in range(self.since, self.until):
            if lane[at] & 1:
                ends.append(row[at])
                if len(ends) == _OPENING_RECORDS:
                    break
        long = (
            at for at in range(self.since, self.until) if row[at] != head[at] and not lane[at] & 1
        )
        return any(head[at] < end < row[at] for at in long for end in ends)


def _row(told: Told) -> int:
    return told[0]


def whole_runs(rows: Rows, seen: View, groups: Grouped) -> dict[int, WholeRun]:
    """What can be taken so, by its first row."""
    planned = [run for opening in _openings(groups) if (run := _planned(rows, seen, *opening))]
    lanes = [lane for run in planned for lane in run.lanes]
    if not lanes:
        return {}
    begin = [lane.begin for lane in lanes]
    records, rest = chained(seen, begin, [lane.begin + lane.total for lane in lanes])
    found = {}
    until = 0
    for at, run in enumerate(planned):
        since = bisect_left(records.row, run.first, until)
        until = bisect_left(records.row, run.stop, since)
        if run.found(records, since, until, (rest[2 * at], rest[2 * at + 1])):
            found[run.first] = run
    return found


def _openings(groups: Grouped) -> Iterable[tuple[int, int, int]]:
    """Rows with a SYN before one that answers it; where their group begins, and ends."""
    flags, forward, bounds = groups.columns.flags & _OF_NOTE, groups.forward, groups.bounds
    answered = (flags[:-1] == _SYN) & (flags[1:] == _SYN | _ACK) & (forward[1:] != forward[:-1])
    first = np.flatnonzero(answered)
    group = np.searchsorted(bounds, first, side="right")
    return zip(first.tolist(), bounds[group - 1].tolist(), bounds[group].tolist(), strict=True)


def _planned(rows: Rows, seen: View, first: int, begin: int, behind: int) -> WholeRun | None:
    """Plan to take a connection from row `first` on; its group's rows are from `begin` on."""
    marks, stop = _by_the_book(rows, first, behind)
    if stop - first < _FEWEST or marks[:2] != [first, first + 1]:
        return None
    before = seen.forward_before
    split = begin + before[behind] - before[begin]

    def places(row: int) -> tuple[int, int]:
        forward = before[row] - before[begin]
        return begin + forward, split + row - begin - forward

    at, since, until = 1 - rows.forward[first], places(first), places(stop)
    client = Lane(Side.CLIENT, rows.seq[marks[0]], since[at], until[at], seen)
    server = Lane(Side.SERVER, rows.seq[marks[1]], since[1 - at], until[1 - at], seen)
    for row in marks[2:]:
        lane = client if rows.forward[row] == rows.forward[first] else server
        lane.fin_row = row
        if rows.seq[row] != lane.next:
            return None
    if not (client.follows_on(seen) and server.follows_on(seen)):
        return None
    return WholeRun(rows, seen, marks, stop, (client, server))


def _by_the_book(rows: Rows, first: int, behind: int) -> tuple[list[int], int]:
    """SYN, SYN and ACK, one FIN of each side; and up to where they are all that is special."""
    marks: list[int] = []
    at = bisect_left(rows.irregular, first)
    while (row := rows.irregular[at]) < behind and _expected(rows, marks, row):
        marks.append(row)
        at += 1
    return marks, min(row, behind)


def _expected(rows: Rows, marks: list[int], row: int) -> bool:
    flags = rows.flags[row] & _OF_NOTE
    if rows.size[row] or rows.truncated[row] or rows.alone(row) is not None:
        return False
    if not marks:
        return flags == _SYN
    if rows.at_ns[row] < rows.at_ns[row - 1]:
        return False
    if len(marks) == 1:
        return flags == _SYN | _ACK and rows.forward[row] != rows.forward[marks[0]]
    again = any(rows.forward[row] == rows.forward[mark] for mark in marks[2:])
    return flags == _FIN | _ACK and not again
