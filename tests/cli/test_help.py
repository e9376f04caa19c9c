import re

import click
import pytest

from tlsclose.cli.group import COMMANDS, tlsclose

HANDSHAKE = {
    "--tls",
    "--ciphers",
    "--alpn",
    "--cafile",
    "--verify",
    "--no-verify",
    "--cert",
    "--key",
    "--pass",
}
CAPTURE = {"--capture", "--interface", "--pcap", "--keylog"}
SHOWN = {"--format", "--output", "--fail-on", "--color", "-q", "--quiet", "-v", "--verbose"}
HELP = {"-h", "--help"}

OPTIONS = {
    "probe": HELP
    | HANDSHAKE
    | CAPTURE
    | SHOWN
    | {"--scenario", "--request", "--path", "--sni", "--provider", "--timeout", "--repeat"}
    | {"-4", "-6"},
    "listen": HELP
    | HANDSHAKE
    | CAPTURE
    | SHOWN
    | {"--host", "--port", "--count", "--body", "--framing", "--scenario", "--provider"}
    | {"--timeout"},
    "analyze": HELP
    | SHOWN
    | {"--stream", "--connection", "--host", "--port", "--verdict", "--keylog"},
    "demo": HELP | CAPTURE | SHOWN,
    "explain": HELP | {"--format"},
    "doctor": HELP | {"--format"},
    "schema": HELP,
}


def test_every_command_is_listed():
    assert set(OPTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", OPTIONS)
def test_help_lists_exactly_these_options(run, name):
    ended = run(name, "--help")
    assert ended.code == 0
    assert ended.err == ""
    heads = re.findall(r"^  (-.*?)(?:  |$)", ended.out, re.MULTILINE)
    shown = {word for head in heads for word in re.findall(r"(?<![\w-])--?[a-z0-9][a-z-]*", head)}
    assert shown == OPTIONS[name]


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_described(name):
    command = tlsclose.get_command(click.Context(tlsclose), name)
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, param.name


@pytest.mark.parametrize("name", ["probe", "listen"])
def test_help_names_the_scenarios(run, name):
    shown = run(name, "--help").out.partition("Scenarios:")[2]
    for scenario in ("initiate", "await", "half-close", "fin", "reset", "silent"):
        assert f"\n  {scenario} " in shown


def test_help_of_the_group(run):
    ended = run("--help")
    assert ended.code == 0
    assert all(re.search(rf"^  {name} ", ended.out, re.MULTILINE) for name in COMMANDS)
