"""What our own side did, as rows: the steps of the procedure and the actions around them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.core.frozen import dataclass
from tlsclose.core.procedure import Step, StepName
from tlsclose.core.report import Action, Report
from tlsclose.report.amount import NS_PER_MS, plural, size
from tlsclose.report.fold import Strand
from tlsclose.report.glyphs import circled
from tlsclose.report.picture import Row, Words

NEAR_NS: Final = 100 * NS_PER_MS
"""A deed and its packet share a row when their clocks differ by less."""

_ON_THE_WIRE: Final = {
    "connect": Kind.SYN,
    "accept": Kind.SYN,
    "request": Kind.APP_DATA,
    "response": Kind.APP_DATA,
    "reset": Kind.RST,
}
"""Actions and the kind of event that shows each one."""

_SENDERS: Final = {"request": Side.CLIENT, "response": Side.SERVER}
"""Whose message it is; an action of the other side's message was ours to read."""

_CLOSING_STEPS: Final = frozenset({StepName.SHUTDOWN_RECOGNIZED, StepName.CONTROL_TOKEN_APPLIED})

_STEPS: Final = {
    StepName.SHUTDOWN_RECOGNIZED: "shutdown recognized",
    StepName.CONTROL_TOKEN_APPLIED: "control token applied",
    StepName.EMPTY_BUFFER_HANDSHAKE: "empty-buffer handshake",
    StepName.FINAL_OUTPUT_SENT: "final output sent",
    StepName.CONTEXT_DELETED: "context deleted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that our side did, or read of the peer's."""

    at_ns: int
    side: Side
    """In whose column it stands."""
    words: tuple[str, ...]
    """From the fullest wording to the shortest."""
    causes: Kind | None
    """The event that shows it on the wire."""
    details: tuple[str, ...] = ()
    """What to say where the wire does not show it."""
    closing: bool = False
    ordered: bool = False
    """A step: never shown above an earlier one."""


def deeds(report: Report, *, verbosity: int) -> Iterator[Deed]:
    """Steps and actions, each kind in its own order; none for an observer."""
    ours = report.role.side
    if ours is None:
        return
    for action in report.actions:
        yield from _action(action, ours)
    for position, step in enumerate(report.steps, 1):
        yield _step(step, circled(position), ours, verbosity=verbosity)
    for event in report.events:
        if event.sender is ours and event.source is Source.SOCKET and event.kind is Kind.FIN:
            yield _write_side_closed(event)


def _action(action: Action, ours: Side) -> Iterator[Deed]:
    """The peer's response is left out: the message's own words tell of it."""
    side = _SENDERS.get(action.name, ours)
    if side is Side.SERVER and side is not ours:
        return
    yield Deed(
        at_ns=action.at_ns,
        side=side,
        words=_action_words(action),
        causes=_ON_THE_WIRE.get(action.name),
        closing=action.name == "reset",
    )


def _action_words(action: Action) -> tuple[str, ...]:
    """`HTTP 200, 1024 bytes`, `HTTP 200`; `connect 192.0.2.7:443`, `connect`; `GET /`."""
    if action.name in _SENDERS and action.detail:
        parts = action.detail.split(", ")
        return tuple(", ".join(parts[:count]) for count in range(len(parts), 0, -1))
    return (f"{action.name} {action.detail}", action.name) if action.detail else (action.name,)


def _write_side_closed(event: Event) -> Deed:
    return Deed(
        at_ns=event.at_ns,
        side=event.sender,
        words=("close write side",),
        causes=Kind.FIN,
        closing=True,
    )


def _step(step: Step, mark: str, ours: Side, *, verbosity: int) -> Deed:
    sent = step.name is StepName.FINAL_OUTPUT_SENT
    text = f"{mark} {_STEPS[step.name]}"
    details = [f"{step.call} {step.status.name}{f' {size(step.bytes)}' if step.bytes else ''}"]
    details += [plural(step.rounds, "call")] if step.rounds > 1 else []
    details += f"returned {step.native}".split("; ") if verbosity >= 2 and step.native else []
    return Deed(
        at_ns=step.at_ns,
        side=ours,
        words=(f"{text} {size(step.bytes)}", text) if sent else (text,),
        causes=Kind.CLOSE_NOTIFY if sent else None,
        details=tuple(details),
        closing=step.name in _CLOSING_STEPS,
        ordered=True,
    )


Placed = tuple[int, int, Row]
"""A row and where it belongs: nanoseconds, then rank among rows of the same instant."""


def placed(strands: Sequence[Strand], done: Iterable[Deed]) -> list[Placed]:
    """Put each deed beside the packet that it caused, or in a row of its own."""
    rows = [strand.row for strand in strands]
    keys = [row.at_ns for row in rows]
    free = set(range(len(rows)))
    alone: list[Placed] = []
    floor = 0
    for deed in done:
        at = _caused(deed, strands, free)
        if at is None:
            key = max(deed.at_ns, floor) if deed.ordered else deed.at_ns
            alone.append((key, 0, _own_row(deed)))
        else:
            free.discard(at)
            rows[at] = _beside(rows[at], deed)
            key = keys[at] = max(keys[at], floor) if deed.ordered else keys[at]
        floor = key if deed.ordered else floor
    return alone + [(key, 1, row) for key, row in zip(keys, rows, strict=True)]


def _caused(deed: Deed, strands: Sequence[Strand], free: set[int]) -> int | None:
    near = [
        (abs(strands[at].row.at_ns - deed.at_ns), at)
        for at in free
        if strands[at].sender is deed.side and deed.causes in strands[at].kinds
    ]
    distance, at = min(near, default=(NEAR_NS, -1))
    return at if distance < NEAR_NS else None


def _own_row(deed: Deed) -> Row:
    words = Words(parts=deed.details) if deed.details else None
    return _beside(Row(at_ns=deed.at_ns, wire=words), deed)


def _beside(row: Row, deed: Deed) -> Row:
    row = replace(row, closing=row.closing or deed.closing)
    return row if row.words(deed.side) else row.saying(deed.side, *deed.words)
