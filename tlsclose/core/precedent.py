"""Judging very many closes: what was judged before is not judged again.

No rule asks at what time, in which packet or with how much data something happened, only what, by
whom, in which order and by which witness. So streams that agree in that are judged alike; nearly
all closes of a large capture are like one before them.
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from tlsclose.core.classify import judge
from tlsclose.core.event import Event, Kind
from tlsclose.core.record import TlsVersion
from tlsclose.core.verdict import Finding, Verdict

MAX_PRECEDENTS: Final = 4096
MAX_EVENTS: Final = 64
"""Of a stream that is remembered."""

_APP_DATA: Final = Kind.APP_DATA
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
        self._known: dict[Hashable, Ruling] = {}

    def __len__(self) -> int:
        return len(self._known)

    def ruling(self, events: Sequence[Event], version: TlsVersion | None) -> Ruling:
        """Judge one connection's events, in the order of `event.ordered`."""
        key = _likeness(events, version)
        if key is None:
            return _ruled(events, version)
        known = self._known.get(key)
        if known is None:
            known = _ruled(events, version)
            if len(self._known) < MAX_PRECEDENTS:
                self._known[key] = known
        return known


def _ruled(events: Sequence[Event], version: TlsVersion | None) -> Ruling:
    judgement = judge(events, version=version)
    return outline(judgement.verdict, judgement.findings)


def outline(verdict: Verdict, findings: Sequence[Finding]) -> Ruling:
    """The same without evidence."""
    plain = tuple(replace(finding, evidence=()) for finding in findings)
    return Ruling(replace(verdict, evidence=()), plain)


def _likeness(events: Sequence[Event], version: TlsVersion | None) -> Hashable | None:
    """All that rules ask of a stream; None where that would be too much to remember.

    Data that follows on data of the same kind says nothing new.
    """
    if len(events) > MAX_EVENTS:
        return None
    told: list[Hashable] = [version]
    for event in events:
        kind = event.kind
        if kind not in _PLAIN:
            return None
        fact = (event.sender, kind, event.source, event.detail, event.alert, event.note)
        if kind is not _APP_DATA or fact != told[-1]:
            told.append(fact)
    return tuple(told)
