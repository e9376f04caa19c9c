"""`make bench-analyze`: tlsclose and its rivals on one large capture of real stacks.

Exit codes: 0 every goal is met and tshark agrees, 1 a goal is missed or a difference found, 2
something could not be measured. Goals are for captures of about a gigabyte.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks import installs
from tests.benchmarks.analyze import compare, ours, tools, tshark
from tests.benchmarks.analyze.make import HOME, Capture, made, say
from tests.benchmarks.analyze.tree import used
from tests.benchmarks.measure import (
    BenchmarkError,
    Command,
    Goal,
    alternate,
    milliseconds,
    ratio,
    table,
)

SMALL: Final = installs.ROOT / "pcaps" / "clean-curl-tls13.pcapng"
START_UP: Final = "tlsclose, small file"
START_UP_SHARE: Final = 0.5
JUDGED_GB: Final = 0.9
PARTS: Final = ("agreement", "runs", "start-up")
USUAL: Final = tuple(name for name in tools.ALL if name != tools.SSLDUMP)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every block is left in order
    asked = _arguments()
    try:
        programs = _programs(asked)
        if asked.agree:
            return _agree(asked.agree, programs)
        goals, differences = _measure(asked, programs)
    except (BenchmarkError, OSError, subprocess.SubprocessError) as error:
        say(f"could not measure: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
    _print("\n".join(map(str, goals)))
    return 0 if all(goal.met for goal in goals) and not differences else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-analyze", description=__doc__)
    add = parser.add_argument
    add("--gigabytes", type=float, default=1.0, help="above 1: whole copies of one gigabyte")
    add("--connections", type=int, default=9000, help="of one gigabyte, or of a smaller capture")
    add("--runs", type=int, default=3, help="timed runs of each tool")
    add("--only", choices=PARTS, action="append", help="part to run; repeatable")
    add("--tools", choices=tools.ALL, nargs="+", default=USUAL, metavar="NAME", help=_quoted())
    add("--cap", type=float, default=300.0, help="seconds after which ssldump is stopped")
    add("--rounds", type=int, default=15, help="timed runs of each tool on the small file")
    add("--python", type=Path, help="measure this environment's tlsclose; do not install one")
    add(
        "--agree", type=Path, nargs="+", metavar="FILE", help="only compare what is read from FILEs"
    )
    return parser.parse_args()


def _quoted() -> str:
    return ", ".join(f"'{name}'" for name in tools.ALL)


def _programs(asked: argparse.Namespace) -> dict[str, str]:
    shark = shutil.which("tshark")
    if shark is None:
        raise BenchmarkError("tshark is not installed")
    python = asked.python.absolute() if asked.python else installs.ours()
    return {
        "tshark": shark,
        "ssldump": shutil.which("ssldump", path=f"{os.environ['PATH']}:/usr/sbin") or "ssldump",
        "tlsclose": installs.script(python, "tlsclose"),
    }


def _agree(paths: Sequence[Path], programs: Mapping[str, str]) -> int:
    wrong = 0
    for path in paths:
        keys = path.with_suffix(".keys")
        found = compare.agreement(
            programs["tlsclose"],
            programs["tshark"],
            path.absolute(),
            keys.absolute() if keys.exists() else None,
        )
        _print(f"{path}\n{found}")
        wrong += len(found.differences)
    return 1 if wrong else 0


def _measure(asked: argparse.Namespace, programs: Mapping[str, str]) -> tuple[list[Goal], int]:
    parts, differences = asked.only or PARTS, 0
    goals: list[Goal] = []
    copies = max(1, round(asked.gigabytes))
    capture = made(asked.gigabytes / copies, asked.connections, copies)
    _print(_about(capture, programs))
    if "agreement" in parts:
        found = compare.agreement(
            programs["tlsclose"], programs["tshark"], capture.path, capture.keys, HOME
        )
        _print(f"tlsclose and tshark\n{found}")
        differences = len(found.differences)
    if "runs" in parts:
        runs = _runs(asked, programs, capture)
        _print(tools.report(runs))
        goals += tools.goals(runs) if asked.gigabytes >= JUDGED_GB else []
        if copies > 1:
            first = made(asked.gigabytes / copies, asked.connections)
            goals += tools.growth(_runs(asked, programs, first, tools.OURS), runs, copies)
    if "start-up" in parts:
        goals += _start_up(asked.rounds, programs)
    return goals, differences


def _about(capture: Capture, programs: Mapping[str, str]) -> str:
    return (
        f"{capture.path.name}: {capture.bytes:,} bytes, {capture.packets:,} packets; "
        f"tshark {compare.version(programs['tshark'])}; {os.cpu_count()} cores, "
        f"load average {os.getloadavg()[0]:.1f}"
    )


def _runs(
    asked: argparse.Namespace,
    programs: Mapping[str, str],
    capture: Capture,
    among: Sequence[str] = tools.ALL,
) -> tools.Runs:
    names = [name for name in tools.ALL if name in asked.tools and name in among]
    runs: dict[str, list[tools.Used]] = {name: [] for name in names}
    _warm(capture)
    for number in range(asked.runs):
        todo = tools.commands(names, programs, capture.path, capture.keys)
        for name, command in todo.items():
            if number and name == tools.SSLDUMP:
                continue
            run = used(command, cap_s=asked.cap if name == tools.SSLDUMP else None)
            say(f"  {name}: {run.wall_s:.2f} s, {run.peak_bytes / 2**20:.0f} MiB")
            runs[name].append(run)
    return runs


def _warm(capture: Capture) -> None:
    """Read the capture once, so that no tool waits for the disk."""
    with capture.path.open("rb") as data:
        while data.read(1 << 24):
            pass


def _start_up(rounds: int, programs: Mapping[str, str]) -> list[Goal]:
    shark = tshark.typed(programs["tshark"], SMALL, None)
    mine = ours.command(programs["tlsclose"], SMALL, None, "text")
    samples = alternate(
        {
            "tshark, small file": Command(argv=tuple(shark)),
            START_UP: Command(argv=tuple(mine)),
        },
        rounds,
    )
    head = (f"{SMALL.name}, ms", "best", "median", "CPU median")
    rows = [
        (
            name,
            milliseconds(min(sample.walls)),
            milliseconds(statistics.median(sample.walls)),
            milliseconds(statistics.median(sample.cpus)),
        )
        for name, sample in samples.items()
    ]
    _print(table(head, rows))
    theirs, own = samples["tshark, small file"], samples[START_UP]
    figure = ratio(own.walls, theirs.walls)
    return [Goal(name=f"{START_UP}: time to tshark's", figure=figure, limit=START_UP_SHARE)]


def _print(text: str) -> None:
    sys.stdout.write(text + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
