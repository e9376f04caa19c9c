"""One batch of a capture on its way through the connection followers."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from tlsclose.wire.batch import Batch, Integers
from tlsclose.wire.capture_connection import Ends, OpenConnection
from tlsclose.wire.columns import address, take
from tlsclose.wire.fast_run import Lane, View, follow_run
from tlsclose.wire.grouping import Grouped, share_of
from tlsclose.wire.half_open import Bare
from tlsclose.wire.packets import TcpFlags
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.rows import Rows
from tlsclose.wire.whole_run import WholeRun
from tlsclose.wire.whole_runs import whole_runs

Key = tuple[int, int, int, int, int, int]
"""Two ends, each as `columns.address` takes it."""

_KEYS_AT_ONCE: Final = 4096
_SHORT_RUN: Final = 2
"""So few segments are looked at one by one."""
_SLOW_RUN: Final = 64
"""So many of an unclean run are, before it is tried again."""
_PAIRS: Final = (("src_high", "dst_high"), ("src", "dst"), ("src_port", "dst_port"))


class Connections(Protocol):
    """The connections that are open: `capture_follower.CaptureFollower`."""

    fast: bool
    late: int
    linger_ns: int
    share: tuple[int, int]

    def concerns_half_open(self, key: Key, flags: int) -> bool: ...

    def wait(self, key: Key, bare: Bare | None) -> bool: ...

    def follow_up(self, key: Key) -> None: ...

    def known(self, key: Key) -> OpenConnection | None: ...

    def is_late(self, key: Key, connection: OpenConnection | None, at_ns: int) -> bool: ...

    def begin(self, key: Key, ends: Ends, at_ns: int, number: int) -> OpenConnection: ...

    def take_run(self, key: Key, ends: Ends, run: WholeRun) -> OpenConnection: ...

    def check(self, key: Key, connection: OpenConnection) -> None: ...


class Pass:
    """Connection after connection; of each, its segments in the order of capture."""

    def __init__(self, sharers: Sequence[Connections], batch: Batch, groups: Grouped) -> None:
        """`sharers`: those whose segments are among these, each with its share."""
        connections = sharers[0]
        self._sharers = sharers
        self._connections = connections
        self._batch = batch
        self._groups = groups
        self._view = View(batch, groups)
        self._rows = Rows(batch, groups)
        self._whole: dict[int, WholeRun] = {}
        if connections.fast:
            self._whole = whole_runs(batch, self._view, groups, connections.linger_ns)
        self._first = self._behind = self._since = self._forward = 0

    def run(self) -> None:
        """In the order in which the connections appear in the batch."""
        bounds = self._groups.bounds
        order = np.argsort(self._groups.columns.index[bounds[:-1]], kind="stable")
        for at in range(0, len(order), _KEYS_AT_ONCE):
            places = order[at : at + _KEYS_AT_ONCE]
            limits = (bounds[places].tolist(), bounds[places + 1].tolist())
            owners = self._owners(bounds[places])
            keys = self._keys(bounds[places])
            for owner, key, first, behind in zip(owners, keys, *limits, strict=True):
                self._connections = owner
                self._group(key, first, behind)

    def _owners(self, rows: Integers) -> list[Connections]:
        """Whose connections these segments belong to."""
        if len(self._sharers) == 1:
            return [*self._sharers] * len(rows)
        whose = {sharer.share[0]: sharer for sharer in self._sharers}
        shares = share_of(take(self._groups.columns, rows), self._sharers[0].share[1])
        return [whose[share] for share in shares.tolist()]

    def _keys(self, rows: Integers) -> list[Key]:
        columns, forward = self._groups.columns, self._groups.forward[rows]
        firsts, seconds = [], []
        for source, target in _PAIRS:
            one, other = getattr(columns, source)[rows], getattr(columns, target)[rows]
            firsts.append(np.where(forward, one, other).tolist())
            seconds.append(np.where(forward, other, one).tolist())
        return list(zip(*firsts, *seconds, strict=True))

    def _group(self, key: Key, first: int, behind: int) -> None:
        self._first, self._behind, self._since = first, behind, first
        before = self._view.forward_before
        self._forward = before[behind] - before[first]
        row = first
        at = bisect_left(self._rows.irregular, row)
        while row < behind:
            stop = min(self._rows.irregular[at], behind)
            run = self._whole.get(row)
            if row < stop:
                row = self._regular(key, row, stop)
            elif run is not None and self._opens(key, run):
                row = self._since = run.plan.stop
                at = bisect_left(self._rows.irregular, row, at)
            else:
                self._single(key, row)
                row += 1
                at += 1
        if self._since < behind:
            connection = self._connections.known(key)
            if connection is not None:
                self._remember(connection, behind)

    def _opens(self, key: Key, run: WholeRun) -> bool:
        """Take a connection that opens here, as far as it goes by the book."""
        connections, plan = self._connections, run.plan
        if connections.concerns_half_open(key, 0):
            return False
        known = connections.known(key)
        if known is not None and not connections.is_late(key, known, plan.began_ns):
            forward, sequence = plan.forward, plan.client.isn
            if not known.replaced_by(forward=forward, sequence=sequence, flags=TcpFlags.SYN):
                return False
        ends = (address(*key[:3]), address(*key[3:]))
        connections.check(key, connections.take_run(key, ends, run))
        return True

    def _regular(self, key: Key, row: int, behind: int) -> int:
        """Segments that follow on each other; return up to where they were taken."""
        if long := behind - row > _SHORT_RUN:
            self._connections.follow_up(key)
        connection = self._connections.known(key)
        if connection is not None and long and self._may_run(connection, row):
            one, other = self._ranges(row), self._ranges(behind)
            lanes = tuple(
                Lane(self._view, connection, connection.side(forward=not at), *limits)
                for at, limits in enumerate(zip(one, other, strict=True))
            )
            if lanes[0].clean() and lanes[1].clean():
                self._run(connection, (lanes[0], lanes[1]), row, behind)
                self._connections.check(key, connection)
                return behind
        behind = min(behind, row + _SLOW_RUN)
        for one_row in range(row, behind):
            self._single(key, one_row)
        return behind

    def _may_run(self, connection: OpenConnection, row: int) -> bool:
        settled = connection.client is not None
        timely = self._rows.at_ns[row] >= connection.last_ns
        return self._connections.fast and settled and timely and not connection.over

    def _ranges(self, row: int) -> tuple[int, int]:
        """Where both sides' segments from `row` on begin in the order by side."""
        before = self._view.forward_before
        forward = before[row] - before[self._first]
        return self._first + forward, row + self._forward - forward

    def _run(
        self, connection: OpenConnection, lanes: tuple[Lane, Lane], row: int, behind: int
    ) -> None:
        tcp = connection.tcp
        follow_run(lanes, connection.started_ns)
        for lane in lanes:
            if (number := lane.acknowledged()) >= 0:
                tcp.half(lane.side.other).acknowledge(number)
        last_ns = self._rows.at_ns[behind - 1]
        stamp = Stamp(last_ns - connection.started_ns, self._rows.number[behind - 1])
        tcp.skip(stamp, behind - row)
        connection.last_ns = last_ns
        connection.bytes += self._rows.wire_before[behind] - self._rows.wire_before[row]

    def _single(self, key: Key, row: int) -> None:
        """One segment, looked at."""
        rows = self._rows
        flags, at_ns, number = rows.flags[row], rows.at_ns[row], rows.number[row]
        forward, sequence = bool(rows.forward[row]), rows.seq[row]
        if self._waits(key, row, flags):
            return
        connection = self._connections.known(key)
        late = self._connections.is_late(key, connection, at_ns)
        if flags & TcpFlags.SYN:
            if connection is not None and (
                late or connection.replaced_by(forward=forward, sequence=sequence, flags=flags)
            ):
                connection = None
        elif late:
            self._connections.late += 1
            return
        if connection is None:
            ends = (address(*key[:3]), address(*key[3:]))
            connection = self._connections.begin(key, ends, at_ns, number)
            self._since = row
        if flags & TcpFlags.RST:
            self._remember(connection, row)
        connection.note_flags(forward=forward, sequence=sequence, flags=flags)
        connection.last_ns = at_ns = connection.clock(at_ns)
        connection.bytes += self._rows.wire_before[row + 1] - self._rows.wire_before[row]
        ends = connection.ends if forward else connection.ends[::-1]
        empty = not (rows.size[row] or rows.truncated[row] or flags & TcpFlags.SYN)
        sack = empty and connection.tcp.asks_sack(connection.side(forward=forward))
        segment = rows.segment(row, ends, sack=sack)
        connection.segment(at_ns - connection.started_ns, number, segment)
        self._connections.check(key, connection)

    def _waits(self, key: Key, row: int, flags: int) -> bool:
        """Whether a segment is kept back, as one of a connection that is half open."""
        if not self._connections.concerns_half_open(key, flags):
            return False
        waits = self._connections.wait(key, self._bare(row))
        if waits and flags & TcpFlags.SYN:
            self._since = row
        return waits

    def _bare(self, row: int) -> Bare | None:
        """None for a segment with payload."""
        rows = self._rows
        if rows.size[row] or rows.truncated[row]:
            return None
        return Bare(
            at_ns=rows.at_ns[row],
            number=rows.number[row],
            size=rows.wire_before[row + 1] - rows.wire_before[row],
            seq=rows.seq[row],
            ack=rows.ack[row],
            window=rows.window[row],
            flags=rows.flags[row],
            forward=bool(rows.forward[row]),
        )

    def _remember(self, connection: OpenConnection, behind: int) -> None:
        """Tell TCP what a RST may answer."""
        if connection.client is None:
            return
        for at, (first, last) in enumerate(
            zip(self._ranges(self._since), self._ranges(behind), strict=True)
        ):
            if first < last:
                segments = self._view.last_sent(first, last)
                connection.tcp.remember(connection.side(forward=not at), segments)
