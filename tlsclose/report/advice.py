"""What the texts of `core.explain` say of a verdict, for the block under the picture."""

from typing import Final

from tlsclose.core import explain
from tlsclose.core.report import CaptureSource, Report, Role
from tlsclose.core.verdict import Code
from tlsclose.report.amount import glued
from tlsclose.report.header import name

SEEN_SHOWN: Final = 3
"""Error texts quoted; `tlsclose explain` has them all."""

_LIVE: Final = frozenset({CaptureSource.SNIFF, CaptureSource.TAP})


def users_see(code: Code) -> tuple[str, ...]:
    """What people read in their own programs when a peer closes like this."""
    return explain.entry(code).users_see[:SEEN_SHOWN]


def next_steps(report: Report, code: Code) -> tuple[str, ...]:
    """Commands that lead on: what it means, one look closer, keeping the evidence."""
    steps = [f"tlsclose explain {code.value}"]
    if report.role is Role.CLIENT:
        steps += _closer_look(code, name(report))
    if report.capture.source in _LIVE and not any("--pcap" in step for step in steps):
        steps.append(f"keep the evidence: {glued('--pcap close.pcapng')}")
    return tuple(steps)


def _closer_look(code: Code, target: str) -> list[str]:
    commands = [step for step in explain.entry(code).next_steps if step.startswith("tlsclose ")]
    return [command.replace("HOST:PORT", target) for command in commands[:1]]
