"""Standard error: progress, hints and warnings, one line each. It never fails."""

import contextlib

import click

from tlsclose.report.safe import clean

LONGEST_LINE = 2000
"""Characters."""


def say(text: str) -> None:
    """Write one line to standard error; whatever could control a terminal is escaped."""
    line = clean(" ".join(text.split()), LONGEST_LINE)
    with contextlib.suppress(OSError, ValueError):
        click.echo(line, err=True)
