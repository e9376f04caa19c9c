"""Processes that read captures together and are stopped, die, fail, or find the file changed."""

import faulthandler
import os
import signal
import time
from pathlib import Path
from threading import Event

import pytest

from tests.net.sharing import ALL, analysed
from tlsclose import api
from tlsclose.net import crew, following, together
from tlsclose.net.analysis import Judge
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.wire import relay

pytestmark = [
    pytest.mark.skipif(not crew.can_fork(), reason="processes cannot be forked"),
    pytest.mark.usefixtures("small_is_large"),
]


def children():
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return listed.read_text().split() if listed.exists() else []


def reports_beside(told, path):
    return [one for one in told if hasattr(one, "capture") and one.capture.path != path]


def test_a_process_that_is_killed_within_a_row(few_and_many, monkeypatch):
    """What it had not told of is read by another; only the file at hand is given up."""
    here, judged = os.getpid(), Judge.judged
    alone, _ = analysed(*few_and_many, processes=1)
    victim = str(few_and_many[4])

    def judge(self, seen, name):
        if name == victim and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return judged(self, seen, name)

    monkeypatch.setattr(Judge, "judged", judge)
    before = children()
    told, summary = analysed(*few_and_many, processes=2)
    (given_up,) = [one.reason for one in told if hasattr(one, "reason")]
    assert given_up == f"{victim}: a process that read it was ended by SIGKILL"
    assert summary.unreadable == 1
    assert reports_beside(told, victim) == reports_beside(alone, victim)
    assert children() == before


def test_stop_leaves_nobody_behind(path):
    stop, before = Event(), children()
    reports = []

    def take(report):
        reports.append(report)
        stop.set()

    api.analyze([path, path], AnalyzeSettings(processes=2), on_report=take, stop=stop)
    assert 0 < len(reports) < 2 * ALL
    assert children() == before


def test_an_error_leaves_nobody_behind(path):
    before = children()

    def take(_):
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        api.analyze([path], AnalyzeSettings(processes=2), on_report=take)
    assert children() == before


def test_a_process_that_is_killed(path, monkeypatch):
    here, judged = os.getpid(), Judge.judged

    def judge(self, seen, name):
        if seen.client[1] == 40_050 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return judged(self, seen, name)

    monkeypatch.setattr(Judge, "judged", judge)
    before = children()
    told, summary = analysed(path, processes=2)
    assert told[-1].reason == f"{path}: a process that read it was ended by SIGKILL"
    assert summary.unreadable == 1
    assert summary.connections
    assert children() == before


def test_a_bug_in_a_process(path, monkeypatch):
    def judge(self, seen, name):
        raise KeyError("what")

    monkeypatch.setattr(Judge, "judged", judge)
    with pytest.raises(RuntimeError, match="KeyError: 'what'") as caught:
        analysed(path, processes=2)
    assert "Traceback" in caught.value.__notes__[0]


def test_a_file_that_changes(path, monkeypatch):
    shorter = together.findings

    def differing(path, keys, shares, *args, **options):
        for told in shorter(path, keys, shares, *args, **options):
            if shares[0][0] and isinstance(told, following.End):
                yield following.Found(0, 0, 0, (), [])
            yield told

    monkeypatch.setattr(together, "findings", differing)
    told, _ = analysed(path, processes=2)
    assert told[-1].reason == f"{path}: changed while it was read"


def test_a_file_that_is_cut_off_under_way(path, monkeypatch):
    """Who looks at pages that are gone dies; nobody waits for it."""
    here, judged = os.getpid(), Judge.judged
    path.write_bytes(path.read_bytes() + bytes(2**20))

    def judge(self, seen, name):
        if os.getpid() != here:
            os.truncate(path, 100)
        return judged(self, seen, name)

    def quiet(*args, **options):
        faulthandler.disable()
        yield from following.findings(*args, **options)

    monkeypatch.setattr(together, "findings", quiet)
    monkeypatch.setattr(Judge, "judged", judge)
    before = children()
    told, summary = analysed(path, processes=2)
    assert told[-1].reason == f"{path}: a process that read it was ended by SIGBUS"
    assert summary.unreadable == 1
    assert children() == before


@pytest.mark.parametrize("turn", [0, 1, 2, 5])
def test_a_process_that_is_killed_while_others_wait_for_it(path, monkeypatch, turn):
    leave = relay.Member.leave_for_all

    def dying(self, number, thing):
        if number == turn:
            os.kill(os.getpid(), signal.SIGKILL)
        return leave(self, number, thing)

    monkeypatch.setattr(relay.Member, "leave_for_all", dying)
    before = children()
    told, _ = analysed(path, processes=4)
    assert told[-1].reason == f"{path}: a process that read it was ended by SIGKILL"
    assert children() == before


def test_a_bug_while_others_wait(path, monkeypatch):
    leave = relay.Member.leave_for_all

    def failing(self, number, thing):
        if number == 3:
            raise KeyError("what")
        return leave(self, number, thing)

    monkeypatch.setattr(relay.Member, "leave_for_all", failing)
    with pytest.raises(RuntimeError, match="KeyError: 'what'"):
        analysed(path, processes=2)


def test_a_file_that_grows_is_read_as_it_was(path, monkeypatch):
    alone, _ = analysed(path, processes=1)
    added, begin = path.read_bytes()[24:3000], together.Together._begin

    def growing(self, file):
        with path.open("ab") as out:
            out.write(added)
        begin(self, file)

    monkeypatch.setattr(together.Together, "_begin", growing)
    assert analysed(path, processes=2)[0] == alone


def test_what_nobody_takes_waits(monkeypatch):
    monkeypatch.setattr(crew, "MOST_WAITING", 1000)
    many = [bytes(700)] * 500
    group = crew.Crew(2, Event())
    try:
        group.add("slow", lambda: [time.sleep(0.3)])
        group.add("eager", lambda: iter(many))
        assert group.next("slow") is None
        assert group._begun["eager"].size < 3000
        assert [group.next("eager") for _ in many] == many
        with pytest.raises(crew.ProcessDied, match="ended with code 0"):
            group.next("eager")
    finally:
        group.stop()
