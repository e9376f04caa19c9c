"""Standard error: progress, hints and warnings, one line each. It never fails."""

import contextlib

import click

LONGEST_LINE = 2000
"""Characters."""


def say(text: str) -> None:
    """Write one line to standard error; whatever could control a terminal is escaped."""
    from tlsclose.report.safe import clean

    line = clean(" ".join(text.split()), LONGEST_LINE)
    with contextlib.suppress(OSError, ValueError):
        click.echo(line, err=True)
