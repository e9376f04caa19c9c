"""The connection follower: one connection's packets or tap extents to its events.

Three stages, each usable alone: `streams` puts packets in order and tells the TCP facts,
`conversation` reads TLS from the ordered bytes, and this joins what both say.
"""

from collections import Counter
from dataclasses import replace

from tlsclose.core.event import STRAY_RESET, Event, Kind, Side, Source
from tlsclose.core.frozen import dataclass
from tlsclose.wire.answer import Answer
from tlsclose.wire.conversation import Conversation
from tlsclose.wire.event_log import EventLog
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import Address, Segment, TcpFlags, flag_names
from tlsclose.wire.protection import Negotiated
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.streams import Extent, Fact, Fin, Hole, Outlived, Rst, Syn, TcpConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What the wire knows of one connection."""

    events: tuple[Event, ...]
    """Ordered by time."""
    negotiated: Negotiated | None
    """None where the hellos were not both seen."""
    sni: str | None
    alpn: str | None
    """In TLS 1.3 it is sealed: None also where it could not be decrypted."""
    resumed: bool | None
    """None where the capture does not show it."""
    packets: int
    preamble: str | None = None
    """The protocol that TLS began in: `upgrade.Protocol`, `unknown`, or None for none."""
    refused: bool = False
    """The client asked for TLS in such a protocol; the server refused, and none came."""
    answer: Answer | None = None
    """Of a server to a half-close before it (TLS 1.3), where it could be opened."""
    notes: tuple[str, ...]
    """What limits or colours the testimony, each in one sentence."""


class ConnectionFollower:
    """Fed with packets or with extents, never both; keys are looked up when first needed.

    `client` is the client's address; where None, the sender of the first SYN or ClientHello.
    """

    def __init__(
        self, keys: KeyLog, *, client: Address | None = None, tcp: TcpConnection | None = None
    ) -> None:
        self._log = EventLog()
        self.tls = Conversation(keys, self._log)
        self.tcp = tcp or TcpConnection(client)
        self._began: set[Side] = set()
        self._resets: dict[tuple[Side, bool], tuple[int, Rst]] = {}
        """The first RST of a side, inside the window and outside it."""
        self._later_resets: Counter[tuple[Side, bool]] = Counter()

    def segment(self, at_ns: int, number: int, segment: Segment) -> None:
        """Take a packet. `at_ns` counts from the report's start, `number` from 1."""
        for fact in self.tcp.segment(Stamp(at_ns, number), segment):
            self.take(fact)

    def in_order(self, stamp: Stamp, sender: Side, data: bytes) -> None:
        """Take a packet's payload that is known to come next; its headers are told otherwise."""
        self.begin(sender)
        self.tls.extent(stamp, sender, data)

    def extent(self, at_ns: int, sender: Side, data: bytes) -> None:
        """Take bytes that one side wrote, in order, as a tap on the socket sees them."""
        self.tls.extent(Stamp(at_ns, None), sender, data)

    def finish(self) -> Followed:
        """No more will come. Call once."""
        for fact in self.tcp.finish():
            self.take(fact)
        self.tls.finish()
        self._explain_resets()
        if self.tls.imagined:
            return self._without_tls()
        state, dialogue = self.tls.state, self.tls.dialogue
        return Followed(
            events=self._log.ordered(),
            negotiated=state.negotiated,
            sni=state.sni,
            alpn=state.alpn,
            resumed=state.resumed,
            packets=self.tcp.packets,
            preamble=dialogue.protocol,
            refused=bool(dialogue.refusal),
            answer=self.tls.answer,
            notes=(*self.tls.notes, *stream_notes(self.tcp)),
        )

    def _without_tls(self) -> Followed:
        """What TCP tells; the records were none."""
        return Followed(
            events=tuple(event for event in self._log.ordered() if event.kind in _OF_TCP),
            negotiated=None,
            sni=None,
            alpn=None,
            resumed=None,
            packets=self.tcp.packets,
            notes=stream_notes(self.tcp),
        )

    def take(self, fact: Fact) -> None:
        """Take what TCP told."""
        match fact:
            case Extent():
                self.begin(fact.sender)
                self.tls.extent(fact.stamp, fact.sender, fact.data)
            case Hole():
                self.begin(fact.sender)
                self._add(fact, Kind.GAP, detail=fact.loss, size=fact.size)
                self.tls.hole(fact.stamp, fact.sender, fact.size)
            case Syn():
                self._add(fact, Kind.SYN, detail=flag_names(fact.flags))
            case Fin():
                flags = flag_names(fact.flags & ~TcpFlags.PSH)
                note = f"on {fact.size} bytes of data" if fact.size else ""
                self._add(fact, Kind.FIN, detail=flags, note=note)
            case Rst():
                self._reset(fact)
            case Outlived():
                self._outlived(fact)

    def begin(self, sender: Side) -> None:
        """The first bytes of a side come."""
        if sender not in self._began:
            self._began.add(sender)
            answers = sender is Side.SERVER and self.tls.state.client_hello is not None
            if not self.tcp.began(sender) and not answers:
                self.tls.began_late(sender)

    def _reset(self, fact: Rst) -> None:
        which = fact.sender, fact.in_window
        if which in self._resets:
            self._later_resets[which] += 1
            return
        detail = flag_names(fact.flags) if fact.in_window else STRAY_RESET
        index = self._add(fact, Kind.RST, detail=detail)
        if index is not None:
            self._resets[which] = index, fact

    def _outlived(self, fact: Outlived) -> None:
        index, reset = self._resets.pop((fact.sender, True), (None, None))
        if index is None or reset is None:
            return
        count = 1 + self._later_resets.pop((fact.sender, True), 0)
        note = f"without effect: the {fact.sender.other} went on"
        event = replace(self._log[index], detail=STRAY_RESET, note=note, count=count)
        self._log.amend(index, event)

    def _explain_resets(self) -> None:
        """Last, when it is settled what the packets carried that were answered with a RST."""
        for which, (index, fact) in self._resets.items():
            carried = "" if fact.answers is None else self._carried(fact.answers, fact.sender.other)
            note = "; ".join(reset_words(fact, carried))
            count = 1 + self._later_resets[which]
            self._log.amend(index, replace(self._log[index], note=note, count=count))

    def _carried(self, number: int, sender: Side) -> str:
        """What a packet carried, the word that matters most for a close."""
        found = {event.kind: event for event in self._log.in_packet(number, sender)}
        for kind, words in _CARRIED:
            if kind in found:
                return words
        return "segment"

    def _add(
        self,
        fact: Hole | Syn | Fin | Rst,
        kind: Kind,
        *,
        detail: str = "",
        note: str = "",
        size: int = 0,
    ) -> int | None:
        return self._log.add(
            Event(
                at_ns=fact.stamp.at_ns,
                sender=fact.sender,
                kind=kind,
                source=Source.WIRE,
                detail=detail,
                bytes=size,
                packet=fact.stamp.number,
                note=note,
            )
        )


_OF_TCP = frozenset({Kind.SYN, Kind.GAP, Kind.FIN, Kind.RST})

_CARRIED = (
    (Kind.CLOSE_NOTIFY, "close_notify"),
    (Kind.ALERT, "alert"),
    (Kind.APP_DATA, "data"),
    (Kind.HANDSHAKE, "handshake message"),
    (Kind.RECORD, "sealed record"),
    (Kind.FIN, "FIN"),
    (Kind.SYN, "SYN"),
)


def _segments(count: int) -> str:
    return "1 segment" if count == 1 else f"{count} segments"


def reset_words(fact: Rst, carried: str) -> list[str]:
    """What to say of a RST; `carried`: what the packet did that it answers, if it answers one."""
    words = []
    other = fact.sender.other
    if fact.answers is not None:
        words.append(f"in reply to the {other}'s {carried}, its socket being closed")
    elif fact.ignored:
        words.append(f"with {fact.ignored} bytes of the {other} unacknowledged")
    if fact.unacknowledged:
        words.append(f"with {fact.unacknowledged} bytes of its own unacknowledged")
    if not fact.in_window:
        words.append(f"outside the {other}'s window, to be ignored by it")
    return words


def stream_notes(tcp: TcpConnection) -> tuple[str, ...]:
    """What was repeated or out of order."""
    notes = []
    for side in Side:
        half = tcp.half(side)
        if half.retransmitted:
            notes.append(repeated_note(side, half.retransmitted))
        if half.reordered:
            notes.append(f"{side}: {_segments(half.reordered)} out of order")
    return tuple(notes)


def repeated_note(side: Side, count: int) -> str:
    """What to say of so many segments that brought nothing new."""
    return f"{side}: {_segments(count)} retransmitted"
