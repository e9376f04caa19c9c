"""A command whose help ends with the scenarios and what each does."""

import click


class ScenarioCommand(click.Command):
    """Lists the scenarios under the options."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from tlsclose.net.scenario import SCENARIOS

        with formatter.section("Scenarios"):
            formatter.write_dl([(name, item.summary) for name, item in SCENARIOS.items()])
        super().format_epilog(ctx, formatter)
