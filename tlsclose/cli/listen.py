"""`tlsclose listen`: accept TLS clients and judge how each closes."""

from typing import TYPE_CHECKING, Final

import click

from tlsclose.cli import options
from tlsclose.cli.interruption import interruption
from tlsclose.cli.output import Presentation, Reporter
from tlsclose.cli.presentation import presentation
from tlsclose.cli.say import say
from tlsclose.cli.scenario_help import ScenarioCommand
from tlsclose.cli.values import Visible
from tlsclose.core.outcome import ExitCode, Outcome
from tlsclose.core.report import Report
from tlsclose.net.settings import (
    LISTEN_TIMEOUT_S,
    BodyFraming,
    CaptureSettings,
    ListenSettings,
)
from tlsclose.providers.base import TlsSettings

if TYPE_CHECKING:
    from tlsclose.net.listener import Listening

MOST_BODY: Final = 2**30
"""Bytes of a response body."""


@click.command(cls=ScenarioCommand)
@click.option(
    "--host",
    type=Visible("address"),
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port to listen on; 0 is any free one.",
)
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many clients.")
@click.option(
    "--body",
    type=click.IntRange(0, MOST_BODY),
    default=1024,
    show_default=True,
    help="Bytes of each response's body.",
)
@click.option(
    "--framing",
    type=click.Choice([framing.value for framing in BodyFraming]),
    default=BodyFraming.CONTENT_LENGTH.value,
    show_default=True,
    help="How a response says where it ends.",
)
@options.scenario("await")
@options.tls
@options.provider
@options.timeout(LISTEN_TIMEOUT_S)
@options.capture
@presentation
def listen(
    *,
    host: str,
    port: int,
    count: int | None,
    body: int,
    framing: str,
    scenario: str,
    tls: TlsSettings,
    provider: str,
    timeout: float,
    capture: CaptureSettings,
    show: Presentation,
) -> int:
    """Accept TLS clients, answer HTTP/1.1 requests and judge how each client closes.

    Without --cert an identity is made up for this run. Ctrl-C ends with a summary.
    """
    options.warn_of_keys(provider, capture)
    settings = ListenSettings(
        scenario=scenario,
        host=host,
        port=port,
        tls=tls,
        timeout_s=timeout,
        count=count,
        body=body,
        framing=BodyFraming(framing),
        capture=capture,
    )
    return _run(settings, provider, show)


def _run(settings: ListenSettings, provider: str, show: Presentation) -> int:
    from tlsclose import api

    outcome = Outcome(show.fail_on)
    abandoned: list[int] = []
    with (
        Reporter(show, settings.capture, ordered=False) as reporter,
        interruption() as interrupted,
    ):

        def ended(report: Report) -> None:
            outcome.add(report)
            reporter.take(report)
            if reporter.reader_gone and not show.outputs:
                interrupted.stop.set()

        api.listen(
            settings,
            on_ready=_announce,
            on_report=ended,
            stop=interrupted.stop,
            provider=provider,
            on_abandoned=abandoned.append,
        )
        reporter.finish()
    if show.verbosity >= 0:
        _summarise(outcome, sum(abandoned))
    return ExitCode.INTERRUPTED if interrupted.happened else outcome.exit_code


def _announce(listening: "Listening") -> None:
    host = f"[{listening.host}]" if ":" in listening.host else listening.host
    say(f"listening on {host}:{listening.port} ({listening.capture}); Ctrl-C ends")


def _summarise(outcome: Outcome, abandoned: int) -> None:
    counts = ", ".join(f"{count} {code}" for code, count in outcome.counts.items())
    noun = "client" if outcome.total == 1 else "clients"
    left = f"; {abandoned} still connected, not judged" if abandoned else ""
    say(f"{outcome.total} {noun}" + (f": {counts}" if counts else "") + left)
