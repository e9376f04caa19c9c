"""Run a Windows program under Wine: `python -m tests.schannel.wine [--tls13] -- python ...`.

The exit code is the program's; 2 means that the environment is missing, 70 that it could not be
entered. `command` gives the same as an argument list, for tests that start it themselves.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = PROJECT / ".schannel"
LAYERS: Final = ("prefix", "python", "root")
"""The uppermost first."""

WINE: Final = "/usr/lib/wine/wine64"
PYTHON: Final = "/windows/python/python.exe"
ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "XDG_RUNTIME_DIR": "/tmp",
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe,winedbg.exe=d",
    "WINEPREFIX": "/windows/prefix",
    "PYTHONPYCACHEPREFIX": r"Z:\pycache",
    "HYPOTHESIS_STORAGE_DIRECTORY": r"C:\hypothesis",
    "PYTEST_ADDOPTS": "-p no:cacheprovider",
}
TLS13: Final = {"GNUTLS_SYSTEM_PRIORITY_FILE": "/project/tests/schannel/no_priorities.cfg"}
"""Wine takes its protocols from GnuTLS, and holds it at TLS 1.2 unless this names an empty file.

/dev/null does not do: Wine names that one itself.
"""

PASSED_ON: Final = ("TLSCLOSE_", "HYPOTHESIS_", "COLUMNS", "NO_COLOR", "PYTHONUTF8")
TIMEOUT_S: Final = 1800
MAX_PROCESSES: Final = 4096


def missing() -> str | None:
    """Why nothing can run under Wine here; None where it can."""
    reason = unfit()
    if reason is None and not all((CACHE / f"{layer}.stamp").exists() for layer in LAYERS):
        return "the Wine environment is not built: make schannel"
    return reason


def unfit() -> str | None:
    """Why this machine cannot have the environment at all; None where it can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the Wine environment needs Linux on amd64"
    if os.geteuid() != 0:
        return "the Wine environment needs root, for its own mounts"
    return None


def command(arguments: Sequence[str], *, tls13: bool = False) -> list[str]:
    """The argument list that runs `python ...` (or another Windows program) under Wine."""
    variables = ENVIRONMENT | (TLS13 if tls13 else {}) | _passed_on()
    name, *rest = arguments
    program = PYTHON if name == "python" else name
    return enter(LAYERS, "-", [WINE, program, *rest], variables)


def enter(
    layers: Iterable[str], drive: str, inside: Sequence[str], variables: dict[str, str]
) -> list[str]:
    """The argument list that runs a Linux program inside the stacked layers (see enter.sh)."""
    return [
        *("setpriv", "--pdeathsig", "KILL"),
        *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
        *("prlimit", f"--nproc={MAX_PROCESSES}", "--core=0"),
        *("sh", str(Path(__file__).with_name("enter.sh"))),
        *(str(CACHE), ":".join(layers), drive, str(PROJECT)),
        *("env", "--ignore-environment", "--chdir=/project"),
        *(f"{name}={value}" for name, value in variables.items()),
        *inside,
    ]


def _passed_on() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}


def main() -> int:
    """Run the command line; return the program's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.schannel.wine", description=__doc__)
    parser.add_argument("--tls13", action="store_true", help="let Schannel speak TLS 1.3 too")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S, metavar="SECONDS")
    parser.add_argument("program", nargs="+", help="python, or another Windows program")
    options = parser.parse_args()
    if (reason := missing()) is not None:
        sys.stderr.write(f"{reason}\n")
        return 2
    try:
        return subprocess.run(
            command(options.program, tls13=options.tls13), check=False, timeout=options.timeout
        ).returncode
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"still running after {options.timeout:g} s: ended\n")
        return 124


if __name__ == "__main__":
    sys.exit(main())
