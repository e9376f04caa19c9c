"""The commands that are timed, and what their figures must keep to."""

import signal
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.analyze import ours, tshark
from tests.benchmarks.analyze.tree import Ending, Used
from tests.benchmarks.measure import Command, Goal, table

TYPED: Final = "tshark as typed"
FASTEST: Final = "tshark at its fastest"
SSLDUMP: Final = "ssldump"
OURS: Final = tuple(f"tlsclose analyze, {form}" for form in ours.FORMATS)
ALL: Final = (TYPED, FASTEST, SSLDUMP, *OURS)
TIMES_FASTER: Final = {TYPED: 25.0, FASTEST: 13.0}
MEMORY_SHARE: Final = 0.1
GROWTH: Final = 1.1
"""Most that the peak of memory may grow with a capture several times as large."""
DEATHS: Final = frozenset({0, -signal.SIGABRT, -signal.SIGSEGV})
"""ssldump 1.4 corrupts its heap on many connections: that it broke off is its figure."""
_SAID: Final = {Ending.DONE: "", Ending.STOPPED: "over ", Ending.DIED: "died at "}
_MIB: Final = 1024 * 1024

Runs = Mapping[str, Sequence[Used]]
"""By the tool's name."""


def commands(
    names: Sequence[str], programs: Mapping[str, str], capture: Path, keys: Path
) -> dict[str, Command]:
    """Those of `ALL` that are in `names`."""
    shark, tlsclose = programs["tshark"], programs["tlsclose"]
    argv = {
        TYPED: tshark.typed(shark, capture, keys),
        FASTEST: tshark.fastest(shark, capture, keys),
        SSLDUMP: [programs["ssldump"], "-r", str(capture), "-l", str(keys), "-n"],
    }
    for name, form in zip(OURS, ours.FORMATS, strict=True):
        argv[name] = ours.command(tlsclose, capture, keys, form)
    exits = {SSLDUMP: DEATHS} | dict.fromkeys(OURS, ours.JUDGED)
    return {
        name: Command(argv=tuple(argv[name]), exits=exits.get(name, frozenset({0})))
        for name in names
    }


def goals(runs: Runs) -> list[Goal]:
    """Each of our formats against tshark."""
    found = []
    for mine in filter(runs.__contains__, OURS):
        found += [
            Goal(
                name=f"{mine}: times faster than {peer}",
                figure=wall(runs[peer]) / wall(runs[mine]),
                limit=least,
                least=True,
            )
            for peer, least in TIMES_FASTER.items()
            if peer in runs
        ]
        found += [
            Goal(
                name=f"{mine}: memory to {peer}",
                figure=memory(runs[mine]) / memory(runs[peer]),
                limit=MEMORY_SHARE,
            )
            for peer in TIMES_FASTER
            if peer in runs
        ]
    return found


def growth(small: Runs, large: Runs, times: int) -> list[Goal]:
    """Whether memory stays flat."""
    return [
        Goal(
            name=f"{name}: memory for {times} times the capture to that for one",
            figure=memory(large[name]) / memory(small[name]),
            limit=GROWTH,
        )
        for name in OURS
        if name in small and name in large
    ]


def wall(runs: Sequence[Used]) -> float:
    """Median, in seconds."""
    return statistics.median(run.wall_s for run in runs)


def memory(runs: Sequence[Used]) -> float:
    """Median of the peaks, in bytes."""
    return statistics.median(run.peak_bytes for run in runs)


def report(runs: Runs) -> str:
    """Medians, and how many times each tool takes what ours takes."""
    mine = next((runs[name] for name in OURS if name in runs), None)
    head = ("medians", "runs", "wall s", "CPU s", "peak MiB", "x wall", "x memory")
    rows = [
        (
            name,
            str(len(found)),
            _SAID[found[0].ending] + f"{wall(found):.2f}",
            f"{statistics.median(run.cpu_s for run in found):.2f}",
            f"{memory(found) / _MIB:.0f}",
            f"{wall(found) / wall(mine):.1f}" if mine else "",
            f"{memory(found) / memory(mine):.1f}" if mine else "",
        )
        for name, found in runs.items()
    ]
    return table(head, rows)
