"""`tlsclose probe`: connect, close in one or more ways, judge the peer."""

from collections.abc import Sequence
from typing import Final

import click

from tlsclose.cli import options
from tlsclose.cli.group import PROGRAM
from tlsclose.cli.interruption import interruption
from tlsclose.cli.output import Format, Presentation, Reporter
from tlsclose.cli.presentation import presentation
from tlsclose.cli.progress import progress
from tlsclose.cli.say import say
from tlsclose.cli.scenario_help import ScenarioCommand
from tlsclose.cli.values import TargetType
from tlsclose.core.outcome import ExitCode, exit_code
from tlsclose.core.report import Report
from tlsclose.net.settings import (
    PROBE_TIMEOUT_S,
    CaptureSettings,
    Family,
    ProbeSettings,
    RequestSpec,
)
from tlsclose.net.target import Target
from tlsclose.providers.base import TlsSettings

MOST_REPEATS: Final = 100_000


@click.command(cls=ScenarioCommand)
@click.argument("targets", type=TargetType(), nargs=-1, required=True, metavar="TARGET...")
@options.scenarios("initiate")
@options.request
@options.tls
@options.sni
@options.provider
@options.timeout(PROBE_TIMEOUT_S)
@click.option(
    "--repeat",
    type=click.IntRange(1, MOST_REPEATS),
    default=1,
    show_default=True,
    help="Run each scenario so often: teardown faults are races.",
)
@options.family
@options.capture
@presentation
def probe(
    *,
    targets: tuple[Target, ...],
    scenarios: tuple[str, ...],
    request: RequestSpec,
    path: str | None,
    tls: TlsSettings,
    sni: str | None,
    provider: str,
    timeout: float,
    repeat: int,
    family: Family,
    capture: CaptureSettings,
    show: Presentation,
) -> int:
    """Connect to each TARGET, close the connection and judge how the peer closes.

    TARGET is host, host:port, [v6]:port or https://host/path. Port 443 unless it says so.
    """
    if path is not None and any(target.path is not None for target in targets):
        raise click.UsageError("a target already names a path; leave out --path")
    options.warn_of_keys(provider, capture)
    settings = ProbeSettings(
        scenarios=scenarios,
        request=options.requested(request, path),
        tls=tls,
        sni=sni,
        timeout_s=timeout,
        repeat=repeat,
        family=family,
        capture=capture,
    )
    return _run(targets, settings, provider, show)


def _run(
    targets: Sequence[Target], settings: ProbeSettings, provider: str, show: Presentation
) -> int:
    from tlsclose import api

    total = len(targets) * len(settings.scenarios) * settings.repeat
    timelines = 0 if show.verbosity < 0 and total > 1 else None
    with (
        Reporter(show, settings.capture, ordered=True, timelines=timelines) as reporter,
        interruption() as interrupted,
    ):
        with progress(total, wanted=_draws_progress(show)) as advance:

            def ended(report: Report) -> None:
                reporter.take(report)
                advance()

            reports = api.probe(
                targets, settings, on_report=ended, stop=interrupted.stop, provider=provider
            )
        reporter.finish(reports)
    if interrupted.happened:
        say(f"{PROGRAM}: interrupted")
        return ExitCode.INTERRUPTED
    return exit_code(reports, show.fail_on)


def _draws_progress(show: Presentation) -> bool:
    return show.verbosity >= 0 and show.format is not Format.JSONL
