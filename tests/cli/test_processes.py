"""`analyze` in several processes: to a user there is no difference but time."""

import os
import signal
from pathlib import Path

import pytest

from tlsclose.cli import bar
from tlsclose.net import captures, crew, following, together
from tlsclose.net.analysis import Judge
from tlsclose.wire import small_capture

PCAPS = sorted((Path(__file__).parents[2] / "pcaps").glob("*.pcapng"))[::6]

pytestmark = pytest.mark.skipif(not crew.can_fork(), reason="processes cannot be forked")


@pytest.fixture(autouse=True)
def everything_is_shared(monkeypatch):
    for module in (captures, following, together):
        monkeypatch.setattr(module, "LARGE_BYTES", 1)
    monkeypatch.setattr(small_capture, "SMALL_BYTES", 3000)


@pytest.fixture
def processors(monkeypatch):
    return lambda count: monkeypatch.setattr(crew, "processors", lambda: count)


@pytest.mark.parametrize("words", [(), ("-v",), ("--format", "json"), ("--verdict", "clean")])
def test_the_same_output(run, processors, words):
    processors(1)
    alone = run("analyze", *PCAPS, *words)
    assert len(alone.out.splitlines()) > 8
    processors(4)
    assert run("analyze", *PCAPS, *words) == alone


def test_interrupted(run, processors, monkeypatch):
    processors(2)
    monkeypatch.setattr(bar.Bar, "show", lambda *_: signal.raise_signal(signal.SIGINT))
    ended = run("analyze", *PCAPS)
    assert (ended.code, ended.err) == (130, "tlsclose: interrupted\n")


def killed(_judge, _seen, _path):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed(run, processors, monkeypatch):
    processors(2)
    monkeypatch.setattr(Judge, "judged", killed)
    ended = run("analyze", PCAPS[0])
    assert ended.code == 3
    assert ended.err == f"tlsclose: {PCAPS[0]}: a process that read it was ended by SIGKILL\n"


def wrong(_judge, _seen, _path):
    raise KeyError("what")


def test_a_bug_in_a_process(run, processors, monkeypatch):
    processors(2)
    monkeypatch.setattr(Judge, "judged", wrong)
    ended = run("analyze", PCAPS[0])
    assert ended.code == 4
    assert ended.err == "bug in tlsclose: RuntimeError: KeyError: 'what', please report\n"
    assert "in judged" not in ended.err
    assert "raise KeyError" in run("analyze", PCAPS[0], "-v").err
