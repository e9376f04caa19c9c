"""Options of every command that shows reports, apart from those that make connections.

Their values need nothing of the network, so reading a capture starts without it.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Final, TypeVar

import click

from tlsclose.cli.output import Format, OutputFile, Presentation
from tlsclose.cli.values import OutputType
from tlsclose.core.verdict import Severity

Command = Callable[..., int]
_F = TypeVar("_F", bound=Callable[..., object])

READABLE: Final = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
FAIL_ON: Final = tuple(item.value for item in Severity if item is not Severity.OK)
KEY_LOG_VARIABLE: Final = "SSLKEYLOGFILE"


def together(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    """One decorator for several options, in the order of `--help`."""

    def decorate(command: _F) -> _F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def presentation(command: Command) -> Command:
    """What the user wants to see: passes `show`."""

    @wraps(command)
    def call(
        *args: object,
        format_: str,
        output: tuple[OutputFile, ...],
        fail_on: str,
        color: str,
        quiet: bool,
        verbose: int,
        **rest: object,
    ) -> int:
        if quiet and verbose:
            raise click.UsageError("-q and -v exclude each other")
        show = Presentation(
            format=Format(format_),
            outputs=output,
            fail_on=Severity(fail_on),
            color=color,
            verbosity=-1 if quiet else verbose,
        )
        return command(*args, show=show, **rest)

    return together(
        report_format,
        click.option(
            "--output", type=OutputType(), multiple=True, help="Write a file too; repeatable."
        ),
        click.option(
            "--fail-on",
            type=click.Choice(FAIL_ON),
            default=Severity.WARNING.value,
            show_default=True,
            help="Least severity that makes the exit code 1.",
        ),
        click.option(
            "--color",
            type=click.Choice(("auto", "always", "never")),
            default="auto",
            show_default=True,
            help="Colour the text.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Verdicts only, no progress."),
        click.option("-v", "--verbose", count=True, help="Every record; -vv every packet."),
    )(call)


def report_format(command: Command) -> Command:
    """`--format` of reports: passes `format_`."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice([item.value for item in Format]),
        default=Format.TEXT.value,
        show_default=True,
        help="Format on standard output.",
    )(command)


def plain_format(command: Command) -> Command:
    """`--format text|json` of commands that report no connection: passes `format_`."""
    return click.option(
        "--format",
        "format_",
        type=click.Choice((Format.TEXT.value, Format.JSON.value)),
        default=Format.TEXT.value,
        show_default=True,
        help="Format on standard output.",
    )(command)
