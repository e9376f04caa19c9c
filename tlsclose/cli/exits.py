"""How every way in which a command can end becomes an exit code and at most one line.

click would exit with 1 for bad usage, for Ctrl-C and for a crash alike; 1 is a finding here.
"""

import errno
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from tlsclose.cli.group import PROGRAM, tlsclose
from tlsclose.cli.say import say
from tlsclose.core.outcome import ExitCode
from tlsclose.errors import TlscloseError

DEBUG_VARIABLE: Final = "TLSCLOSE_DEBUG"

_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
"""Failures of a disk or a full standard output: the user's to mend, not a bug."""


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing but SystemExit escapes."""
    try:
        result = tlsclose.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a bug is an exit code too
        return _failed(error, arguments)
    return result if isinstance(result, int) else ExitCode.OK


def _failed(error: BaseException, arguments: Sequence[str]) -> ExitCode:
    match error:
        case click.Abort() | KeyboardInterrupt():
            say(f"{PROGRAM}: interrupted")
            return ExitCode.INTERRUPTED
        case click.ClickException():
            return _misused(error)
        case TlscloseError():
            return _refused(str(error))
        case OSError() if error.errno in _DISK:
            return _refused(f"cannot write: {error.strerror}")
        case _:
            return _bug(error, arguments)


def _misused(error: click.ClickException) -> ExitCode:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    say(f"{path}: {error.format_message().rstrip('.')} (see '{path} --help')")
    return ExitCode.USAGE


def _refused(message: str) -> ExitCode:
    say(f"{PROGRAM}: {message}")
    return ExitCode.USAGE


def _bug(error: BaseException, arguments: Sequence[str]) -> ExitCode:
    if _wants_traceback(arguments):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    say(f"bug in tlsclose: {type(error).__name__}: {error}, please report")
    return ExitCode.BUG


def _wants_traceback(arguments: Sequence[str]) -> bool:
    asked = os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")
    return asked or any(len(word) > 1 and word.strip("v") == "-" for word in arguments)
