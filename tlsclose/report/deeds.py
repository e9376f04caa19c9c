"""What our own side did and waited for, as rows: the steps, the actions around them, the waits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tlsclose.core.event import Kind, Side
from tlsclose.core.procedure import Step, StepName
from tlsclose.core.report import Action, Wait
from tlsclose.report.amount import NS_PER_MS, duration, plural, size
from tlsclose.report.fold import Strand
from tlsclose.report.glyphs import circled
from tlsclose.report.picture import Pause, Row, Words

NEAR_NS: Final = 100 * NS_PER_MS
"""A deed and its packet share a row when their clocks differ by less."""

WAIT_SHOWN_NS: Final = 50 * NS_PER_MS
CLOSE_WAIT_SHOWN_NS: Final = NS_PER_MS // 10
"""Shorter waits are left out: a request's answer is its own row; a close is looked at closely."""

_ON_THE_WIRE: Final = {
    "connect": Kind.SYN,
    "request": Kind.APP_DATA,
    "response": Kind.APP_DATA,
    "fin": Kind.FIN,
    "shutdown": Kind.FIN,
    "close": Kind.FIN,
    "reset": Kind.RST,
}
"""Actions and the kind of event that each one causes."""

_CLOSING_ACTIONS: Final = frozenset({"fin", "shutdown", "close", "reset"})
_CLOSING_STEPS: Final = frozenset({StepName.SHUTDOWN_RECOGNIZED, StepName.CONTROL_TOKEN_APPLIED})
_CLOSE_WAITS: Final = frozenset({"close_notify", "fin", "close", "rst"})

_ACTIONS: Final = {"fin": "close write side", "shutdown": "close write side"}

_STEPS: Final = {
    StepName.SHUTDOWN_RECOGNIZED: "shutdown recognized",
    StepName.CONTROL_TOKEN_APPLIED: "control token applied",
    StepName.EMPTY_BUFFER_HANDSHAKE: "empty-buffer handshake",
    StepName.FINAL_OUTPUT_SENT: "final output sent",
    StepName.CONTEXT_DELETED: "context deleted",
}

_WAITING: Final = {
    "connect": "connecting",
    "handshake": "handshake",
    "fin": "waiting for FIN",
    "close": "waiting for the close",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that our side did."""

    at_ns: int
    text: str
    causes: Kind | None
    """The event that shows it on the wire."""
    details: tuple[str, ...] = ()
    """What to say where the wire does not show it."""
    closing: bool = False
    ordered: bool = False
    """A step: never shown above an earlier one."""


def deeds(steps: Sequence[Step], actions: Sequence[Action], *, verbosity: int) -> Iterator[Deed]:
    """Steps and actions, each kind in its own order."""
    for action in actions:
        yield _action(action)
    for position, step in enumerate(steps, 1):
        yield _step(step, circled(position), verbosity=verbosity)


def _action(action: Action) -> Deed:
    request = action.name == "request" and action.detail
    words = _ACTIONS.get(action.name, action.name)
    text = action.detail if request else f"{words} {action.detail}".strip()
    return Deed(
        at_ns=action.at_ns,
        text=text,
        causes=_ON_THE_WIRE.get(action.name),
        closing=action.name in _CLOSING_ACTIONS,
    )


def _step(step: Step, mark: str, *, verbosity: int) -> Deed:
    sent = step.name is StepName.FINAL_OUTPUT_SENT
    text = f"{mark} {_STEPS[step.name]}"
    details = [f"{step.call} {step.status.name}{f' {size(step.bytes)}' if step.bytes else ''}"]
    details += [plural(step.rounds, "call")] if step.rounds > 1 else []
    details += [f"returned {step.native}"] if verbosity >= 2 and step.native else []
    return Deed(
        at_ns=step.at_ns,
        text=f"{text} {size(step.bytes)}" if sent else text,
        causes=Kind.CLOSE_NOTIFY if sent else None,
        details=tuple(details),
        closing=step.name in _CLOSING_STEPS,
        ordered=True,
    )


Placed = tuple[int, int, Row]
"""A row and where it belongs: nanoseconds, then rank among rows of the same instant."""


def placed(strands: Sequence[Strand], ours: Side | None, done: Iterable[Deed]) -> list[Placed]:
    """Put each deed beside the packet that it caused, or in a row of its own."""
    rows = [strand.row for strand in strands]
    keys = [row.at_ns for row in rows]
    free = set(range(len(rows)))
    alone: list[Placed] = []
    floor = 0
    for deed in done:
        at = _caused(deed, strands, ours, free)
        if at is None:
            key = max(deed.at_ns, floor) if deed.ordered else deed.at_ns
            alone.append((key, 0, _own_row(deed, ours)))
        else:
            free.discard(at)
            rows[at] = _beside(rows[at], deed, ours)
            key = keys[at] = max(keys[at], floor) if deed.ordered else keys[at]
        floor = key if deed.ordered else floor
    return alone + [(key, 1, row) for key, row in zip(keys, rows, strict=True)]


def _caused(deed: Deed, strands: Sequence[Strand], ours: Side | None, free: set[int]) -> int | None:
    near = [
        (abs(strands[at].row.at_ns - deed.at_ns), at)
        for at in free
        if strands[at].sender is ours and deed.causes in strands[at].kinds
    ]
    distance, at = min(near, default=(NEAR_NS, -1))
    return at if distance < NEAR_NS else None


def _own_row(deed: Deed, ours: Side | None) -> Row:
    words = Words(parts=deed.details) if deed.details else None
    row = Row(at_ns=deed.at_ns, wire=words, closing=deed.closing)
    return _beside(row, deed, ours)


def _beside(row: Row, deed: Deed, ours: Side | None) -> Row:
    closing = row.closing or deed.closing
    if ours is Side.SERVER:
        return replace(row, server=deed.text, closing=closing)
    return replace(row, client=deed.text, closing=closing)


def waits(all_waits: Sequence[Wait], ours: Side | None, *, verbosity: int) -> Iterator[Placed]:
    """The waits worth drawing: those that ran out, those that took long, all of them with -v."""
    for wait in all_waits:
        least = CLOSE_WAIT_SHOWN_NS if wait.name in _CLOSE_WAITS else WAIT_SHOWN_NS
        if verbosity >= 1 or wait.outcome == "timeout" or wait.length_ns >= least:
            text = _WAITING.get(wait.name, f"waiting for {wait.name}")
            row = Row(at_ns=wait.at_ns, shows_time=False, wire=_pause(wait))
            side = {"server": text} if ours is Side.SERVER else {"client": text}
            yield wait.at_ns, 2, replace(row, **side)  # type: ignore[arg-type]


def _pause(wait: Wait) -> Pause:
    length = duration(wait.length_ns)
    match wait.outcome:
        case "timeout":
            return Pause(labels=(f"{length}, timed out", "timed out"), timed_out=True)
        case "ended":
            return Pause(labels=(f"{length}, then closed", length))
        case "answered":
            return Pause(labels=(length,))
