"""Runs the installed command as a user would, and reads its JSON."""

import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Queue
from typing import Any, Final

COMMAND: Final = (sys.executable, "-m", "tlsclose")
RUN_S: Final = 60
LISTENING: Final = re.compile(r":(\d{2,5})\b")
STEPS: Final = (
    "control-token-applied",
    "empty-buffer-handshake",
    "final-output-sent",
    "context-deleted",
)
RECOGNIZED: Final = "shutdown-recognized"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run of the command gave."""

    code: int
    reports: list[dict[str, Any]]
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        assert len(self.reports) == 1, self
        return self.reports[0]

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict, or an empty table where nothing was observed."""
        return self.report["verdict"] or {}

    @property
    def brief(self) -> tuple[str | None, str | None]:
        """Verdict code and who is to blame."""
        return self.verdict.get("code"), self.verdict.get("blame")

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(step["name"] for step in self.report["steps"])


def tlsclose(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *args], capture_output=True, text=True, timeout=RUN_S, check=False
    )


def probe(*args: str) -> Outcome:
    """`tlsclose probe ... --format json`."""
    done = tlsclose("probe", *args, "--format", "json")
    assert done.stdout, done.stderr
    return Outcome(
        code=done.returncode, reports=json.loads(done.stdout)["reports"], stderr=done.stderr
    )


class Listening:
    """A running `tlsclose listen` that ends after one client."""

    def __init__(self, process: subprocess.Popen[str], port: int, said: "list[str]") -> None:
        self._process = process
        self._said = said
        self.port = port

    def outcome(self) -> Outcome:
        """Wait until it has judged its client and ended."""
        assert self._process.stdout is not None
        text = self._process.stdout.read()
        code = self._process.wait(RUN_S)
        assert text, "".join(self._said)
        return Outcome(code=code, reports=json.loads(text)["reports"], stderr="".join(self._said))


@contextlib.contextmanager
def listening(*args: str) -> Iterator[Listening]:
    """`tlsclose listen --port 0 --count 1 ...`, once it says its port."""
    process = subprocess.Popen(
        [*COMMAND, "listen", "--port", "0", "--count", "1", "--format", "json", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    port: Queue[int] = Queue()
    said: list[str] = []
    reading = threading.Thread(target=_watch, args=(process, port, said))
    reading.start()
    try:
        yield Listening(process, port.get(timeout=RUN_S), said)
    finally:
        process.kill()
        process.wait()
        reading.join()


def _watch(process: subprocess.Popen[str], port: Queue[int], said: list[str]) -> None:
    assert process.stderr is not None
    found = False
    for line in process.stderr:
        said.append(line)
        mark = LISTENING.search(line)
        if mark and not found:
            found = True
            port.put(int(mark.group(1)))
