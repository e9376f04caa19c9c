"""The commands over the real library, on the loopback interface."""

import socket
import subprocess
import sys

import pytest

from tests.system import INTERRUPTIBLE, interrupt


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def refused():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_demo_is_clean(run):
    ended = run("demo", "--capture", "tap", "--color", "never")
    assert ended.code == 0
    assert "\n CLEAN " in ended.out
    assert "2 connections: 2 clean" in ended.out


def test_refused_port_is_unobserved(run, refused, tmp_path):
    ended = run("probe", f"127.0.0.1:{refused}", "--capture", "tap", f"--output=text={tmp_path}/a")
    assert ended.code == 3
    assert "UNOBSERVED AT CONNECT" in ended.out
    assert "UNOBSERVED AT CONNECT" in (tmp_path / "a").read_text()
    assert ended.err == ""


def test_port_in_use(run, taken, tmp_path):
    ended = run("listen", "--port", taken, "--capture", "tap", f"--output=text={tmp_path}/a")
    assert ended.code == 2
    assert ended.err.startswith("tlsclose: cannot listen on ")
    assert ended.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.not_wine("a console to send Ctrl-Break through")
def test_interrupted_listener(tmp_path):
    command = [sys.executable, "-m", "tlsclose", "listen", "--capture", "tap"]
    with subprocess.Popen(
        [*command, f"--output=text={tmp_path}/a"],
        stderr=subprocess.PIPE,
        text=True,
        **INTERRUPTIBLE,
    ) as process:
        assert process.stderr.readline().startswith("listening on 127.0.0.1:")
        interrupt(process)
        assert process.wait(30) == 130
        assert process.stderr.read() == "0 clients\n"
    assert (tmp_path / "a").read_text() == ""
