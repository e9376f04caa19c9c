"""What our own side did on purpose, and what the peer made of it."""

from collections.abc import Iterator, Sequence
from typing import Final

from tlsclose.core.event import Event, Kind, Side
from tlsclose.core.report import Report
from tlsclose.report.amount import NS_PER_MS, duration, glued
from tlsclose.report.labels import spoken

_ENDINGS: Final = frozenset({Kind.CLOSE_NOTIFY, Kind.ALERT, Kind.FIN, Kind.RST})

PATIENT_NS: Final = 5 * NS_PER_MS
"""A peer that left TCP open for longer was waiting for our close_notify."""


def on_purpose(report: Report) -> Iterator[str]:
    """Sentences for a report whose verdict blames our side for what the scenario set out to do."""
    ours = report.role.side
    scenario = f"scenario {report.scenario}" if report.scenario else "the scenario"
    if ours is None:
        yield f"{scenario} set out to do this"
        return
    yield f"tlsclose, the {ours.value}, did this itself: {scenario}"
    begun = next((e for e in report.events if e.sender is ours and e.kind in _ENDINGS), None)
    if begun is not None:
        yield from _reaction(_first_of_each(report.events, ours.other), begun, ours.other)


def _first_of_each(events: Sequence[Event], side: Side) -> list[Event]:
    """The side's endings, each told once, by time."""
    found: dict[Kind, Event] = {}
    for event in events:
        if event.sender is side and event.kind in _ENDINGS:
            found.setdefault(event.kind, event)
    return list(found.values())


def _reaction(endings: list[Event], begun: Event, side: Side) -> Iterator[str]:
    before = [event for event in endings if event.at_ns < begun.at_ns]
    after = [event for event in endings if event.at_ns >= begun.at_ns]
    if before:
        waited = begun.at_ns - before[-1].at_ns
        still = (
            "" if _tcp_over(before) or waited < PATIENT_NS else f", and waited {duration(waited)}"
        )
        yield f"before that the {side.value} had sent {_told(before, before[0].at_ns)}{still}"
    if after:
        yield f"the {side.value} then sent {_told(after, begun.at_ns)}"
    elif begun.kind is not Kind.RST and not _tcp_over(before):
        yield f"the {side.value} did not react"


def _told(endings: list[Event], since: int) -> str:
    return ", ".join(_named(event, event.at_ns - since) for event in endings)


def _named(event: Event, later: int) -> str:
    return f"{spoken(event)} {glued(f'after {duration(later)}')}" if later else spoken(event)


def _tcp_over(endings: list[Event]) -> bool:
    return any(event.kind in (Kind.FIN, Kind.RST) for event in endings)
