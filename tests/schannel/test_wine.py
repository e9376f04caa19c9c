"""The environment itself: what goes in and out of it, and that nothing of it stays."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.schannel.wine import command

pytestmark = pytest.mark.wine

PATIENT_S = 120


def python(script, **options):
    return subprocess.run(
        command(["python", "-c", script], **options),
        capture_output=True,
        check=False,
        timeout=PATIENT_S,
        text=True,
    )


def test_it_is_windows_and_runs_this_project():
    done = python("import sys, tlsclose; print(sys.platform, tlsclose.__file__)")
    assert done.stdout.split() == ["win32", r"Z:\project\tlsclose\__init__.py"]


def test_exit_code_and_both_streams():
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_what_is_written_is_forgotten_and_the_project_cannot_be_written():
    assert python(r"open(r'C:\trace', 'w'); open(r'Z:\trace', 'w')").returncode == 0
    assert python(r"open(r'C:\trace')").returncode == 1
    assert python(r"open(r'Z:\project\trace', 'w')").returncode == 1
    assert python(r"open(r'Z:\trace')").returncode == 1


def test_nothing_is_mounted_outside():
    python("")
    assert ".schannel" not in Path("/proc/self/mounts").read_text()


def test_killed_launcher_takes_everything_along():
    script = "import time; print('up', flush=True); time.sleep(600)"
    with subprocess.Popen(command(["python", "-c", script]), stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"up"
        below = descendants(process.pid)
        assert len(below) > 2
        process.send_signal(signal.SIGKILL)
    end = time.monotonic() + PATIENT_S
    while time.monotonic() < end and any(map(alive, below)):
        time.sleep(0.05)
    assert [pid for pid in below if alive(pid)] == []


def descendants(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for child in children for found in (int(child), *descendants(child))]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
