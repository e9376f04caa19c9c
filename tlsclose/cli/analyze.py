"""`tlsclose analyze`: judge the connections of captures that others made."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from tlsclose.cli.bar import Bar, length
from tlsclose.cli.files import check_distinct
from tlsclose.cli.group import PROGRAM
from tlsclose.cli.interruption import Interruption, interruption
from tlsclose.cli.output import Format, Presentation, Reporter
from tlsclose.cli.presentation import KEY_LOG_VARIABLE, READABLE, presentation
from tlsclose.cli.say import say
from tlsclose.cli.table_sink import Table
from tlsclose.cli.values import EndType, Visible
from tlsclose.core.outcome import ExitCode, Outcome, is_finding
from tlsclose.core.report import Report, Summary
from tlsclose.core.verdict import Code
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.report.amount import plural

STDIN: Final = Path("-")
CAPTURE: Final = click.Path(
    exists=True, dir_okay=False, readable=False, allow_dash=True, path_type=Path
)


@click.command()
@click.argument("captures", type=CAPTURE, nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--stream", type=click.IntRange(min=0), help="Only the connection of this number.")
@click.option("--connection", "end", type=EndType(), help="Only connections of this IP:PORT.")
@click.option("--host", type=Visible("name"), help="Only this address or server name.")
@click.option("--port", type=click.IntRange(1, 65535), help="Only this port, of either end.")
@click.option(
    "--verdict",
    "verdicts",
    type=click.Choice([code.value for code in Code]),
    metavar="CODE",
    multiple=True,
    help="Only connections with this verdict; repeatable.",
)
@click.option(
    "--keylog",
    "keylogs",
    type=READABLE,
    multiple=True,
    help="Read keys from this file; repeatable.  "
    f"[default: ${KEY_LOG_VARIABLE}, and what captures have embedded]",
)
@presentation
def analyze(
    *,
    captures: tuple[Path, ...],
    stream: int | None,
    end: tuple[str, int] | None,
    host: str | None,
    port: int | None,
    verdicts: tuple[str, ...],
    keylogs: tuple[Path, ...],
    show: Presentation,
) -> int:
    """Judge every TLS connection in each CAPTURE: pcap or pcapng, also compressed.

    A lone dash is standard input, where each connection is told as it closes. With --stream or
    --connection its timeline is drawn; else each connection gets a line.
    """
    settings = AnalyzeSettings(
        keylogs=keylogs or _from_environment(),
        stream=stream,
        end=end,
        host=host,
        port=port,
        verdicts=frozenset(map(Code, verdicts)),
        outline=stream is None and end is None and _only_text(show),
        processes=None,
    )
    _check_input(captures)
    for read in (*captures, *settings.keylogs):
        check_distinct([read, *(output.path for output in show.outputs)])
    return _Run(captures, settings, show).run()


def _from_environment() -> tuple[Path, ...]:
    """The key log that programs on this machine append to, once one of them has."""
    name = os.environ.get(KEY_LOG_VARIABLE)
    return (Path(name),) if name and Path(name).is_file() else ()


def _only_text(show: Presentation) -> bool:
    formats = (show.format, *(output.format for output in show.outputs))
    return all(each is Format.TEXT for each in formats)


def _check_input(captures: Sequence[Path]) -> None:
    if captures.count(STDIN) > 1:
        raise click.UsageError("- is named twice; there is one standard input")
    if STDIN in captures and (sys.stdin is None or sys.stdin.isatty()):
        raise click.UsageError("standard input is no capture; pipe one: tcpdump -w - -U | ... -")


class _Run:
    def __init__(
        self, captures: Sequence[Path], settings: AnalyzeSettings, show: Presentation
    ) -> None:
        self._captures = captures
        self._settings = settings
        self._show = show
        self._outcome = Outcome(show.fail_on)
        self._first: Report | None = None
        """The first finding, for the hint."""
        self._bar = Bar(length(captures), wanted=show.verbosity >= 0)

    def run(self) -> int:
        from tlsclose import api

        one = self._settings.stream is not None or self._settings.end is not None
        table = Table(captures=len(self._captures), timelines=one)
        with (
            Reporter(self._show, ordered=False, table=table) as reporter,
            interruption() as interrupted,
        ):
            summary = api.analyze(
                self._captures,
                self._settings,
                on_report=lambda report: self._ended(report, reporter, interrupted),
                on_warning=self._warn,
                on_progress=self._bar.show,
                stop=interrupted.stop,
            )
            self._bar.hide()
            reporter.finish(summary=summary)
        if interrupted.happened:
            say(f"{PROGRAM}: interrupted")
            return ExitCode.INTERRUPTED
        return self._exit_code(summary)

    def _ended(self, report: Report, reporter: Reporter, interrupted: Interruption) -> None:
        self._bar.hide()
        self._outcome.add(report)
        reporter.take(report)
        if self._first is None and is_finding(report, self._show.fail_on):
            self._first = report
        if report.unobserved is not None:
            say(f"{PROGRAM}: {report.unobserved.reason}")
        if reporter.reader_gone and not self._show.outputs:
            interrupted.stop.set()

    def _warn(self, text: str) -> None:
        if self._show.verbosity >= 0:
            self._bar.hide()
            say(f"{PROGRAM}: {text}")

    def _exit_code(self, summary: Summary) -> int:
        if not summary.found and not summary.unreadable:
            say(f"{PROGRAM}: {_nothing(summary)}")
            return ExitCode.UNOBSERVED
        self._hint()
        return self._outcome.exit_code

    def _hint(self) -> None:
        chosen = self._settings.stream is not None or self._settings.end is not None
        if chosen or self._show.verbosity < 0 or self._show.format is not Format.TEXT:
            return
        if self._first is not None and self._first.connection is not None:
            where = self._first.capture.path
            if where != str(STDIN):
                import shlex

                number = self._first.connection.stream
                say(f"one in full: tlsclose analyze {shlex.quote(str(where))} --stream {number}")


def _nothing(summary: Summary) -> str:
    if summary.left_out:
        return f"{plural(summary.left_out, 'TLS connection')}, and none that was asked for"
    return f"no TLS connection in {plural(summary.packets, 'packet')}"
