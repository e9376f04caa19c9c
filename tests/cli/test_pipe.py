"""A capture that is still being written: `tcpdump -w - -U | tlsclose analyze -`."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pcaps.pcapng import Block, read
from tests.system import INTERRUPTIBLE, interrupt

PCAPS = Path(__file__).parents[2] / "pcaps"
RESET = (PCAPS / "reset-python-tls13.pcapng").read_bytes()
CLEAN = (PCAPS / "clean-curl-tls12.pcapng").read_bytes()


@pytest.fixture
def analysing():
    """Starts the command with a pipe on its standard input."""
    started = []

    def start(*words):
        command = [sys.executable, "-m", "tlsclose", "analyze", "-", *words]
        pipe = subprocess.PIPE
        started.append(
            subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, **INTERRUPTIBLE)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def feed(process, data):
    process.stdin.write(data)
    process.stdin.flush()


def codes(text):
    return [json.loads(line)["verdict"]["code"] for line in text.splitlines()]


def test_a_connection_is_told_while_the_pipe_is_open(analysing):
    process = analysing("--format", "jsonl")
    feed(process, RESET)
    assert codes(process.stdout.readline()) == ["reset"]
    assert process.poll() is None
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (1, b"", b"")


def test_the_table_grows_with_the_pipe(analysing):
    process = analysing()
    feed(process, RESET)
    assert process.stdout.readline().split()[:3] == [b"#", b"client", b"server"]
    assert b" reset " in process.stdout.readline()
    out, _ = process.communicate(CLEAN, timeout=60)
    assert b" clean " in out
    assert b"2 TLS connections" in out


def test_several_sections_in_one_pipe(analysing):
    process = analysing("--format", "jsonl")
    out, _ = process.communicate(CLEAN + RESET, timeout=60)
    assert sorted(codes(out)) == ["clean", "reset"]


def test_a_pipe_that_breaks_off(analysing):
    process = analysing("--format", "json")
    out, err = process.communicate(CLEAN[:-10], timeout=60)
    document = json.loads(out)
    assert process.returncode == 3
    assert document["reports"][-1]["unobserved"]["stage"] == "capture"
    assert document["summary"]["unreadable"] == 1
    assert err.count(b"\n") == 1


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\n\r\n" * 20, bytes(100)])
def test_no_capture(analysing, data):
    process = analysing()
    _, err = process.communicate(data, timeout=60)
    assert process.returncode == 3
    assert err.count(b"\n") == 1


def test_keys_that_are_logged_while_the_capture_runs(analysing, tmp_path):
    log = tmp_path / "keys"
    log.write_text("")
    keys = read(PCAPS / "clean-java-tls13.pcapng").keys
    process = analysing("--format", "jsonl", "--keylog", str(log))
    feed(process, RESET)
    process.stdout.readline()
    log.write_text("\n".join(keys) + "\n")
    out, _ = process.communicate(without_keys(PCAPS / "clean-java-tls13.pcapng"), timeout=60)
    assert codes(out) == ["clean"]


def without_keys(path):
    """The capture less its embedded secrets."""
    data, kept, at = path.read_bytes(), b"", 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        kept += data[at : at + length] if kind != Block.SECRETS else b""
        at += length
    return kept


@pytest.mark.not_wine("a console to send Ctrl-Break through")
def test_interruption(analysing):
    process = analysing("--format", "jsonl")
    feed(process, RESET)
    process.stdout.readline()
    interrupt(process)
    assert process.wait(60) == 130
    assert process.stderr.read().split() == [b"tlsclose:", b"interrupted"]
