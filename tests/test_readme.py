"""Every table, output and command of the README is real."""

import re
import shlex
import subprocess
import sys

import pytest

from tests.readme import BLOCK, README, TABLES, regenerated

pytestmark = pytest.mark.posix("the README shows runs on Linux")

TEXT = README.read_text(encoding="utf-8")
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
COMMANDS = [
    line.removeprefix("$ ").partition(" #")[0].partition(" | ")[0].strip()
    for block in CONSOLE.findall(BLOCK.sub("", TEXT))
    for line in block.splitlines()
    if line.startswith("$ ")
]
ANALYSES = [command for command in COMMANDS if command.startswith("tlsclose analyze")]
PROBES = [command for command in COMMANDS if command.startswith("tlsclose probe")]
HOST = re.compile(r"\b(?:[a-z]+\.)?example(?:\.org)?(?::\d+)?(?=\s|$)")
ELSEWHERE = {
    "make demo": "tests/cli/test_real.py",
    "make test": "what runs this test",
    "tlsclose listen --port 4433": "the server of the tests below",
    "curl -k https://localhost:4433/": "tests/interop/test_listen.py",
    "tcpdump -w - -U port 443": "tests/cli/test_pipe.py",
    "tshark -r close.pcapng -Y tls.alert_message": "tests/interop/test_pcap.py",
}


def test_generated_parts_are_current():
    """Run `python -m tests.readme` where this fails."""
    assert regenerated(TEXT) == TEXT


def test_every_table_is_shown():
    shown = {name for _, kind, name, _, _ in BLOCK.findall(TEXT) if kind == "table"}
    assert shown == set(TABLES)


def test_no_command_is_left_out():
    assert set(COMMANDS) == {*PROBES, *ANALYSES, *ELSEWHERE}


LISTEN = "tlsclose listen --port 4433"


@pytest.fixture(scope="module")
def server():
    """The README's own listener, on a free port."""
    words = shlex.split(LISTEN.replace("4433", "0"))
    command = [sys.executable, "-m", *words, "--capture", "off", "--timeout", "4"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        told = process.stderr.readline().decode()
        yield int(re.search(r":(\d+)", told)[1])
        process.kill()


def probe(command, server, folder):
    local = HOST.sub(f"localhost:{server}", command).replace("--repeat 200", "--repeat 2")
    assert local != command
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(local), "--timeout", "1"],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=100,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout
    assert "rror" not in done.stderr


@pytest.mark.parametrize("command", [line for line in PROBES if "--pcap" not in line])
def test_probes_run(command, server, tmp_path):
    probe(f"{command} --capture tap", server, tmp_path)


@pytest.mark.capture
@pytest.mark.parametrize("command", [line for line in PROBES if "--pcap" in line])
def test_captures_are_written(command, server, tmp_path):
    probe(command, server, tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"


@pytest.mark.parametrize("command", ANALYSES)
def test_captures_are_analysed(command, tmp_path):
    capture = README.parent / "pcaps" / "reset-python-tls13.pcapng"
    (tmp_path / "close.pcapng").write_bytes(capture.read_bytes())
    (tmp_path / "keys.txt").write_text("")
    local = command.replace("example.org", "localhost")
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(local)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "reset" in done.stdout.lower()
    assert "rror" not in done.stderr
