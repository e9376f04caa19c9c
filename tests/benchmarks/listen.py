"""Sustained `tlsclose listen`: connections a second judged, and the listener's peak memory.

The load comes from a process of its own on the same machine and takes its share of the processor;
what it used is in the table.
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.installs import ROOT, script
from tests.benchmarks.measure import NEUTRAL, BenchmarkError, Goal, ended, table

CAPTURES = ("sniff", "tap", "off")
LOAD = (sys.executable, "-m", "tests.benchmarks.client_load")
RUN_S = 300
_PORT = re.compile(rb":(\d+) ")
_MIB = 1024 * 1024
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the clients do."""

    clients: int
    at_once: int
    hold: bool = False
    """All are connected before any asks."""

    def __str__(self) -> str:
        return f"{self.clients:,} {'at once' if self.hold else f'by {self.at_once}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustained:
    """What one listener did under one load."""

    capture: str
    load: Load
    seconds: float
    served: int
    """Clients that had their whole page and a close_notify."""
    clean: int
    """Clients that the listener judged as `clean`."""
    cpu_s: float
    load_cpu_s: float
    peak_bytes: int

    @property
    def rate(self) -> float:
        """Connections a second."""
        return self.clean / self.seconds


def sustain(python: Path, capture: str, load: Load) -> Sustained:
    """Put one listener under load until it has judged every client."""
    before = os.times()
    with _listener(python, capture, load.clients) as (process, port, said):
        done = subprocess.run(
            [*LOAD, str(port), *_arguments(load)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            timeout=RUN_S,
            check=True,
        )
        after = os.times()
        result = json.loads(done.stdout)
        usage = ended(process)
    clean = re.search(rb"(\d+) clean", b"".join(said))
    return Sustained(
        capture=capture,
        load=load,
        seconds=result["seconds"],
        served=result["served"],
        clean=int(clean[1]) if clean else 0,
        cpu_s=usage.ru_utime + usage.ru_stime,
        load_cpu_s=sum(after[2:4]) - sum(before[2:4]),
        peak_bytes=usage.ru_maxrss * _RSS_UNIT,
    )


def _arguments(load: Load) -> Iterator[str]:
    yield from ("--clients", str(load.clients), "--at-once", str(load.at_once))
    if load.hold:
        yield "--hold"


@contextmanager
def _listener(
    python: Path, capture: str, count: int
) -> Iterator[tuple[subprocess.Popen[bytes], int, list[bytes]]]:
    command = [script(python, "tlsclose"), "listen", "--port", "0", "--count", str(count)]
    command += ["--capture", capture, "--format", "jsonl", "--timeout", "60"]
    process = subprocess.Popen(
        command,
        cwd=NEUTRAL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    found = _PORT.search(first)
    said: list[bytes] = []
    reading = threading.Thread(target=said.extend, args=(process.stderr,))
    reading.start()
    try:
        if found is None:
            raise BenchmarkError(f"the listener said {first.decode(errors='replace')!r}")
        yield process, int(found[1]), said
        reading.join()
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        reading.join()
        process.stderr.close()


def goals(runs: Sequence[Sustained]) -> list[Goal]:
    """No client may be lost, by us or by our judgement."""
    lost = sum(run.load.clients - min(run.served, run.clean) for run in runs)
    return [Goal(name=f"clients lost in {len(runs)} runs of listen", figure=lost, limit=0)]


def report(runs: Sequence[Sustained]) -> str:
    """The figures as a table."""
    head = ("listen", "capture", "judged", "per s", "listener CPU s", "clients CPU s", "peak MiB")
    rows = [
        (
            str(run.load),
            run.capture,
            f"{run.clean:,}",
            f"{run.rate:.0f}",
            f"{run.cpu_s:.2f}",
            f"{run.load_cpu_s:.2f}",
            f"{run.peak_bytes / _MIB:.0f}",
        )
        for run in runs
    ]
    return table(head, rows)
