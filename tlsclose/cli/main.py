"""The console entry point. Importing it costs nothing, and so does a bare `--version`."""

import gc
import os
import sys
from collections.abc import Sequence

from tlsclose import __version__

COLLECT_AFTER = 50_000
"""New objects between two looks for garbage; while modules load, there is none to be found."""


def run() -> None:
    """Run the command line of this process and exit with its code."""
    gc.set_threshold(COLLECT_AFTER)
    leave(main(sys.argv[1:]))


def leave(code: int) -> None:
    """End the process with what is printed, without taking its modules apart one by one.

    That takes a tenth of a short run, and nothing in them outlives the process: files are complete
    and threads are done when `main` returns. Where a profiler or a tracer watches, it has its end.
    """
    if sys.getprofile() is not None or sys.gettrace() is not None:
        sys.exit(code)
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):
        sys.exit(code)
    os._exit(code)


def main(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    if list(arguments) == ["--version"]:
        print(f"tlsclose {__version__}")
        return 0
    from tlsclose.cli.exits import invoke

    return invoke(arguments)
