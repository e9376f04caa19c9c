"""What came of a connection that is told in brief, to be told in full should it have to be."""

from collections.abc import Iterator
from typing import Final

from tlsclose.core.event import Side
from tlsclose.wire.brief_facts import OtherwiseError
from tlsclose.wire.conversation import CUT_OFF
from tlsclose.wire.follower import ConnectionFollower
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.records import Record, RecordReader
from tlsclose.wire.streams import Fin, Rst
from tlsclose.wire.whole_run import MARK, SIDES, WholeRun, tell_mark

MAX_RECORDS: Final = 1024
"""With more than this, or longer bodies, a connection takes less room as events; and it is fewer
than the events after which `event_log` counts instead of telling."""
MAX_BODY_BYTES: Final = 2**16

_Read = tuple[Stamp, Side, Record]


class Kept:
    """A run's records and what came behind it. Raises OtherwiseError where that is too much."""

    def __init__(self, run: WholeRun) -> None:
        self.readers: tuple[RecordReader, RecordReader] | None = None
        """Of what comes behind the run: the client's, and the server's."""
        self._began_ns = run.plan.began_ns
        self._records = run.records
        self._bodies: dict[int, bytes] = {}
        """Of the run's records that were read, by position."""
        self._behind: list[_Read | Fin | Rst] = []
        """In the order of capture, but for what `readers` and `_unread` hold."""
        self._unread: tuple[Stamp, Side, Iterator[Record]] | None = None
        """What else is in the bytes that were taken last."""
        self._room = MAX_BODY_BYTES
        self._check()

    def body(self, position: int, body: bytes) -> None:
        """Keep the body of one of the run's records."""
        self._bodies[position] = body
        self._room -= len(body)
        self._check()

    def fact(self, fact: Fin | Rst) -> None:
        """Keep what TCP told."""
        self._behind.append(fact)

    def feed(self, stamp: Stamp, sender: Side, data: bytes) -> Iterator[Record]:
        """Read a side's next bytes behind the run; keep what is taken of them."""
        assert self.readers is not None
        reader = self.readers[SIDES.index(sender)]
        records = reader.feed(data)
        self._unread = stamp, sender, records
        for record in records:
            self._behind.append((stamp, sender, record))
            self._room -= len(record.body or b"")
            self._check()
            yield record
        if reader.broken is not None:
            raise OtherwiseError

    @property
    def notes(self) -> tuple[str, ...]:
        """As the conversation would have them."""
        readers = zip(SIDES, self.readers or (), strict=False)
        return tuple(CUT_OFF.format(side) for side, reader in readers if reader.partial)

    def retell(self, follower: ConnectionFollower) -> None:
        """Tell a follower all that came."""
        self._retell_run(follower)
        for told in self._behind:
            if isinstance(told, Fin | Rst):
                follower.take(told)
            else:
                stamp, sender, record = told
                follower.begin(sender)
                follower.tls.record(stamp, sender, record)
        self._hand_over(follower)

    def _hand_over(self, follower: ConnectionFollower) -> None:
        """From here on the conversation says which bodies are wanted."""
        if self._unread is None or self.readers is None:
            return
        stamp, sender, records = self._unread
        for side, reader in zip(SIDES, self.readers, strict=True):
            follower.tls.take_over(stamp, side, reader)
        for record in records:
            follower.tls.record(stamp, sender, record)
        follower.in_order(stamp, sender, b"")

    def _retell_run(self, follower: ConnectionFollower) -> None:
        for column in self._records.T.tolist():
            _, number, at_ns, which, kind, version, length, _, position, _ = column
            stamp, side = Stamp(at_ns - self._began_ns, number), SIDES[which]
            if kind == MARK:
                tell_mark(follower, stamp, side, flags=length, size=position)
            else:
                follower.begin(side)
                body = self._bodies.get(position)
                follower.tls.record(stamp, side, Record(kind, version, length, body))

    def _check(self) -> None:
        count = self._records.shape[1] + len(self._behind)
        if count > MAX_RECORDS or self._room < 0:
            raise OtherwiseError
