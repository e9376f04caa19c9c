"""The console entry point. Importing it costs nothing, and so does a bare `--version`."""

import gc
import sys
from collections.abc import Sequence

from tlsclose import __version__

COLLECT_AFTER = 50_000
"""New objects between two looks for garbage; while modules load, there is none to be found."""


def run() -> None:
    """Run the command line of this process and exit with its code."""
    gc.set_threshold(COLLECT_AFTER)
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    if list(arguments) == ["--version"]:
        print(f"tlsclose {__version__}")
        return 0
    from tlsclose.cli.exits import invoke

    return invoke(arguments)
