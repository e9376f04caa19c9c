"""`tlsclose schema`: the JSON Schema of reports."""

import click


@click.command()
def schema() -> int:
    """Print the JSON Schema of what --format json writes."""
    from tlsclose.report.schema import text

    click.echo(text().rstrip("\n"))
    return 0
