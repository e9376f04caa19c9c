"""`tlsclose doctor`: what this machine has, and what to do about each missing part."""

import dataclasses
import json
from typing import Final

import click

from tlsclose.cli.output import Format
from tlsclose.cli.presentation import plain_format
from tlsclose.core.outcome import ExitCode
from tlsclose.report.safe import clean

SCHEMA_VERSION: Final = 1


@click.command()
@plain_format
def doctor(*, format_: str) -> int:
    """Check TLS engines, capture rights and optional parts; say what to do about each gap."""
    from tlsclose.cli.checks import State, run_checks

    checks = run_checks()
    if format_ == Format.JSON:
        fields = [dataclasses.asdict(check) for check in checks]
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "checks": fields}, indent=2))
    else:
        for check in checks:
            click.echo(f"{check.state:<9}{check.name:<18}{clean(check.detail)}")
            if check.advice:
                click.echo(f"{'':<27}{clean(check.advice)}")
    broken = any(check.essential and check.state is State.MISSING for check in checks)
    return ExitCode.UNOBSERVED if broken else ExitCode.OK
