"""How long it takes to say a word: `--version` and `--help` against a bare interpreter."""

from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.installs import script
from tests.benchmarks.measure import Command, Goal, Sample, ratio

BARE = "python -c pass"
VERSION = "tlsclose --version"
HELP = "tlsclose --help"
VERSION_TO_BARE = 5.0


def commands(python: Path) -> dict[str, Command]:
    """What to time, all with the same interpreter."""
    tlsclose = script(python, "tlsclose")
    return {
        BARE: Command(argv=(str(python), "-c", "pass")),
        VERSION: Command(argv=(tlsclose, "--version")),
        HELP: Command(argv=(tlsclose, "--help")),
    }


def goals(samples: Mapping[str, Sample]) -> list[Goal]:
    """What the figures must keep to."""
    figure = ratio(samples[VERSION].walls, samples[BARE].walls)
    return [Goal(name=f"{VERSION} to {BARE}", figure=figure, limit=VERSION_TO_BARE)]
