"""A connection of which nobody asked for events: told in brief for as long as that is possible.

Nearly all connections of a large capture go by the book for long stretches, from their SYN on. Of
these only the facts are found out, and what was read is kept. Once something comes that says more,
the connection is followed as any other, from its beginning.
"""

from tlsclose.core.event import Side
from tlsclose.wire.brief import Brief
from tlsclose.wire.brief_facts import OtherwiseError
from tlsclose.wire.capture_connection import Ends, OpenConnection
from tlsclose.wire.follower import ConnectionFollower, Followed, repeated_note, stream_notes
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.outline import Outline
from tlsclose.wire.packets import Address, Segment
from tlsclose.wire.reassembly import Held, Stamp
from tlsclose.wire.run_plans import NONE
from tlsclose.wire.streams import Extent, Fact, Fin, Rst, TcpConnection
from tlsclose.wire.whole_run import SIDES, WholeRun, begin_tcp


class BriefConnection(OpenConnection):
    """Begun by a run that was told in brief. Its TCP is what the run says, until more comes."""

    def __init__(self, run: WholeRun, brief: Brief, keys: KeyLog, ends: Ends, held: Held) -> None:
        plan = run.plan
        super().__init__(keys, ends, plan.began_ns, plan.number, held)
        self._brief: Brief | None = brief
        self._plan = plan
        self._sent = run.sent
        run.note(self)
        if run.rest != (plan.client.end, plan.server.end):
            for stamp, side, piece in run.pieces():
                self.in_order(stamp, side, piece)

    @property
    def client(self) -> Address | None:
        return self.ends[0] if self._plan.forward else self.ends[1]

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

    def _new_tcp(self) -> TcpConnection:
        tcp = super()._new_tcp()
        tcp.client = self.client
        begin_tcp(tcp, self._plan, self._sent)
        return tcp

    def _came_to_end(self) -> bool:
        if self._tcp is not None:
            return super()._came_to_end()
        return self._plan.client.fin_row != NONE != self._plan.server.fin_row

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
            brief.kept.retell(self.follower)
        return self.follower

    def _outcome(self) -> Followed | Outline:
        plan = self._plan
        if self._tcp is not None or plan.client.lacks or plan.server.lacks:
            for fact in self.tcp.finish():
                self._take(fact)
        brief = self._brief
        if brief is None:
            return super()._outcome()
        packets, notes = plan.stop - plan.first, self._repeated()
        if self._tcp is not None:
            packets, notes = self.tcp.packets, stream_notes(self.tcp)
        return Outline(
            facts=brief.settled(),
            version=brief.version,
            sni=brief.sni,
            packets=packets,
            reset_notes=brief.reset_notes,
            notes=(*brief.kept.notes, *notes),
        )

    def _repeated(self) -> tuple[str, ...]:
        """As `stream_notes`."""
        lanes = zip(SIDES, self._plan.lanes, strict=True)
        return tuple(
            repeated_note(side, lane.retransmitted) for side, lane in lanes if lane.retransmitted
        )
