"""The time axis of one report: what is shown, in one unit and precision."""

from collections.abc import Iterator

from tlsclose.core.report import Report
from tlsclose.report.amount import Clock


def clock(report: Report) -> Clock:
    """The clock that writes every time of this report."""
    return Clock(max(_times(report), default=0))


def _times(report: Report) -> Iterator[int]:
    yield from (event.at_ns for event in report.events)
    yield from (step.at_ns for step in report.steps)
    yield from (action.at_ns for action in report.actions)
