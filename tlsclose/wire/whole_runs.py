"""All connections of a batch that go by the book from their SYN on: planned, chained and folded."""

from typing import Final, NamedTuple

import numpy as np

from tlsclose.core.record import ContentType
from tlsclose.wire.batch import Batch, Integers
from tlsclose.wire.fast_run import View
from tlsclose.wire.grouping import Grouped
from tlsclose.wire.opener import MAX_OPENED_BYTES
from tlsclose.wire.record_chains import Records, chained
from tlsclose.wire.run_plans import NONE, Plan, planned
from tlsclose.wire.whole_run import MARK, Told, WholeRun

_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_OPENING_RECORDS: Final = 4
"""Of the server: its hellos, which say what the client's records are, are among them."""


class _Table(NamedTuple):
    """Records and marks of all connections, in the order of rows."""

    row: Integers
    number: Integers
    at_ns: Integers
    lane: Integers
    kind: Integers
    version: Integers
    length: Integers
    place: Integers
    position: Integers
    at: Integers


def whole_runs(batch: Batch, seen: View, groups: Grouped, linger_ns: int) -> dict[int, WholeRun]:
    """What can be taken so, by its first row; `linger_ns` as `planned` has it."""
    plans = planned(batch, groups, linger_ns)
    if not plans:
        return {}
    lanes = [lane for plan in plans for lane in plan.lanes]
    begin, end = np.array([(lane.begin, lane.end) for lane in lanes]).T
    records, rest = chained(seen, begin, end)
    rows = np.array([(plan.first, plan.stop) for plan in plans]).T
    left_out = set((np.flatnonzero(rest < 0) // 2).tolist()) | _crossing(records)
    table = _table(batch, groups, plans, records)
    starts, told = _folded(table)
    whole = np.stack([*table[:3], table.lane & 1, *table[4:]])
    since, until = np.searchsorted(table.row, rows).tolist()
    first, behind = np.searchsorted(starts, [since, until]).tolist()
    found = {}
    for at, plan in enumerate(plans):
        if at not in left_out:
            part = whole[:, since[at] : until[at]]
            left = rest[2 * at].item(), rest[2 * at + 1].item()
            run = WholeRun(seen, plan, told[first[at] : behind[at]], part, left)
            found[plan.first] = run
    return found


def _table(batch: Batch, groups: Grouped, plans: list[Plan], records: Records) -> _Table:
    marks = [
        (row, 2 * at + side)
        for at, plan in enumerate(plans)
        for side, lane in enumerate(plan.lanes)
        for row in (plan.first + side, lane.fin_row)
        if row != NONE
    ]
    row, lane = np.array(marks).T
    none, columns = np.zeros_like(row), groups.columns
    flags, size = columns.flags[row], columns.size[row]
    mark = np.stack([row, lane, none + MARK, none, flags, none, size, none - 1])
    record = [part for part, name in zip(records, Records._fields, strict=True) if name != "head"]
    both = np.concatenate([np.stack(record), mark], axis=1)
    row, *others = both[:, np.argsort(both[0], kind="stable")]
    packet = columns.index[row]
    return _Table(row, batch.first + packet, batch.at_ns[packet], *others)


def _folded(table: _Table) -> tuple[Integers, list[Told]]:
    """Where in the table what is told begins, and all of that."""
    long = (table.kind == _APPLICATION_DATA) & (table.length > MAX_OPENED_BYTES)
    same = long[1:] & long[:-1] & (table.lane[1:] == table.lane[:-1])
    starts = np.flatnonzero(np.append(True, ~same))
    behind = np.append(starts[1:], len(long))
    parts = (
        table.lane[starts] & 1,
        *(part[starts] for part in table[4:]),
        table.at_ns[starts],
        table.at_ns[behind - 1],
        table.number[starts],
        behind - starts,
    )
    return starts, list(zip(*(part.tolist() for part in parts), strict=True))


def _crossing(records: Records) -> set[int]:
    """Connections in which a record ends while one of the other side is on its way, and may have a
    say in whether that one is to be read: this was settled when its header came.

    A server's early records have, being hellos, and what a client may end its part with.
    """
    server = records.lane & 1 == 1
    mine, other = np.flatnonzero(~server), np.flatnonzero(server)
    lane = records.lane[other]
    rank = np.arange(len(lane)) - np.searchsorted(lane, lane)
    short = (records.kind == _APPLICATION_DATA) & (records.length <= MAX_OPENED_BYTES)
    early, closing = other[rank < _OPENING_RECORDS], np.flatnonzero(short & ~server)
    return _met(records, mine, early) | _met(records, other, closing)


def _met(records: Records, long: Integers, ends: Integers) -> set[int]:
    """Connections in which a record of `ends` ends within one of `long`, both in their order."""
    row, run = records.row, records.lane >> 1
    at = np.searchsorted(row[long], row[ends], side="right")
    within = at < len(long)
    ends, found = ends[within], long[at[within]]
    met = (run[found] == run[ends]) & (records.head[found] < row[ends])
    return set(run[ends[met]].tolist())
