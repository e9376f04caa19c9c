"""What one member makes, every member takes, in order."""

import threading

import numpy as np
import pytest

from tlsclose.errors import CaptureFileError
from tlsclose.net.crew import can_fork
from tlsclose.wire import relay
from tlsclose.wire.relay import Member, Relay

pytestmark = pytest.mark.skipif(not can_fork(), reason="processes cannot be forked")

TURNS = 50


def thing(turn):
    return {"turn": turn, "column": np.arange(turn), "bytes": bytes(turn)}


def side_by_side(members, run):
    """What so many threads do, each told which it is."""
    threads = [threading.Thread(target=run, args=(at,)) for at in range(members)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def taken(members, *, slot_bytes):
    """What each of so many threads takes."""
    common = Relay(members, "it", slot_bytes=slot_bytes)
    found = [[] for _ in range(members)]

    def run(at):
        member = Member(common, at)
        for turn in range(TURNS):
            if member.makes(turn):
                member.leave_for_all(turn, thing(turn))
            one = member.take(turn)
            found[at].append(one and (one["turn"], one["column"].tolist(), one["bytes"]))
            member.release()
        member.leave()

    side_by_side(members, run)
    return found


EXPECTED = [(turn, list(range(turn)), bytes(turn)) for turn in range(TURNS)]


@pytest.mark.parametrize("members", [2, 3, 4])
def test_each_takes_everything_in_order(members):
    assert taken(members, slot_bytes=2000) == [EXPECTED] * members


def test_what_has_no_room():
    first, second = taken(2, slot_bytes=700)
    assert first == second
    assert first[:20] == EXPECTED[:20]
    assert first[-1] is None


def test_who_has_left_makes_nothing_more(monkeypatch):
    monkeypatch.setattr(relay, "_LOOK_EVERY_S", 0.01)
    common = Relay(2, "it")
    one, other = Member(common, 0), Member(common, 1)
    one.leave_for_all(0, "first")
    one.leave()
    assert other.take(0) == "first"
    with pytest.raises(CaptureFileError, match="it: changed while it was read"):
        other.take(1)


def test_without_its_parent_a_member_ends(monkeypatch):
    monkeypatch.setattr(relay, "_LOOK_EVERY_S", 0.01)
    with pytest.raises(SystemExit):
        Member(Relay(2, "it"), 0).take(0)
