"""`tlsclose demo`: a listener and a probe in one process, no network needed."""

import click

from tlsclose.cli import options
from tlsclose.cli.output import Presentation, Reporter
from tlsclose.cli.presentation import presentation
from tlsclose.cli.say import say
from tlsclose.core.outcome import exit_code
from tlsclose.net.settings import CaptureSettings


@click.command()
@options.capture
@presentation
def demo(*, capture: CaptureSettings, show: Presentation) -> int:
    """Probe an embedded listener on the loopback interface and show both verdicts."""
    from tlsclose import api

    with Reporter(show, capture, ordered=True, timelines=int(show.verbosity >= 0)) as reporter:
        reports = api.demo(on_report=reporter.take, capture=capture)
        reporter.finish(reports)
    if show.verbosity >= 0:
        say("next: tlsclose probe example.org, or tlsclose listen --port 4433")
        say("also: tlsclose explain premature-close, tlsclose doctor")
    return exit_code(reports, show.fail_on)
