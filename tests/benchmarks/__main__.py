"""`python -m tests.benchmarks`: figures, ratios, and whether the goals are met.

Exit codes: 0 every goal is met, 1 one is missed, 2 something could not be measured.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks import installs, listen, probe, startup
from tests.benchmarks.measure import (
    BenchmarkError,
    Command,
    Goal,
    Sample,
    alternate,
    milliseconds,
    percentile,
    ratio,
    table,
)

AGAIN = "make bench"
PARTS = ("startup", "probe", "listen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All that was measured."""

    about: dict[str, str]
    processes: dict[str, Sample]
    listening: list[listen.Sustained]
    goals: list[Goal]


def main() -> int:
    asked = _arguments()
    try:
        results = _measure(asked)
    except (BenchmarkError, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"could not measure: {error}\n")
        return 2
    text = json.dumps(_data(results), indent=2) if asked.json else _text(results)
    sys.stdout.write(text + "\n")
    return 0 if all(goal.met for goal in results.goals) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    add = parser.add_argument
    add("--json", action="store_true", help="one JSON document")
    add("--only", choices=PARTS, action="append", help="part to run; repeatable")
    add("--rounds", type=_positive, default=15, help="timed runs of each command")
    add("--capture", choices=listen.CAPTURES, action="append", help="of listen; repeatable")
    add("--connections", type=_positive, nargs="+", default=[1, 100, 1000], help="runs of listen")
    add("--side-by-side", type=_positive, default=16, help="clients of listen at a time")
    add("--crowd", type=int, default=200, help="clients of listen that are all connected at once")
    add("--no-sniff", action="store_true", help="where packets may not be captured")
    add("--python", type=Path, help="measure this environment's tlsclose; do not install one")
    add("--sslyze-python", type=Path, help="measure this environment's sslyze")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _measure(asked: argparse.Namespace) -> Results:
    parts = asked.only or PARTS
    python = asked.python.absolute() if asked.python else installs.ours()
    about = {"tlsclose": installs.version_of(python, "tlsclose"), "machine": _machine()}
    processes: dict[str, Sample] = {}
    goals: list[Goal] = []
    if "startup" in parts or "probe" in parts:
        processes = _processes(asked, python, parts, about)
        goals += startup.goals(processes)
        goals += probe.goals(processes) if "probe" in parts else []
    listening = _listening(asked, python) if "listen" in parts else []
    goals += listen.goals(listening) if listening else []
    return Results(about=about, processes=processes, listening=listening, goals=goals)


def _processes(
    asked: argparse.Namespace, python: Path, parts: Sequence[str], about: dict[str, str]
) -> dict[str, Sample]:
    commands: dict[str, Command] = startup.commands(python)
    if "probe" not in parts:
        return alternate(commands, asked.rounds)
    sslyze = asked.sslyze_python.absolute() if asked.sslyze_python else installs.sslyze()
    about["sslyze"] = installs.version_of(sslyze, "sslyze")
    with probe.server() as target:
        sniffing = not asked.no_sniff
        commands |= probe.commands(python, sslyze, target, sniffing=sniffing)
        return alternate(commands, asked.rounds)


def _listening(asked: argparse.Namespace, python: Path) -> list[listen.Sustained]:
    loads = [
        listen.Load(clients=count, at_once=min(count, asked.side_by_side))
        for count in asked.connections
    ]
    if asked.crowd:
        loads.append(listen.Load(clients=asked.crowd, at_once=asked.crowd, hold=True))
    captures = asked.capture or [
        name for name in listen.CAPTURES if not (asked.no_sniff and name == "sniff")
    ]
    return [listen.sustain(python, capture, load) for load in loads for capture in captures]


def _machine() -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _text(results: Results) -> str:
    blocks = ["; ".join(f"{name} {value}" for name, value in results.about.items())]
    if results.processes:
        blocks.append(_process_table(results.processes))
    if results.listening:
        blocks.append(listen.report(results.listening))
    blocks.append("\n".join(map(str, results.goals)))
    blocks.append(
        f"Again: {AGAIN}, or {AGAIN} BENCH_ARGS='--rounds 30 --json' (--help tells more)."
    )
    return "\n\n".join(blocks)


def _process_table(samples: Mapping[str, Sample]) -> str:
    bare = samples[startup.BARE]
    rival = samples[probe.peer(samples)] if any(map(probe.is_peer, samples)) else None
    head = ("whole process, ms", "best", "median", "p90", "CPU best", "CPU median", "x bare")
    rows = [
        (
            name,
            milliseconds(min(sample.walls)),
            milliseconds(statistics.median(sample.walls)),
            milliseconds(percentile(sample.walls, 0.9)),
            milliseconds(min(sample.cpus)),
            milliseconds(statistics.median(sample.cpus)),
            f"{ratio(sample.walls, bare.walls):.2f}",
            *([f"{ratio(sample.walls, rival.walls):.2f}"] if rival else []),
        )
        for name, sample in samples.items()
    ]
    return table((*head, *(["x sslyze"] if rival else [])), rows)


def _data(results: Results) -> dict[str, object]:
    return asdict(results) | {
        "goals": [asdict(goal) | {"met": goal.met} for goal in results.goals],
    }


if __name__ == "__main__":
    sys.exit(main())
