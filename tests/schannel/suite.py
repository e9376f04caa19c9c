"""The test suite on Windows' Python, under Wine, in parts side by side.

`python -m tests.schannel.suite [PART...]`: exit code 0 where every part passes.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from tests.schannel.wine import command, missing

WORKERS: Final = min(4, os.cpu_count() or 1)
DEADLINE_S: Final = 1500
SLOWEST_TEST_S: Final = 300

_ELSEWHERE: Final = ("interop", "schannel", "benchmarks", "fuzz")
"""What needs Linux programs, and what measures."""
_OWN_PARTS: Final = ("wire", "net", "cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One run of pytest."""

    name: str
    arguments: tuple[str, ...]
    tls13: bool = False


def _but(folders: Sequence[str]) -> tuple[str, ...]:
    return ("tests", *(f"--ignore=tests/{folder}" for folder in folders))


PARTS: Final = (
    Part(name="wire", arguments=("tests/wire",)),
    Part(name="net and cli", arguments=("tests/net", "tests/cli")),
    Part(name="the rest", arguments=_but((*_ELSEWHERE, *_OWN_PARTS))),
    Part(name="providers with TLS 1.3", arguments=("tests/providers",), tls13=True),
)


def _run(part: Part) -> tuple[Part, int, str]:
    pytest = ("python", "-m", "pytest", "-p", "no:xdist", f"--timeout={SLOWEST_TEST_S}")
    try:
        done = subprocess.run(
            command([*pytest, "--tb=short", *part.arguments], tls13=part.tls13),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=DEADLINE_S,
        )
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
        return part, 124, f"{_text(said)}\nstill running after {DEADLINE_S} s: ended"
    return part, done.returncode, _text(done.stdout)


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace").replace("\r\n", "\n")


def main() -> int:
    """Run the parts that the command line names, or all; tell of each as it ends."""
    if (reason := missing()) is not None:
        sys.stderr.write(f"schannel: {reason}\n")
        return 2
    wanted = [part for part in PARTS if not sys.argv[1:] or part.name in sys.argv[1:]]
    failed = False
    with ThreadPoolExecutor(WORKERS) as pool:
        for part, code, said in pool.map(_run, wanted):
            lines = said.splitlines()
            shown = lines if code else lines[-1:]
            sys.stdout.write("\n".join([f"== {part.name}: exit {code}", *shown, ""]))
            sys.stdout.flush()
            failed = failed or code != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
