"""Which connections of a batch go by the book from their SYN on, and how far: found in columns.

By the book nothing is missing, out of order or cut. Then a record's place in the stream is its
place in the batch, and no segment has to be looked at but those in which records begin and end.
What repeats bytes or a FIN that came is only counted.
"""

from typing import Final, NamedTuple

import numpy as np

from tlsclose.wire.batch import Batch, Integers
from tlsclose.wire.columns import Flags
from tlsclose.wire.grouping import Grouped, signed
from tlsclose.wire.packets import TcpFlags

_MODULUS: Final = 2**32
_SYN: Final = int(TcpFlags.SYN)
_FIN: Final = int(TcpFlags.FIN)
_ACK: Final = int(TcpFlags.ACK)
_OF_NOTE: Final = int(TcpFlags.SYN | TcpFlags.FIN | TcpFlags.RST | TcpFlags.ACK)
_FEWEST: Final = 4
"""Segments that are worth it."""
_NEVER: Final = 2**62
NONE: Final = -1


class Lane(NamedTuple):
    """One side's part of a run: places from `place` up to `behind`. Times are of the capture."""

    isn: int
    place: int
    behind: int
    begin: int
    """Where its bytes begin and end in the running total of payload bytes."""
    end: int
    last_ns: int
    """Of the segment that brought its last byte, as the next; both mean nothing without any."""
    last_number: int
    acknowledged: int
    """The highest acknowledgement number that it has sent."""
    retransmitted: int
    """Segments that brought nothing new."""
    fin_row: int
    """Its FIN; `NONE` where it has sent none, and the next three mean nothing."""
    fin_ns: int
    fin_number: int
    fin_size: int
    """Payload bytes in the same segment."""
    lacks: bool
    """The other side acknowledged more than came."""


class Plan(NamedTuple):
    """One connection from row `first`, its SYN, up to `stop`."""

    client: Lane
    server: Lane
    first: int
    stop: int
    forward: bool
    """The client is the end that is named first."""
    began_ns: int
    number: int
    """Of its first packet."""
    last_ns: int
    last_number: int
    bytes: int
    """On the wire, with all headers."""

    @property
    def lanes(self) -> tuple[Lane, Lane]:
        return self.client, self.server


class _Openings(NamedTuple):
    """An element for each row with a SYN before one that answers it."""

    first: Integers
    begin: Integers
    """Where their connection begins and ends."""
    behind: Integers


class _Parts(NamedTuple):
    """One side of each opening: its SYN, and of `Lane` what is not looked up."""

    opens: Integers
    place: Integers
    behind: Integers
    fin_row: Integers
    retransmitted: Integers


class _Fates(NamedTuple):
    """What the irregular segments behind openings come to."""

    stop: Integers
    """Of each opening."""
    fin_row: Integers
    """Of each opening's client, then server; `NONE` for no FIN before the stop."""
    retransmitted: Integers
    """In that order."""


def planned(batch: Batch, groups: Grouped, linger_ns: int) -> list[Plan]:
    """What can be taken so, in the order of rows; what comes so long after a connection's end as
    `linger_ns` is none of it."""
    openings = _openings(batch, groups)
    if not len(openings.first):
        return []
    place_of = np.empty(len(groups.columns), np.int64)
    place_of[groups.by_side] = np.arange(len(place_of))
    pauses = np.flatnonzero(np.diff(batch.at_ns[groups.columns.index]) > linger_ns) + 1
    fates = _fates(groups, openings, place_of, pauses)
    first, stop = openings.first, fates.stop
    forward = groups.forward[first]
    one, other = _places(groups, openings, first), _places(groups, openings, stop)
    sides = []
    good = stop - first >= _FEWEST
    for at, mine in enumerate((forward, ~forward)):
        place, behind = (np.where(mine, *pair) for pair in (one, other))
        parts = _Parts(first + at, place, behind, fates.fin_row[at::2], fates.retransmitted[at::2])
        good &= _finishes(groups, place_of, parts)
        sides.append(parts)
    client, server = sides
    lanes = _lanes(batch, groups, client, server), _lanes(batch, groups, server, client)
    packet = groups.columns.index
    wire = np.cumsum(batch.original[packet])
    began, last = packet[first], packet[stop - 1]
    size = wire[stop - 1] - wire[first] + batch.original[began]
    columns = (
        first,
        stop,
        forward,
        batch.at_ns[began],
        batch.first + began,
        batch.at_ns[last],
        batch.first + last,
        size,
    )
    plans = zip(*lanes, *(column.tolist() for column in columns), strict=True)
    return [Plan(*values) for values, fine in zip(plans, good.tolist(), strict=True) if fine]


def _openings(batch: Batch, groups: Grouped) -> _Openings:
    columns, forward, bounds = groups.columns, groups.forward, groups.bounds
    flags = columns.flags & _OF_NOTE
    answered = (flags[:-1] == _SYN) & (flags[1:] == _SYN | _ACK) & (forward[1:] != forward[:-1])
    first = np.flatnonzero(answered)
    group = np.searchsorted(bounds, first, side="right")
    behind = bounds[group]
    at_ns = batch.at_ns[columns.index]
    good = (first + 1 < behind) & (at_ns[first + 1] >= at_ns[first])
    for row in (first, first + 1):
        good &= (columns.size[row] == 0) & (columns.truncated[row] == 0)
        if columns.single:
            good &= ~np.isin(columns.index[row], list(columns.single))
    return _Openings(first[good], bounds[group - 1][good], behind[good])


def _fates(groups: Grouped, openings: _Openings, place_of: Integers, pauses: Integers) -> _Fates:
    """`pauses`: rows before which nothing came for so long that they are late behind an end."""
    columns, first = groups.columns, openings.first
    rows = groups.irregular
    owner = np.searchsorted(first, rows, side="right") - 1
    rows, owner = rows[owner >= 0], owner[owner >= 0]
    opens = first[owner]
    client = groups.forward[rows] == groups.forward[opens]
    isn = columns.seq[opens + ~client]
    total = groups.end[place_of[rows]] - groups.end[place_of[opens + ~client]]
    tail = signed((columns.seq[rows] - isn - 1 - total) % _MODULUS) + columns.size[rows]
    flags = columns.flags[rows] & _OF_NOTE
    fin = flags == _FIN | _ACK
    known = ((flags == _ACK) & (tail <= 0)) | (fin & (tail == 0))
    known &= ~groups.apart[rows]
    known |= rows <= opens + 1
    known &= rows < openings.behind[owner]
    stop = _stops(openings, rows[~known])
    taken = known & (rows < stop[owner])
    lane = owner * 2 + ~client
    fin_row = np.full(2 * len(first), NONE, np.int64)
    finishing = np.flatnonzero(taken & fin)[::-1]
    fin_row[lane[finishing]] = rows[finishing]
    stop = _timely(stop, fin_row, pauses)
    again = taken & (rows < stop[owner]) & groups.broken[rows] & (columns.size[rows] > 0)
    again &= (columns.size[rows] > 1) | (tail < 0)  # no keep-alive
    return _Fates(stop, fin_row, np.bincount(lane[again], minlength=len(fin_row)))


def _stops(openings: _Openings, unknown: Integers) -> Integers:
    """The first row behind each opening that is not by the book, or belongs to others."""
    first, behind = openings.first, openings.behind
    strange = np.append(unknown, _NEVER)[np.searchsorted(unknown, first)]
    stop: Integers = np.minimum(np.minimum(behind, strange), np.append(first[1:], _NEVER))
    return stop


def _timely(stop: Integers, fin_row: Integers, pauses: Integers) -> Integers:
    """The stop of each opening, or the first row after a pause behind both its FIN."""
    one, other = fin_row[::2], fin_row[1::2]
    over = np.where(np.minimum(one, other) == NONE, _NEVER, np.maximum(one, other))
    late = np.append(pauses, _NEVER)[np.searchsorted(pauses, over, side="right")]
    timely: Integers = np.minimum(stop, late)
    return timely


def _places(groups: Grouped, openings: _Openings, rows: Integers) -> tuple[Integers, Integers]:
    """Where the segments of either direction, forward first, from these rows on begin by side."""
    before, begin = groups.forward_before, openings.begin
    forward = before[rows] - before[begin]
    split = begin + before[openings.behind] - before[begin]
    return begin + forward, split + rows - begin - forward


def _finishes(groups: Grouped, place_of: Integers, parts: _Parts) -> Flags:
    """Whether nothing comes behind the FIN of each lane, if it has one."""
    fin_row = parts.fin_row
    at_fin = groups.end[place_of[np.maximum(fin_row, 0)]]
    finishes: Flags = (fin_row == NONE) | (groups.end[parts.behind - 1] == at_fin)
    return finishes


def _lanes(batch: Batch, groups: Grouped, mine: _Parts, other: _Parts) -> list[Lane]:
    """One side of each opening, `other` being the other one."""
    columns, fin_row = groups.columns, mine.fin_row
    isn = columns.seq[mine.opens]
    begin, end = groups.end[mine.place], groups.end[mine.behind - 1]
    last = columns.index[groups.by_side[np.searchsorted(groups.end, end)]]
    fin = np.maximum(fin_row, 0)
    acknowledged = groups.acknowledged[other.behind - 1]
    ahead = signed((acknowledged - isn - 1 - (end - begin)) % _MODULUS)
    told = (
        isn,
        mine.place,
        mine.behind,
        begin,
        end,
        batch.at_ns[last],
        batch.first + last,
        groups.acknowledged[mine.behind - 1],
        mine.retransmitted,
        fin_row,
        batch.at_ns[columns.index[fin]],
        batch.first + columns.index[fin],
        columns.size[fin],
        (acknowledged >= 0) & (ahead > 0) & (fin_row == NONE),
    )
    return [Lane(*values) for values in zip(*(part.tolist() for part in told), strict=True)]
