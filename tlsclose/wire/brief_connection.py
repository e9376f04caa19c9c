"""A connection of which nobody asked for events: told in brief for as long as that is possible.

Nearly all connections of a large capture go by the book for long stretches, from their SYN on. Of
these only the facts are found out, and what was read is kept. Once something comes that says more,
the connection is followed as any other, from its beginning.
"""

from tlsclose.core.event import Side
from tlsclose.wire.brief import Brief, OtherwiseError
from tlsclose.wire.capture_connection import Ends, OpenConnection
from tlsclose.wire.follower import ConnectionFollower, Followed, stream_notes
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.outline import Outline
from tlsclose.wire.packets import Segment
from tlsclose.wire.reassembly import Held, Stamp
from tlsclose.wire.streams import Extent, Fact, Fin, Rst
from tlsclose.wire.whole_run import WholeRun


class BriefConnection(OpenConnection):
    """Begun by a run that was told in brief."""

    def __init__(self, run: WholeRun, brief: Brief, keys: KeyLog, ends: Ends, held: Held) -> None:
        rows = run.rows
        super().__init__(keys, ends, rows.at_ns[run.first], rows.number[run.first], held)
        self._brief: Brief | None = brief
        run.open_tcp(self)
        run.tell_tcp(self.tcp, self.started_ns)
        run.note(self)
        for stamp, side, piece in run.pieces(self.started_ns):
            self.in_order(stamp, side, piece)

    def segment(self, at_ns: int, number: int, segment: Segment) -> None:
        for fact in self.tcp.segment(Stamp(at_ns, number), segment):
            self._take(fact)

    def in_order(self, stamp: Stamp, sender: Side, data: bytes) -> None:
        if self._brief is None:
            super().in_order(stamp, sender, data)
            return
        try:
            self._brief.extent(stamp, sender, data)
        except OtherwiseError:
            self._follow()

    def idle(self, sender: Side) -> int:
        return super().idle(sender) if self._brief is None else self._brief.idle(sender)

    def pass_over(self, stamp: Stamp, sender: Side, size: int) -> None:
        if self._brief is None:
            super().pass_over(stamp, sender, size)
        else:
            self._brief.pass_over(sender, size)

    def _take(self, fact: Fact) -> None:
        brief = self._brief
        if brief is None:
            self.follower.take(fact)
        elif isinstance(fact, Extent):
            self.in_order(fact.stamp, fact.sender, fact.data)
        elif not isinstance(fact, Fin | Rst):
            self._follow().take(fact)
        else:
            try:
                brief.take(fact)
            except OtherwiseError:
                self._follow()

    def _follow(self) -> ConnectionFollower:
        """Follow, from the beginning, what was told in brief up to here."""
        brief, self._brief = self._brief, None
        if brief is not None:
            brief.retell(self.follower)
        return self.follower

    def _outcome(self) -> Followed | Outline:
        for fact in self.tcp.finish():
            self._take(fact)
        brief = self._brief
        if brief is None:
            return super()._outcome()
        return Outline(
            facts=brief.settled(),
            version=brief.version,
            sni=brief.sni,
            packets=self.tcp.packets,
            reset_notes=brief.reset_notes,
            notes=(*brief.notes, *stream_notes(self.tcp)),
        )
