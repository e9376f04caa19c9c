"""Judging very many closes: what was judged before is not judged again.

No rule asks at what time, in which packet or with how much data something happened, only what, by
whom, in which order and by which witness. So streams that agree in that are judged alike; nearly
all closes of a large capture are like one before them.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from tlsclose.core.classify import judge
from tlsclose.core.event import Event, Kind
from tlsclose.core.facts import events_of, fact_of, mark, number_of
from tlsclose.core.record import TlsVersion
from tlsclose.core.verdict import Finding, Verdict

MAX_PRECEDENTS: Final = 4096
MAX_EVENTS: Final = 64
"""Of a stream that is remembered."""

_MARK: Final = re.compile(mark(0).replace("0", "[0-9]+"))
_APP_DATA: Final = Kind.APP_DATA
_RST: Final = Kind.RST
_PLAIN: Final = frozenset(
    {Kind.SYN, Kind.HANDSHAKE, Kind.APP_DATA, Kind.ALERT, Kind.CLOSE_NOTIFY, Kind.FIN, Kind.RST}
)
"""Of the others a rule may ask how much or how many."""


class Ruling(NamedTuple):
    """What a judgement says, without the evidence that points at one stream's events."""

    verdict: Verdict
    findings: tuple[Finding, ...]


class Precedents:
    """Remembers rulings, a bounded number of them."""

    def __init__(self) -> None:
        self._known: dict[TlsVersion | None, dict[tuple[int, ...], Ruling]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def ruling(self, events: Sequence[Event], version: TlsVersion | None) -> Ruling:
        """Judge one connection's events, in the order of `event.ordered`."""
        facts = _facts(events)
        if facts is None:
            return _ruled(events, version)
        notes = [event.note for event in events if event.kind is _RST and event.note]
        return self.ruling_on(facts, version, notes)

    def ruling_on(
        self, facts: tuple[int, ...], version: TlsVersion | None, notes: Sequence[str] = ()
    ) -> Ruling:
        """Judge one connection by the numbers of its `facts`, data that follows on data of the same
        kind left out; `notes` are those of its resets."""
        known = self._known.setdefault(version, {})
        ruling = known.get(facts)
        if ruling is None:
            ruling = _ruled(events_of(facts), version)
            if self._count < MAX_PRECEDENTS and len(facts) <= MAX_EVENTS:
                known[facts] = ruling
                self._count += 1
        return _noted(ruling, notes) if notes else ruling


def _ruled(events: Sequence[Event], version: TlsVersion | None) -> Ruling:
    judgement = judge(events, version=version)
    return outline(judgement.verdict, judgement.findings)


def outline(verdict: Verdict, findings: Sequence[Finding]) -> Ruling:
    """The same without evidence."""
    plain = tuple(replace(finding, evidence=()) for finding in findings)
    return Ruling(replace(verdict, evidence=()), plain)


def _noted(ruling: Ruling, notes: Sequence[str]) -> Ruling:
    """The same with what the notes say where they are quoted."""
    verdict, findings = ruling
    said = {mark(number): note for number, note in enumerate(notes)}

    def quoting(text: str) -> str:
        return _MARK.sub(lambda found: said.get(found[0], found[0]), text)

    return Ruling(
        replace(verdict, summary=quoting(verdict.summary)),
        tuple(replace(finding, detail=quoting(finding.detail)) for finding in findings),
    )


def _facts(events: Sequence[Event]) -> tuple[int, ...] | None:
    """All that rules ask of a stream; None where that would be too much to remember."""
    if len(events) > MAX_EVENTS:
        return None
    told: list[int] = []
    for event in events:
        kind = event.kind
        if kind not in _PLAIN:
            return None
        number = number_of(fact_of(event))
        if number is None:
            return None
        if kind is not _APP_DATA or not told or number != told[-1]:
            told.append(number)
    return tuple(told)
