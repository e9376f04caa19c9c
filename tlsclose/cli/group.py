"""The `tlsclose` command: finds a subcommand by name and imports it only then."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

import click

from tlsclose import __version__
from tlsclose.core.outcome import ExitCode

PROGRAM: Final = "tlsclose"
WINDOWS: Final = sys.platform == "win32"

COMMANDS: Final = {
    "probe": ("tlsclose.cli.probe", "Judge how a server closes."),
    "listen": ("tlsclose.cli.listen", "Judge how clients close."),
    "analyze": ("tlsclose.cli.analyze", "Judge the connections of a capture."),
    "demo": ("tlsclose.cli.demo", "See it work, no network needed."),
    "explain": ("tlsclose.cli.explain", "What a verdict code or an error text means."),
    "doctor": ("tlsclose.cli.doctor", "What this machine has, and what is missing."),
    "schema": ("tlsclose.cli.schema", "Print the JSON Schema of reports."),
}
"""Name -> the module that has a command of that name, and its line in `--help`."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            ctx.fail(f"no such command {name!r}{_suggestion(name)}")
        return super().resolve_command(ctx, args)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - click's signature
    ) -> click.Context:
        with _deaf_reader_tolerated():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        with _deaf_reader_tolerated():
            return super().invoke(ctx)


@contextlib.contextmanager
def _deaf_reader_tolerated() -> Iterator[None]:
    """`tlsclose explain | head -1` is not an error of any kind."""
    try:
        yield
    except OSError as error:
        if not reader_gone(error):
            raise
        silence_stdout()
        raise click.exceptions.Exit(ExitCode.OK) from None


def reader_gone(error: OSError) -> bool:
    """Whether nobody reads our output any more, of which Windows says EINVAL."""
    return isinstance(error, BrokenPipeError) or (WINDOWS and error.errno == errno.EINVAL)


def silence_stdout() -> None:
    """Send what is still buffered for a closed standard output nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _suggestion(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    return f", did you mean {close[0]!r}?" if close else f"; there are {', '.join(COMMANDS)}"


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message=f"{PROGRAM} %(version)s")
@click.pass_context
def tlsclose(ctx: click.Context) -> None:
    """How did this TLS connection end, who ended it, and could data have been lost?

    \b
    tlsclose demo                     see it work, no network needed
    tlsclose probe example.org        judge how a server closes
    tlsclose listen --port 4433       judge how clients close
    tlsclose analyze close.pcapng     judge what others captured
    tlsclose explain premature-close  what a verdict or an error text means
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(ExitCode.USAGE)
