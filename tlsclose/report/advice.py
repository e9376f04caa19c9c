"""What the texts of `core.explain` say of a verdict, for the block under the picture."""

from typing import Final

from tlsclose.core import explain
from tlsclose.core.report import CaptureSource, Report, Role, Stage
from tlsclose.core.verdict import Code
from tlsclose.report.amount import glued
from tlsclose.report.header import name

SEEN_SHOWN: Final = 3
"""Error texts quoted; `tlsclose explain` has them all."""

_AFTER: Final = {
    Stage.DNS: ("check the name, or give an address; doctor shows what this machine can do",),
    Stage.CONNECT: ("is anything listening there? check host, port and firewall; --timeout waits",),
    Stage.PREAMBLE: ("does this port speak that protocol? -v shows how far it came",),
    Stage.HANDSHAKE: ("is it a TLS port, and the right --tls and --sni? -v shows how far it came",),
    Stage.CAPTURE: ("tlsclose doctor; --capture tap needs no packets",),
}

_FILE_BROKEN: Final = "what stands before that place was judged; capture again for the rest"

_FOR_OBSERVERS: Final = {
    Code.UNDETERMINED: "give the keys with --keylog FILE (one end run with SSLKEYLOGFILE set)",
    Code.CAPTURE_INCOMPLETE: "capture both directions, whole packets, from the first SYN to the "
    "last FIN",
}

_LIVE: Final = frozenset({CaptureSource.SNIFF, CaptureSource.TAP})


def users_see(code: Code) -> tuple[str, ...]:
    """What people read in their own programs when a peer closes like this."""
    return explain.entry(code).users_see[:SEEN_SHOWN]


def after_unobserved(report: Report, stage: Stage) -> tuple[str, ...]:
    """What to do where nothing could be judged."""
    if report.role is Role.OBSERVER:
        return (_FILE_BROKEN,)
    return tuple(step.replace("HOST:PORT", glued(name(report))) for step in _AFTER[stage])


def next_steps(report: Report, code: Code) -> tuple[str, ...]:
    """Commands that lead on: what it means, one look closer, keeping the evidence."""
    steps = [glued(f"tlsclose explain {code.value}")]
    if report.role is Role.CLIENT:
        steps += _closer_look(code, name(report))
    if report.role is Role.OBSERVER and code in _FOR_OBSERVERS:
        steps.append(_FOR_OBSERVERS[code])
    if report.capture.source in _LIVE and not any("--pcap" in step for step in steps):
        steps.append(f"keep the evidence: {glued('--pcap close.pcapng')}")
    return tuple(steps)


def _closer_look(code: Code, target: str) -> list[str]:
    commands = [step for step in explain.entry(code).next_steps if step.startswith("tlsclose ")]
    return [_kept_whole(command.replace("HOST:PORT", target)) for command in commands[:1]]


def _kept_whole(step: str) -> str:
    """A command of `command: why`, to be copied from one line."""
    command, colon, why = step.partition(": ")
    return f"{glued(command)}{colon}{why}"
