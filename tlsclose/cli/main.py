"""The console entry point. Importing it costs nothing, and so does a bare `--version`."""

import sys
from collections.abc import Sequence
from typing import NoReturn

from tlsclose import __version__


def run() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    if list(arguments) == ["--version"]:
        print(f"tlsclose {__version__}")
        return 0
    from tlsclose.cli.exits import invoke

    return invoke(arguments)
