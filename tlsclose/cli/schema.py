"""`tlsclose schema`: the JSON Schema of reports."""

import click


@click.command(short_help="Print the JSON Schema of reports.")
def schema() -> int:
    """Print the JSON Schema of what --format json writes."""
    from tlsclose.report.schema import text

    click.echo(text().rstrip("\n"))
    return 0
