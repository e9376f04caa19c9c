"""Times whole processes, alternating, and does the arithmetic of the tables. POSIX only."""

import math
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NEUTRAL = "/"
"""A working directory in which no checkout shadows what is installed."""


class BenchmarkError(Exception):
    """Something to be measured did not work, so that its figure would mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A process to time."""

    argv: tuple[str, ...]
    exits: frozenset[int] = frozenset({0})
    """Codes with which it ends when it has done its work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process from start to end."""

    wall_s: float
    cpu_s: float
    """User and system, of it and its children."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All runs of one command."""

    runs: tuple[Run, ...]

    @property
    def walls(self) -> list[float]:
        return [run.wall_s for run in self.runs]

    @property
    def cpus(self) -> list[float]:
        return [run.cpu_s for run in self.runs]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure that must not exceed its limit, or must reach it."""

    name: str
    figure: float
    limit: float
    strict: bool = False
    """The limit itself will not do."""
    least: bool = False
    """The figure must reach the limit."""

    @property
    def met(self) -> bool:
        if self.figure == self.limit:
            return not self.strict
        return (self.figure > self.limit) is self.least

    def __str__(self) -> str:
        word = "met" if self.met else "MISSED"
        sign = (">" if self.least else "<") + ("" if self.strict else "=")
        return f"{word:6}  {self.name}: {self.figure:.2f} {sign} {self.limit:g}"


def timed(command: Command) -> Run:
    """Run one process with its output thrown away. Raises BenchmarkError where it fails."""
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=NEUTRAL,
        )
        usage = ended(process)
        wall_s = time.perf_counter() - began
        if process.returncode not in command.exits:
            errors.seek(0)
            words = errors.read().decode(errors="replace").strip()[-500:]
            said = f"{' '.join(command.argv)} ended with {process.returncode}: {words}"
            raise BenchmarkError(said)
    return Run(wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime)


def ended(process: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """Wait for a process; what it used, for which `Popen.wait` does not ask."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def alternate(commands: Mapping[str, Command], rounds: int) -> dict[str, Sample]:
    """Time every command once a round, after one round that does not count."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            run = timed(command)
            if number:
                runs[name].append(run)
    return {name: Sample(runs=tuple(found)) for name, found in runs.items()}


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed."""
    found = sorted(values)
    return found[max(0, math.ceil(share * len(found)) - 1)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median to median."""
    return statistics.median(ours) / statistics.median(theirs)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their heads: the first to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, tuple("-" * width for width in widths), *rows]
    return "\n".join(_line(cells, widths) for cells in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    text = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
    return "  ".join(text).rstrip()


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"
