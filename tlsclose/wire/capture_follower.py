"""Every TCP connection of a capture, reported as soon as it is over.

A connection is over when both sides have finished or one was reset, and nothing more came for a
while of capture time; when its ports are used again; when too many others are open; or when the
file ends. State is kept for open connections alone.
"""

import gc
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tlsclose.wire.capture_connection import Ends, FollowedConnection, OpenConnection
from tlsclose.wire.frame import Frame
from tlsclose.wire.half_open import MAX_HALF_OPEN, Bare, HalfOpen, ends_of, only_syn
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import TcpFlags
from tlsclose.wire.reassembly import Held

if TYPE_CHECKING:
    from tlsclose.wire.batch import Batch
    from tlsclose.wire.brief import Brief
    from tlsclose.wire.capture_file import CaptureFile
    from tlsclose.wire.whole_run import WholeRun

MAX_OPEN: Final = 20_000
MAX_REMEMBERED: Final = 32_768
"""Connections that are over, whose late packets begin no new one."""
MAX_LINGERING: Final = 2048
"""Connections that are over and wait for late packets."""
LINGER_NS: Final = 10_000_000_000
LIVE_LINGER_NS: Final = 500_000_000
FORGET_NS: Final = 240_000_000_000
"""Twice the longest life of a segment (RFC 9293 section 3.4.1)."""

_SWEEPS: Final = 8
"""In the time for which a connection lingers."""
_COLLECT_AFTER: Final = 200_000
"""Objects more than there were."""
_EVICTED: Final = "reported before its end: too many connections were open at once"

Report = Callable[[FollowedConnection], None]


class CaptureFollower:
    """Takes batches; reports each connection that is over.

    `share` (which, of how many) leaves the other connections to other followers, and has its share
    of every limit. Without `fast` every segment is looked at; what comes out is the same. `brief`:
    nobody asks for events, an `Outline` will do.
    """

    def __init__(
        self,
        keys: KeyLog,
        on_connection: Report,
        *,
        linger_ns: int = LINGER_NS,
        share: tuple[int, int] = (0, 1),
        fast: bool = True,
        brief: bool = False,
        max_open: int = MAX_OPEN,
        max_half_open: int = MAX_HALF_OPEN,
    ) -> None:
        self.fast = fast
        self._in_brief = brief
        self.late = 0
        """Packets of connections that had been reported already."""
        self.evicted = 0
        """Connections reported before their end, to bound memory."""
        self.fragments = 0
        """IP packets with a part of a segment: these are not put together."""
        self._keys = keys
        self._on_connection = on_connection
        self.linger_ns = linger_ns
        self.share = share
        self._max_open = max(max_open // share[1], 1)
        self._max_half_open = max(max_half_open // share[1], 1)
        self._max_lingering = MAX_LINGERING // share[1]
        self._max_remembered = MAX_REMEMBERED // share[1]
        self._half_open = HalfOpen()
        self._held = Held(share[1])
        self._open: OrderedDict[Hashable, OpenConnection] = OrderedDict()
        self._over: dict[Hashable, OpenConnection] = {}
        self._reported: OrderedDict[Hashable, int] = OrderedDict()
        self._now_ns = self._swept_ns = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """What limits the reading of the capture as a whole, in one sentence each."""
        if not self.fragments:
            return ()
        what = f"IP fragments of TCP segments, not put together: {self.fragments}"
        return (f"{what}; the connections that they belong to are not judged",)

    def take(self, batch: "Batch") -> None:
        """Follow a batch's packets."""
        take_together([self], batch)

    def pass_time(self, batch: "Batch", fragments: int) -> None:
        """A batch was followed."""
        self.fragments += fragments
        self._now_ns = int(batch.at_ns[-1]) if len(batch) else self._now_ns + batch.idle_ns
        self._sweep()

    def take_few(self, frames: Sequence[Frame]) -> None:
        """Follow a whole capture's packets, too few of them to make columns worth their start."""
        from tlsclose.wire.small_pass import follow_frames

        if frames:
            follow_frames(self, frames)
            self._now_ns = frames[-1].at_ns
        self._sweep()

    def finish(self) -> None:
        """The capture is over, and with it every connection."""
        while self._half_open:
            self._give_up(self._half_open.oldest())
        while self._open:
            _, connection = self._open.popitem(last=False)
            self._on_connection(connection.finish())
        self._over.clear()

    def known(self, key: Hashable) -> OpenConnection | None:
        """The open connection between two ends, which is in use now."""
        connection = self._open.get(key)
        if connection is not None:
            self._open.move_to_end(key)
        return connection

    def concerns_half_open(self, key: Hashable, flags: int) -> bool:
        """Whether `wait` is to be asked first."""
        return bool(flags & TcpFlags.SYN) or key in self._half_open

    def wait(self, key: Hashable, bare: Bare | None) -> bool:
        """Keep a segment back of a connection that may never have any to follow.

        `bare`: None for one with payload. False where the segment has to be followed now.
        """
        if key in self._half_open:
            if bare is not None and self._half_open.add(key, bare):
                return True
            self.follow_up(key)
            return False
        if bare is None or key in self._open or not self._half_open.open(key, bare):
            return False
        self._reported.pop(key, None)
        self.begun(bare.number)
        if len(self._half_open) > self._max_half_open:
            self._give_up(self._half_open.oldest())
        return True

    def begun(self, number: int) -> None:
        """A connection begins with this packet."""

    def follow_up(self, key: Hashable) -> None:
        """Make a connection that is half open one like any other."""
        if key not in self._half_open:
            return
        segments, ends = self._half_open.pop(key), ends_of(key)
        connection = self._opened(key, ends, segments[0].at_ns, segments[0].number)
        _replay(connection, segments)

    def _give_up(self, key: Hashable) -> None:
        """Report one of which nothing more may come; what does come begins another."""
        segments, ends = self._half_open.pop(key), ends_of(key)
        if len(segments) == 1:
            self._on_connection(only_syn(ends, segments[0]))
            return
        connection = OpenConnection(self._keys, ends, segments[0].at_ns, segments[0].number)
        _replay(connection, segments)
        self._on_connection(connection.finish())

    def is_late(self, key: Hashable, connection: OpenConnection | None, at_ns: int) -> bool:
        """Whether a segment without SYN comes after its connection's end."""
        if connection is not None:
            return connection.over and at_ns - connection.last_ns > self.linger_ns
        ended_ns = self._reported.get(key)
        return ended_ns is not None and at_ns - ended_ns < FORGET_NS

    def begin(self, key: Hashable, ends: Ends, at_ns: int, number: int) -> OpenConnection:
        """Open a connection; one that is open between the same ends is over."""
        self.begun(number)
        return self._opened(key, ends, at_ns, number)

    def take_run(self, key: Hashable, ends: Ends, run: "WholeRun") -> OpenConnection:
        """Open a connection that goes by the book, as far as that goes."""
        at_ns, number = run.plan.began_ns, run.plan.number
        self.begun(number)
        brief = self._brief(run)
        if brief is None:
            connection = self._opened(key, ends, at_ns, number)
            run.follow(connection)
            return connection
        from tlsclose.wire.brief_connection import BriefConnection

        return self._put(key, BriefConnection(run, brief, self._keys, ends, self._held))

    def _brief(self, run: "WholeRun") -> "Brief | None":
        from tlsclose.wire.brief import Brief
        from tlsclose.wire.brief_facts import OtherwiseError

        if not self._in_brief:
            return None
        try:
            return Brief(run, self._keys)
        except OtherwiseError:
            return None

    def _opened(self, key: Hashable, ends: Ends, at_ns: int, number: int) -> OpenConnection:
        return self._put(key, OpenConnection(self._keys, ends, at_ns, number, self._held))

    def _put(self, key: Hashable, connection: OpenConnection) -> OpenConnection:
        if key in self._open:
            self._end(key)
        while len(self._open) >= self._max_open:
            self.evicted += 1
            self._end(next(iter(self._open)), _EVICTED)
        self._reported.pop(key, None)
        self._open[key] = connection
        return connection

    def check(self, key: Hashable, connection: OpenConnection) -> None:
        """See whether a connection has come to its end."""
        if connection.ended():
            if connection.over:
                self._over[key] = connection
            else:
                self._over.pop(key, None)

    def _sweep(self) -> None:
        surplus = len(self._over) - self._max_lingering
        if surplus <= 0 and abs(self._now_ns - self._swept_ns) < self.linger_ns // _SWEEPS:
            return
        self._swept_ns = self._now_ns
        done = [
            key
            for place, (key, connection) in enumerate(self._over.items())
            if place < surplus or abs(self._now_ns - connection.last_ns) > self.linger_ns
        ]
        for key in done:
            self._end(key)

    def _end(self, key: Hashable, note: str = "") -> None:
        connection = self._open.pop(key)
        self._over.pop(key, None)
        self._reported[key] = connection.last_ns
        if len(self._reported) > self._max_remembered:
            self._reported.popitem(last=False)
        self._on_connection(connection.finish(note))


def take_together(followers: "Sequence[CaptureFollower]", batch: "Batch") -> None:
    """Have followers with a share each follow a batch's packets at once."""
    from tlsclose.wire.capture_pass import Pass
    from tlsclose.wire.columns import tcp_columns
    from tlsclose.wire.grouping import chosen, grouped

    fragments = 0
    if len(batch):
        segments = tcp_columns(batch) if batch.segments is None else batch.segments
        columns = chosen(segments, [follower.share for follower in followers])
        fragments = columns.fragments
        if len(columns):
            Pass(followers, batch, grouped(columns, batch.at_ns)).run()
    for follower in followers:
        follower.pass_time(batch, fragments)


def _replay(connection: OpenConnection, segments: Sequence[Bare]) -> None:
    for bare in segments:
        segment = bare.segment(connection.ends)
        connection.take(bare.at_ns, bare.number, bare.size, segment, forward=bare.forward)


def follow(
    capture: "CaptureFile",
    keys: KeyLog,
    *,
    on_connection: Report,
    share: tuple[int, int] = (0, 1),
) -> CaptureFollower:
    """Read a capture to its end; `keys` are those that its embedded secrets go to.

    Raises CaptureFileError where it is none; see `capture.damage` for one that breaks off.
    """
    linger_ns = LIVE_LINGER_NS if capture.live else LINGER_NS
    follower = CaptureFollower(keys, on_connection, linger_ns=linger_ns, share=share)
    with few_collections():
        for batch in capture:
            follower.take(batch)
        follower.finish()
    return follower


@contextmanager
def few_collections() -> Iterator[None]:
    """Have the cycle collector run seldom: connections that are over are freed without it."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
