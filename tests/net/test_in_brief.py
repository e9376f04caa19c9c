"""What is told in brief is what the events say, whatever happened to the packets."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.net.tellings import agreed, differences, telling
from tests.net.test_following import Heard
from tests.pcaps import pcapng
from tests.wire.batching import frames
from tests.wire.disturbances import DISTURBANCES, KINDS
from tests.wire.playbook import CLIENT, MS, SERVER, Tcp
from tests.wire.together import between, in_time, in_turn, of_capture, of_script, told_stories
from tlsclose.core.precedent import Precedents
from tlsclose.net.following import follow
from tlsclose.net.line import line_of
from tlsclose.wire import small_capture
from tlsclose.wire.capture_follower import LINGER_NS
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.outline import Outline

PCAPS = Path(__file__).parents[2] / "pcaps"
WITH_KEYS = sorted(PCAPS.glob("*.pcapng"))
TWINS = sorted(PCAPS.glob("without-keys/*.pcapng"))
EVERY = 71
"""Of so many places in a capture, something happens at one."""
LONG = 60
"""Packets of a connection that takes too much time to have all happen to it."""
COMMON = 40
"""So many of the recorded connections go by the book, at least."""
RECORD = b"\x17\x03\x03\x00\x01x"


def key_log(lines):
    keys = KeyLog()
    for line in lines:
        keys.add_line(line)
    return keys


@pytest.fixture(scope="module")
def every():
    """Every connection, each with its own ends, and all lines of the key log."""
    connections, lines = told_stories()
    for path in WITH_KEYS:
        packets, keys = of_capture(path)
        connections.append(packets)
        lines += keys
    return [between(packets, at) for at, packets in enumerate(connections)], lines


def recorded(path):
    capture = pcapng.read(path)
    return [tuple(frame) for frame in capture.frames], key_log(capture.keys)


def test_recorded():
    outlines = {path: agreed(*recorded(path)).outlines for path in [*WITH_KEYS, *TWINS]}
    assert sum(outlines[path] for path in WITH_KEYS) >= COMMON
    assert not any(outlines[path] for path in TWINS)


def test_files(monkeypatch):
    """Through everything that reads a file, but for the way of small ones."""
    monkeypatch.setattr(small_capture, "SMALL_BYTES", -1)
    outlines = 0
    for path in WITH_KEYS[::3]:
        lines = []
        for brief in (False, True):
            heard = Heard()
            follow(path, KeyLog(), heard, brief=brief)
            lines.append([line_of(seen, Precedents()) for seen in heard.seen])
            outlines += any(isinstance(seen.followed, Outline) for seen in heard.seen)
        assert lines[0] == lines[1]
    assert outlines >= COMMON / 3


def test_side_by_side(every):
    """So many that their record headers are chained in columns for long."""
    connections, lines = every
    keys = key_log(lines)
    packets, begins = in_turn(connections)
    packed = frames(packets)
    whole = agreed(packed, keys)
    assert len(connections) > whole.outlines >= COMMON
    for cuts in (begins, range(0, len(packets), 300), *([begins[at]] for at in range(2, 20, 4))):
        assert differences(telling(packed, keys, cuts=cuts, brief=True), whole) == []
    assert telling(packed, KeyLog(), brief=True).outlines == 0


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_few_packets_at_once(every, size):
    connections, lines = every
    packed = frames(in_time(connections[::6]))
    whole = agreed(packed, key_log(lines))
    cuts = range(0, len(packed), size)
    assert differences(telling(packed, key_log(lines), cuts=cuts, brief=True), whole) == []


@pytest.mark.parametrize("kind", KINDS)
def test_disturbed(every, kind):
    """Each disturbance, at places all over the captures."""
    connections, lines = every
    keys, outlines, others = key_log(lines), {}, {}
    for first, (name, disturb) in enumerate(KINDS[kind].items()):
        made = [
            disturbed
            for which, packets in enumerate(connections)
            for at in range((first + which * 7) % EVERY, len(packets), EVERY)
            if len(packets) < LONG and (disturbed := disturb(packets, at))
        ]
        packed = frames(in_time([between(packets, at) for at, packets in enumerate(made)]))
        brief = telling(packed, keys, brief=True)
        assert differences(brief, telling(packed, keys, fast=False)) == [], name
        outlines[name], others[name] = brief.outlines, len(brief.told) - brief.outlines
    assert sum(map(bool, outlines.values())) > len(outlines) / 2
    assert all(others.values())


@st.composite
def captures(draw, connections):
    """Connections to which up to three things have happened, mixed; and where batches end."""
    made = []
    for _ in range(draw(st.sampled_from([1, 3, 20]))):
        packets = draw(st.sampled_from(connections))
        for name in draw(st.lists(st.sampled_from(sorted(DISTURBANCES)), max_size=3)):
            at = draw(st.integers(0, len(packets) - 1))
            packets = DISTURBANCES[name](packets, at) or packets
        made.append(between(packets, len(made)))
    if draw(st.booleans()):
        packets, cuts = in_turn(made, draw(st.sampled_from([1000, MS, 10 * MS])))
    else:
        packets = in_time(made)
        cuts = range(0, len(packets), draw(st.sampled_from([1, 2, 5]) if made[3:] else st.just(50)))
    return packets, draw(st.sampled_from([(), cuts, cuts[len(cuts) // 2 :][:1]]))


@given(st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_disturbed_at_random(every, data):
    connections, lines = every
    short = [packets for packets in connections if len(packets) < LONG]
    packets, cuts = data.draw(captures(short))
    keys = key_log(lines if data.draw(st.booleans()) else lines[::2])
    agreed(frames(packets), keys, cuts=cuts)


def test_too_many_open(every):
    connections, lines = every
    packets = in_time([packets[: len(packets) * 2 // 3] for packets in connections])
    options = {"max_open": 20, "cuts": range(0, len(packets), 200)}
    brief = telling(frames(packets), key_log(lines), brief=True, **options)
    assert differences(brief, telling(frames(packets), key_log(lines), **options)) == []
    assert brief.outlines
    assert any("too many" in note for item in brief.told for note in item.line.notes)


def ended(*waits_ns):
    """An exchange that both sides have finished, and acknowledgements so long after it."""
    script = Tcp().open().data(CLIENT, RECORD).fin(CLIENT).fin(SERVER)
    packets = of_script(script)
    last = script.ack(CLIENT).segments[-1]
    return [
        *packets,
        *(packets[-1]._replace(at_ns=packets[-1].at_ns + wait, segment=last) for wait in waits_ns),
    ]


def test_an_acknowledgement_behind_the_end():
    brief = agreed(frames(ended(LINGER_NS)), KeyLog(), linger_ns=LINGER_NS)
    assert (brief.late, brief.told[0].line.packets) == (0, 7)


def test_an_acknowledgement_long_after_the_end():
    brief = agreed(frames(ended(LINGER_NS + 1)), KeyLog(), linger_ns=LINGER_NS)
    assert (brief.late, brief.told[0].line.packets) == (1, 6)


def test_data_again_long_after_the_end():
    packets = ended()
    data = next(packet for packet in packets if packet.segment.payload)
    packets.append(data._replace(at_ns=packets[-1].at_ns + LINGER_NS + 1))
    brief = agreed(frames(packets), KeyLog(), linger_ns=LINGER_NS)
    assert (brief.late, brief.told[0].line.packets) == (1, 6)


def test_the_acknowledgement_of_a_reset_outside_the_window():
    script = Tcp().open()
    for _ in range(3):
        script.data(CLIENT, RECORD).data(SERVER, RECORD)
    behind = script.next[CLIENT] + 100
    script.rst(SERVER, seq=script.next[SERVER] - 2 * len(RECORD), ack=behind)
    for _ in range(3):
        script.data(CLIENT, RECORD).data(SERVER, RECORD)
    agreed(frames(of_script(script)), KeyLog())
