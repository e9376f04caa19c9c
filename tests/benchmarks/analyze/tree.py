"""Times a process with all its children, and adds up their peaks of memory. Linux only."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from tests.benchmarks.measure import NEUTRAL, BenchmarkError, Command, ended

EVERY_S: Final = 0.05
KIB: Final = 1024
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


class Ending(StrEnum):
    """How a run came to its end."""

    DONE = "done"
    STOPPED = "stopped"
    """By us, since it took too long."""
    DIED = "died"
    """Of a signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One run."""

    wall_s: float
    cpu_s: float
    """User and system, of the process and its children."""
    peak_bytes: int
    """Sum of the processes' peaks, as if all came at once; pages they share count for each."""
    ending: Ending


class _Peaks:
    """Looks at a process and its children again and again."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peaks: dict[int, int] = {}
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()

    def stop(self) -> None:
        self._done.set()
        self._watch.join()

    def total(self, own: int) -> int:
        """The sum; of a process without children what the kernel told at its end."""
        others = sum(peak for pid, peak in self._peaks.items() if pid != self._pid)
        alone = len(self._peaks) < 2
        return own if alone else others + self._peaks.get(self._pid, 0)

    def _look(self) -> None:
        while True:
            for pid in family(self._pid):
                self._peaks[pid] = max(self._peaks.get(pid, 0), peak(pid))
            if self._done.wait(EVERY_S):
                return


def family(pid: int) -> Iterator[int]:
    """A process, its children and theirs, as far as they are alive."""
    yield pid
    for table in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = table.read_text().split()
        except OSError:  # it has ended meanwhile
            continue
        for child in children:
            yield from family(int(child))


def peak(pid: int) -> int:
    """The most memory that a process has had, in bytes; 0 once it is gone."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * KIB if found else 0


def used(command: Command, *, cap_s: float | None = None, output: IO[bytes] | None = None) -> Used:
    """Run a process to its end, or stop it after `cap_s`. Raises BenchmarkError where it fails."""
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        with _started(command.argv, output or subprocess.DEVNULL, errors) as process:
            peaks = _Peaks(process.pid)
            try:
                late = _stopped_after(cap_s, process)
                usage = ended(process)
                wall_s = time.perf_counter() - began
                late.cancel()
            finally:
                peaks.stop()
        stopped = cap_s is not None and wall_s >= cap_s
        died = Ending.DIED if process.returncode < 0 else Ending.DONE
        if not stopped and process.returncode not in command.exits:
            errors.seek(0)
            raise BenchmarkError(_failed(command.argv, process.returncode, errors.read()))
    return Used(
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_bytes=peaks.total(usage.ru_maxrss * KIB),
        ending=Ending.STOPPED if stopped else died,
    )


@contextlib.contextmanager
def _started(
    argv: Sequence[str], output: IO[bytes] | int, errors: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, none of which outlives the block."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        cwd=NEUTRAL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            _kill(process)
            process.wait()


def _stopped_after(cap_s: float | None, process: subprocess.Popen[bytes]) -> threading.Timer:
    timer = threading.Timer(cap_s or threading.TIMEOUT_MAX, _kill, (process,))
    timer.daemon = True
    timer.start()
    return timer


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _failed(argv: Sequence[str], code: int | None, errors: bytes) -> str:
    words = errors.decode(errors="replace").strip()[-500:]
    return f"{' '.join(argv)} ended with {code}: {words}"
