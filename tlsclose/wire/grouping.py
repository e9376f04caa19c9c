"""The segments of a batch by connection and direction, still as columns.

What can be told without looking at one segment alone is told here: where each direction's bytes
follow on each other, how far it was acknowledged, and which segments need a closer look.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tlsclose.core.frozen import dataclass
from tlsclose.wire.batch import Integers
from tlsclose.wire.columns import Columns, Flags, take
from tlsclose.wire.packets import TcpFlags

_APART: Final = TcpFlags.SYN | TcpFlags.RST
MAX_STRAY: Final = 2**29
"""Acknowledgement numbers of one batch further apart than this are looked at one by one."""

_MODULUS: Final = 2**32
_HALF: Final = 2**31
_MIX: Final = tuple(
    np.uint64(number)
    for number in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xFF51AFD7ED558CCD)
)

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """`n` segments sorted by connection, then by time; columns have an element for each."""

    columns: Columns
    bounds: Integers
    """Where each connection begins, and `n`."""
    forward: Flags
    """Sent by the end that the key names first."""
    forward_before: Integers
    """`n + 1`: how many segments before each are `forward`."""
    irregular: Integers
    """Those to be looked at one by one, for what the next two say or for a FIN."""
    apart: Flags
    """SYN, RST, cut off, out of time, or not to be placed."""
    broken: Flags
    """Those that do not begin where all that their direction has sent ends."""
    by_side: Integers
    """Positions here in the order of connection, side (`forward` first), time."""
    end: Integers
    """In that order: running total of payload bytes that came in order."""
    acknowledged: Integers
    """In that order: the highest acknowledgement number of this connection and side since the last
    SYN, -1 before the first."""


def share_of(columns: Columns, of: int) -> Integers:
    """To which of so many shares each segment's connection belongs, from 0."""
    ports = (columns.src_port + columns.dst_port).astype(np.uint64)
    mixed = (columns.src + columns.dst + ports * _MIX[0]) * _MIX[1] >> np.uint64(32)
    return (mixed % np.uint64(of)).astype(np.int64)


def chosen(columns: Columns, shares: Sequence[tuple[int, int]]) -> Columns:
    """The segments of the connections that belong to these shares (which, of how many)."""
    of = shares[0][1]
    if len(shares) == of:
        return columns
    mine = np.isin(share_of(columns, of), [which for which, _ in shares])
    found = take(columns, np.flatnonzero(mine))
    found.fragments = columns.fragments
    return found


def grouped(columns: Columns, at_ns: Integers) -> Grouped:
    """Sort. `at_ns`: the time of every packet of the batch."""
    source = _hash(columns.src_high, columns.src, columns.src_port)
    target = _hash(columns.dst_high, columns.dst, columns.dst_port)
    key = _scrambled(source + target)
    forward = source < target
    order = np.argsort(key, kind="stable")
    columns, forward, key = take(columns, order), forward[order], key[order]
    new = _changes(key)
    if _collides(columns, forward, new):
        order, new = _sorted_exactly(columns, forward)
        columns, forward = take(columns, order), forward[order]
    bounds = np.append(np.flatnonzero(new), len(columns))
    return _sided(columns, bounds, forward, new, at_ns)


def _sided(
    columns: Columns, bounds: Integers, forward: Flags, new: Flags, at_ns: Integers
) -> Grouped:
    group = np.cumsum(new) - 1
    side = group * 2 + ~forward
    small = len(side) and side[-1] < 2**16 - 1
    by_side = np.argsort(side.astype(np.uint16) if small else side, kind="stable")
    apart = (columns.flags & _APART != 0) | (columns.truncated > 0)
    if columns.single:
        apart |= np.isin(columns.index, list(columns.single))
    if not (at_ns[1:] >= at_ns[:-1]).all():
        apart |= _set_back(at_ns[columns.index], new)
    sides = side[by_side]
    stray, acknowledged = _acknowledged(columns, by_side, sides, new)
    if len(stray):
        apart |= np.isin(group, stray >> 1)
    broken = _broken(columns, by_side, sides, apart)
    finishing = columns.flags & TcpFlags.FIN != 0
    size = np.where(apart | broken, 0, columns.size)[by_side]
    return Grouped(
        columns=columns,
        bounds=bounds,
        forward=forward,
        forward_before=np.concatenate([[0], np.cumsum(forward)]),
        irregular=np.flatnonzero(apart | broken | finishing),
        apart=apart,
        broken=broken,
        by_side=by_side,
        end=np.cumsum(size),
        acknowledged=acknowledged,
    )


def _set_back(at_ns: Integers, new: Flags) -> Flags:
    """Segments with an earlier time than one before them in their connection."""
    _, place = np.unique(at_ns, return_inverse=True)
    lifted = place + np.cumsum(new) * len(at_ns)
    return lifted < np.maximum.accumulate(lifted)


def _broken(columns: Columns, by_side: Integers, sides: Integers, apart: Flags) -> Flags:
    """Segments that do not begin where all that their direction has sent ends.

    SYN and FIN take a sequence number each; what stands apart otherwise is passed over.
    """
    syn = columns.flags & TcpFlags.SYN != 0
    numbered = syn | (columns.flags & TcpFlags.FIN != 0)
    counting = np.flatnonzero((~apart | syn)[by_side])
    rows = by_side[counting]
    first = _changes(sides[counting]) | syn[rows]
    run = np.cumsum(first) - 1
    seq = columns.seq[rows]
    ahead = signed((seq - seq[first][run]) % _MODULUS)
    stray = np.abs(ahead) >= MAX_STRAY
    # As in `_acknowledged`.
    lift = run * (4 * MAX_STRAY)
    sent = np.where(stray, -MAX_STRAY, ahead + columns.size[rows] + numbered[rows]) + lift
    before = np.maximum.accumulate(sent)[:-1]
    broken = np.zeros(len(columns), np.bool_)
    broken[rows[1:]] = ~first[1:] & (stray[1:] | (before != (ahead + lift)[1:]))
    return broken


def signed(number: Integers) -> Integers:
    """Distances up to half of all sequence numbers, forwards or back."""
    return np.where(number >= _HALF, number - _MODULUS, number)


def _acknowledged(
    columns: Columns, by_side: Integers, sides: Integers, new: Flags
) -> tuple[Integers, Integers]:
    """The sides whose acknowledgement numbers jump, and the highest one so far of each.

    So far: since the last SYN of either side, for it may have opened another connection.
    """
    opened = np.cumsum(new | (columns.flags & TcpFlags.SYN != 0))[by_side]
    runs = np.cumsum(_changes(opened * 2 + (sides & 1)))
    told = columns.flags & (TcpFlags.ACK | TcpFlags.RST) == TcpFlags.ACK
    counting = np.flatnonzero(told[by_side])
    whose, ack = runs[counting], columns.ack[by_side[counting]]
    first = np.flatnonzero(_changes(whose))
    begin = np.repeat(ack[first], np.diff(np.append(first, len(whose))))
    behind = (ack - begin) % _MODULUS
    ahead = signed(behind)
    stray = np.abs(ahead) >= MAX_STRAY
    # Each run's numbers lie above those of the run before, so that one running maximum does.
    lift = whose * (4 * MAX_STRAY)
    highest = np.maximum.accumulate(np.where(stray, 0, ahead) + lift) - lift
    so_far = np.full(len(by_side), -1, np.int64)
    so_far[counting] = (begin + highest) % _MODULUS
    last = np.maximum.accumulate(np.where(so_far >= 0, np.arange(len(so_far)), -1))
    known = (last >= 0) & (runs[last] == runs)
    return sides[counting[stray]], np.where(known, so_far[last], -1)


def _changes(values: npt.NDArray[np.uint64] | Integers | Flags) -> Flags:
    changes = np.ones(len(values), np.bool_)
    changes[1:] = values[1:] != values[:-1]
    return changes


def _hash(high: Hashes, low: Hashes, port: Integers) -> Hashes:
    mixed = high * _MIX[0] + low * _MIX[1] + port.astype(np.uint64) * _MIX[2]
    return _scrambled(mixed)


def _scrambled(number: Hashes) -> Hashes:
    number = (number ^ (number >> np.uint64(33))) * _MIX[3]
    return number ^ (number >> np.uint64(29))


def _ends(columns: Columns, forward: Flags) -> list[npt.NDArray[np.uint64] | Integers]:
    pairs = (("src_high", "dst_high"), ("src", "dst"), ("src_port", "dst_port"))
    found = []
    for source, target in pairs:
        one, other = getattr(columns, source), getattr(columns, target)
        found += [np.where(forward, one, other), np.where(forward, other, one)]
    return found


def _collides(columns: Columns, forward: Flags, new: Flags) -> bool:
    """Whether two connections have one hash."""
    within = ~new[1:]
    return any(
        bool((within & (column[1:] != column[:-1])).any()) for column in _ends(columns, forward)
    )


def _sorted_exactly(columns: Columns, forward: Flags) -> tuple[Integers, Flags]:
    ends = _ends(columns, forward)
    order = np.lexsort(ends)
    new = np.zeros(len(order), np.bool_)
    for column in ends:
        new |= _changes(column[order])
    return order, new
