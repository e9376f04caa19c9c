"""A connection from its SYN on, as far as it goes by the book, record by record.

By the book nothing is missing, repeated, out of order or cut: then a record's place in the stream
is its place in the batch, and no segment has to be looked at but those in which records begin and
end. The records of both sides are found first and then handled in the order in which they became
whole; what comes out is the same as from segment after segment. Where anything is out of the
ordinary this declines before it has changed anything.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from tlsclose.core.event import Side
from tlsclose.core.record import HEADER_BYTES, ContentType
from tlsclose.wire.capture_connection import OpenConnection
from tlsclose.wire.event_log import FOLD_NS
from tlsclose.wire.fast_run import View
from tlsclose.wire.follower import ConnectionFollower
from tlsclose.wire.packets import TcpFlags
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.records import HEADER, Record, plausible
from tlsclose.wire.rows import Rows
from tlsclose.wire.streams import Fin, Syn

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

_Located = tuple[int, int, Side, int, int, int, int, int]
"""A record: the row that completes it, the row of its header's last byte, its sender, content type,
version, length, and where its body begins: place, and position in the running total of payload
bytes. Or, by content type, a SYN or FIN (its flags for a length) or a piece of a record whose end
is not here."""
_MARK: Final = 0
_PIECE: Final = -1


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

    @property
    def next(self) -> int:
        """The sequence number behind all bytes."""
        return (self.isn + 1 + self.total) % _MODULUS

    def claims_more(self, seen: View) -> bool:
        """Whether its last segment begins behind all that came."""
        place = self.behind - 1
        begin = (seen.seq[place] - self.isn) % _MODULUS
        return begin > 1 + self.total + (self.fin_row is not None)


class WholeRun:
    """What was found of one connection, from row `first` up to `stop`."""

    def __init__(
        self, rows: Rows, seen: View, marks: list[int], stop: int, lanes: tuple[Lane, Lane]
    ) -> None:
        self.first = marks[0]
        self.stop = stop
        self._rows = rows
        self._seen = seen
        self._marks = marks
        self._client, self._server = lanes
        self._found: list[_Located] = []

    def find(self) -> bool:
        """Find the records of both sides; False where this cannot be taken."""
        client, server = self._located(self._client), self._located(self._server)
        if client is None or server is None or _crossing(client, server):
            return False
        rows = self._rows
        for row in self._marks:
            mine = rows.forward[row] == rows.forward[self.first]
            side, found = (Side.CLIENT, client) if mine else (Side.SERVER, server)
            item = (row, row, side, _MARK, 0, rows.flags[row], 0, 0)
            if rows.flags[row] & _SYN:
                found.insert(0, item)
            else:
                found.append(item)
        self._found = sorted([*client, *server], key=itemgetter(0))
        return True

    def follow(self, connection: OpenConnection) -> None:
        """Take what was planned."""
        rows, follower, since_ns = self._rows, connection.follower, connection.started_ns
        one, other = connection.ends
        forward = rows.forward[self.first]
        sequences = {lane.side: lane.isn + 1 for lane in (self._client, self._server)}
        follower.tcp.opened(one if forward else other, sequences)
        self._tell(follower, since_ns)
        self._tell_tcp(follower, since_ns)
        for row in self._marks:
            flags, sequence = rows.flags[row], rows.seq[row]
            connection.note_flags(forward=bool(rows.forward[row]), sequence=sequence, flags=flags)
        connection.last_ns = rows.at_ns[self.stop - 1]
        connection.bytes += rows.wire_before[self.stop] - rows.wire_before[self.first]

    def _tell(self, follower: ConnectionFollower, since_ns: int) -> None:
        """What happened, in the order of capture."""
        rows, tls, found = self._rows, follower.tls, self._found
        for lane in (self._client, self._server):
            if lane.total:
                follower.begin(lane.side)
        at, behind = 0, len(found)
        while at < behind:
            row, _, side, kind, version, length, place, position = found[at]
            at += 1
            if kind == _APPLICATION_DATA and length > (longest := tls.longest_read(side)):
                at = self._tell_data(tls, at - 1, longest, since_ns)
                continue
            stamp = Stamp(rows.at_ns[row] - since_ns, rows.number[row])
            if kind > _MARK:
                wanted = tls.wants(side, kind, length)
                body = self._bytes(place, position, length) if wanted else None
                tls.record(stamp, side, Record(kind, version, length, body))
            elif kind == _PIECE:
                tls.extent(stamp, side, self._bytes(place, position, length))
            elif length & _FIN:
                follower.take(Fin(stamp=stamp, sender=side, flags=length, size=0))
            else:
                follower.take(Syn(stamp=stamp, sender=side, flags=length))

    def _tell_data(self, tls: "Conversation", at: int, longest: int, since_ns: int) -> int:
        """Records from `at` on that nobody reads, as long as one side sends them without a pause.

        Return up to where.
        """
        at_ns, number, found = self._rows.at_ns, self._rows.number, self._found
        first, _, side, _, _, total, _, _ = found[at]
        last, behind = first, at + 1
        while behind < len(found):
            row, _, sender, kind, _, length, _, _ = found[behind]
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

    def _tell_tcp(self, follower: ConnectionFollower, since_ns: int) -> None:
        """How far both streams have come."""
        rows, seen, tcp = self._rows, self._seen, follower.tcp
        for lane in (self._client, self._server):
            half = tcp.half(lane.side)
            if lane.total:
                last = bisect_left(seen.end, lane.begin + lane.total, lane.place, lane.behind)
                half.advance(seen.stamp(last, since_ns), lane.total)
            if (row := lane.fin_row) is not None:
                half.finish_at(Stamp(rows.at_ns[row] - since_ns, rows.number[row]), lane.total)
        for lane in (self._client, self._server):
            if (number := seen.acknowledged[lane.behind - 1]) >= 0:
                tcp.half(lane.side.other).acknowledge(number)
        last = self.stop - 1
        tcp.skip(Stamp(rows.at_ns[last] - since_ns, rows.number[last]), self.stop - self.first)

    def _located(self, lane: Lane) -> list[_Located] | None:
        """The lane's records, and the pieces of one whose end is missing; None if they are none."""
        found: list[_Located] = []
        if not lane.total:
            return found
        seen, side, place, behind = self._seen, lane.side, lane.place, lane.behind
        end, size, start, row = seen.end, seen.size, seen.start, seen.row
        buffer = seen.buffer
        position, final = lane.begin, lane.begin + lane.total
        first = bisect_right(end, position, place, behind)
        if seen.seq[first] != (lane.isn + 1) % _MODULUS:
            return None
        place = first
        while position < final:
            left = end[place] - position
            head = place
            if left >= HEADER_BYTES:
                kind, version, length = HEADER(buffer, start[place] + size[place] - left)
            elif position + HEADER_BYTES > final:
                return found + self._pieces(lane, place, position)
            else:
                kind, version, length = HEADER(self._bytes(place, position, HEADER_BYTES))
                head = bisect_left(end, position + HEADER_BYTES, place, behind)
            if not plausible(kind, version, length):
                return None
            body = position + HEADER_BYTES
            if body + length > final:
                return found + self._pieces(lane, place, position)
            position = body + length
            last = head if end[head] >= position else bisect_left(end, position, head, behind)
            found.append((row[last], row[head], side, kind, version, length, place, body))
            place = last if end[last] > position else bisect_right(end, position, last, behind)
        return found

    def _pieces(self, lane: Lane, place: int, position: int) -> list[_Located]:
        """All that is left of a lane's bytes, segment by segment."""
        seen, found = self._seen, []
        while position < lane.begin + lane.total:
            place = bisect_right(seen.end, position, place, lane.behind)
            size, row = seen.end[place] - position, seen.row[place]
            found.append((row, row, lane.side, _PIECE, 0, size, place, position))
            position += size
        return found

    def _bytes(self, place: int, position: int, count: int) -> bytes:
        """Bytes of a lane's stream from a position on, which is at `place` or behind it."""
        seen = self._seen
        taken = b""
        while len(taken) < count:
            left = seen.end[place] - position
            if left > 0:
                at = seen.start[place] + seen.size[place] - left
                piece = bytes(seen.buffer[at : at + min(left, count - len(taken))])
                if len(piece) == count:
                    return piece
                taken += piece
                position += len(piece)
            place += 1
        return taken


def whole_run(
    rows: Rows, seen: View, first: int, behind: int, places: Callable[[int], tuple[int, int]]
) -> WholeRun | None:
    """Plan to take a connection from row `first` on, which has its SYN; None where that cannot be.

    `places` says where the segments of both ends that a row comes behind end.
    """
    marks, stop = _by_the_book(rows, first, behind)
    if stop - first < _FEWEST or marks[:2] != [first, first + 1]:
        return None
    at, since, until = 1 - rows.forward[first], places(first), places(stop)
    client = Lane(Side.CLIENT, rows.seq[marks[0]], since[at], until[at], seen)
    server = Lane(Side.SERVER, rows.seq[marks[1]], since[1 - at], until[1 - at], seen)
    for row in marks[2:]:
        lane = client if rows.forward[row] == rows.forward[first] else server
        lane.fin_row = row
        if rows.seq[row] != lane.next:
            return None
    if any(lane.claims_more(seen) for lane in (client, server)):
        return None
    run = WholeRun(rows, seen, marks, stop, (client, server))
    return run if run.find() else None


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


def _crossing(client: list[_Located], server: list[_Located]) -> bool:
    """Whether one of the server's first records ends while one of the client's is on its way.

    Whether that one is to be read was settled when its header came, before the server's was.
    """
    ends = [found[0] for found in server[:_OPENING_RECORDS]]
    return any(last != head and any(head < end < last for end in ends) for last, head, *_ in client)
