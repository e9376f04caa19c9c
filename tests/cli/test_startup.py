"""What the first moments of the process import, and how it behaves at its ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlsclose import __version__

PCAPS = Path(__file__).parents[2] / "pcaps"
HEAVY = ("scapy", "OpenSSL", "rich", "numpy", "cryptography", "importlib.metadata", "asyncio")

PROGRAM = """
import json, sys
from tlsclose.cli.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def start(*words, program=PROGRAM, **options):
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


@pytest.mark.parametrize(
    "line",
    [
        *("--version", "--help", "probe --help", "listen --help", "demo --help", "doctor --help"),
        *("explain --help", "explain", "explain clean", "probe", "probe a..b", "nonsense"),
        *("analyze --help", "analyze", "analyze no-such-file"),
    ],
)
def test_nothing_heavy_is_imported(line):
    _, modules = json.loads(start(*line.split()).stderr.splitlines()[-1])
    assert [name for name in HEAVY if name in modules] == []


LIVE = ("socket", "h11", "tlsclose.providers", "tlsclose.net.settings", "tlsclose.net.target")
TELLING = ("tlsclose.core.explain", "tlsclose.report.timeline", "tlsclose.wire.preamble")
COLUMNS = ("tlsclose.wire.columns", "tlsclose.wire.capture_pass", "multiprocessing")
UNNEEDED = {*HEAVY, *LIVE, *TELLING, *COLUMNS, "tempfile", "zlib", "unicodedata"}


@pytest.mark.parametrize("shape", ["text", "json", "jsonl"])
@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("clean-openssl-tls13.pcapng", {"cryptography"}),
        ("without-keys/clean-openssl-tls13.pcapng", set()),
        ("reset-python-tls12.pcapng", {"cryptography"}),
    ],
)
def test_a_small_capture_needs_little(name, needed, shape):
    done = start("analyze", "--color", "always", "--format", shape, str(PCAPS / name))
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code in (0, 1)
    assert "TLS connection" in done.stdout or '"verdict"' in done.stdout
    assert UNNEEDED & set(modules) == needed
    assert "tlsclose.wire.small_pass" in modules


def test_bare_version_imports_no_click():
    done = start("--version")
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert (code, done.stdout) == (0, f"tlsclose {__version__}\n")
    assert "click" not in modules
    assert [name for name in modules if name.startswith("tlsclose")] == [
        "tlsclose",
        "tlsclose.cli",
        "tlsclose.cli.main",
    ]


def test_module_runs():
    done = subprocess.run(
        [sys.executable, "-m", "tlsclose", "--version", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"tlsclose {__version__}\n"


@pytest.mark.parametrize("words", [("explain",), ("--help",), ("probe", "--help")])
def test_reader_that_goes_away_is_no_error(words):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "tlsclose", *words],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_shell_completion():
    words = {"COMP_WORDS": "tlsclose probe --scenario ", "COMP_CWORD": "3"}
    done = start(env={**os.environ, **words, "_TLSCLOSE_COMPLETE": "bash_complete"})
    assert "plain,half-close" in done.stdout.splitlines()


def test_binary_noise_on_standard_input():
    done = subprocess.run(
        [sys.executable, "-m", "tlsclose", "explain", "-"],
        input=bytes(range(256)) * 1000,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
