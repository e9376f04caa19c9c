"""A connection of which nobody asked for events: told in brief for as long as that is possible.

Nearly all connections of a large capture go by the book from SYN to FIN. Of these only the facts
are found out, and what was read is kept. Once something comes behind them that says more than that
TCP goes on or ends, the connection is followed as any other, from its beginning.
"""

from collections.abc import Sequence
from functools import lru_cache

from tlsclose.core.event import STRAY_RESET, Kind, Side, Source
from tlsclose.core.facts import Fact as Said
from tlsclose.core.facts import number_of
from tlsclose.wire.brief import Brief
from tlsclose.wire.capture_connection import Ends, OpenConnection
from tlsclose.wire.follower import ConnectionFollower, Followed, reset_words, stream_notes
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.outline import Outline
from tlsclose.wire.packets import Segment, TcpFlags, flag_names
from tlsclose.wire.reassembly import Held, Stamp
from tlsclose.wire.streams import Fact, Fin, Rst, TcpConnection
from tlsclose.wire.whole_run import WholeRun, tell


class BriefConnection(OpenConnection):
    """Begun by a run that was told in brief."""

    def __init__(self, run: WholeRun, brief: Brief, keys: KeyLog, ends: Ends, held: Held) -> None:
        rows = run.rows
        super().__init__(keys, ends, rows.at_ns[run.first], rows.number[run.first], held)
        self._brief = brief
        self._told = run.told(brief.bodies, self.started_ns)
        self._resets: dict[tuple[Side, bool], Rst] = {}
        self._tail: list[Fact] = []
        run.open_tcp(self)
        run.tell_tcp(self.tcp, self.started_ns)
        run.note(self)

    def segment(self, at_ns: int, number: int, segment: Segment) -> None:
        """Take its next packet."""
        for fact in self.tcp.segment(Stamp(at_ns, number), segment):
            if self._follower is None and self._takes(fact):
                self._tail.append(fact)
            else:
                self.follower.take(fact)

    def _outcome(self) -> Followed | Outline:
        """No more will come."""
        for fact in self.tcp.finish():
            self.follower.take(fact)
        if self._follower is not None:
            return self._follower.finish()
        brief = self._brief
        notes = [self._note(reset) for reset in self._resets.values()]
        tail = [number for number in self._tail_facts(notes) if number is not None]
        return Outline(
            facts=(*brief.facts, *tail),
            version=brief.version,
            sni=brief.sni,
            packets=self.tcp.packets,
            reset_notes=tuple(filter(None, notes)),
            notes=stream_notes(self.tcp),
        )

    def _begun(self) -> ConnectionFollower:
        """Follow all over again what was told in brief."""
        follower = super()._begun()
        tell(self._told, follower)
        for fact in self._tail:
            follower.take(fact)
        self._told, self._tail = [], []
        return follower

    def _takes(self, fact: Fact) -> bool:
        """Whether a fact can be told in brief."""
        if isinstance(fact, Fin):
            return True
        if not isinstance(fact, Rst) or (fact.answers is not None and not self._carried(fact)):
            return False
        self._resets.setdefault((fact.sender, fact.in_window), fact)
        return True

    def _carried(self, reset: Rst) -> str:
        """What the packet carried that a reset answers; empty where that takes a closer look."""
        return self._brief.alerts.get((reset.answers or 0, reset.sender.other), "")

    def _note(self, reset: Rst) -> str:
        return "; ".join(reset_words(reset, self._carried(reset)))

    def _tail_facts(self, notes: Sequence[str]) -> list[int | None]:
        """Of what came behind the run: a FIN, and the first reset of each kind."""
        noted = dict(zip(map(id, self._resets.values()), notes, strict=True))
        found = []
        for fact in self._tail:
            if isinstance(fact, Fin):
                found.append(_said(fact.sender, Kind.FIN, flag_names(fact.flags & ~TcpFlags.PSH)))
            elif isinstance(fact, Rst) and id(fact) in noted:
                detail = flag_names(fact.flags) if fact.in_window else STRAY_RESET
                found.append(_said(fact.sender, Kind.RST, detail, noted=bool(noted[id(fact)])))
        return found


@lru_cache(maxsize=256)
def _said(sender: Side, kind: Kind, detail: str, *, noted: bool = False) -> int | None:
    return number_of(Said(sender, kind, Source.WIRE, detail, None, noted))
