"""Memory and ending of processes; no time is asked for."""

import sys

import pytest

pytest.importorskip("fcntl", reason="the benchmarks are for POSIX")

from tests.benchmarks.analyze.tree import Ending, used
from tests.benchmarks.measure import BenchmarkError, Command

MIB = 1024 * 1024
FULL = "data = b'x' * (64 * 1024 * 1024)"
PARENT = f"""
import subprocess, sys, time
{FULL}
child = subprocess.Popen([sys.executable, "-c", "{FULL}; input()"], stdin=subprocess.PIPE)
time.sleep(0.5)
child.communicate(b"\\n")
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def python(code: str, *exits: int) -> Command:
    return Command(argv=(sys.executable, "-c", code), exits=frozenset(exits))


@linux
def test_peaks_of_parent_and_child_add_up() -> None:
    alone = used(python(FULL, 0)).peak_bytes
    assert alone > 64 * MIB
    assert used(python(PARENT, 0)).peak_bytes > max(alone, 128 * MIB)


@linux
def test_how_a_process_ended() -> None:
    assert used(python("pass", 0)).ending is Ending.DONE
    assert used(python("import os; os.abort()", -6)).ending is Ending.DIED
    assert used(python("input_ = __import__('time').sleep(60)"), cap_s=0.3).ending is Ending.STOPPED
    with pytest.raises(BenchmarkError, match="ended with 1: no"):
        used(python("raise SystemExit('no')", 0))
