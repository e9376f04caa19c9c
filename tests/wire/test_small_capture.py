"""Small captures read at once: what is found is what the columns of any capture hold."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.captures import (
    AT,
    SECOND,
    block,
    enhanced,
    interface,
    old,
    pcap,
    secrets,
    section,
    simple,
)
from tests.wire.in_memory import Bytes
from tlsclose.errors import CaptureFileError
from tlsclose.wire import small_capture as module
from tlsclose.wire.capture_file import CaptureFile
from tlsclose.wire.capture_follower import CaptureFollower
from tlsclose.wire.frame import Frame
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.small_capture import FEW_PACKETS, small_capture

PCAPS = sorted((Path(__file__).parents[2] / "pcaps").glob("*.pcapng"))
FRAMES = [(AT, b"first frame", 11), (AT + SECOND, b"second, cut", 60), (AT + 2 * SECOND, b"", 0)]
KEY_LINE = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48


def by_columns(path, data):
    """Frames, damage, warnings, bytes and keys; None where it is no capture."""
    keys = KeyLog()
    capture = CaptureFile(str(path), Bytes(data), keys)
    frames = []
    try:
        for batch in capture:
            for at in range(len(batch)):
                start, size = int(batch.start[at]), int(batch.captured[at])
                payload = bytes(batch.buffer[start : start + size])
                numbers = (int(batch.at_ns[at]), int(batch.link[at]), int(batch.original[at]))
                frames.append(Frame(numbers[0], numbers[1], payload, numbers[2]))
    except CaptureFileError:
        return None
    return frames, capture.damage, capture.warnings, capture.bytes_read, keys.lines()


def at_once(path):
    keys = KeyLog()
    capture = small_capture(path, keys)
    if capture is None:
        return None
    told = (capture.frames, capture.damage, capture.warnings, capture.bytes_read)
    return *told, keys.lines()


def followed(path, data):
    """What both ways make of the connections."""
    slow, columns = [], []
    keys = KeyLog()
    follower = CaptureFollower(keys, slow.append)
    follower.take_few(small_capture(path, keys).frames)
    follower.finish()
    keys = KeyLog()
    follower = CaptureFollower(keys, columns.append)
    for batch in CaptureFile("it", Bytes(data), keys):
        follower.take(batch)
    follower.finish()
    return slow, columns


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("small") / "capture"


@pytest.mark.parametrize("path", PCAPS, ids=lambda path: path.stem)
def test_recorded(path):
    data = path.read_bytes()
    assert at_once(path) == by_columns(path, data)
    slow, columns = followed(path, data)
    assert slow == columns
    assert slow


def every_block(order):
    """A section with blocks of every kind, and another in the other byte order."""
    data = section(order) + interface(order, snap=4, resolution=9) + interface(order, link=113)
    data += simple(b"early", order) + old(7, b"old", order, number=1) + simple(b"tiny", order)
    data += enhanced(2**40, b"data", order, number=1) + block(4, bytes(8), order)
    data += secrets(KEY_LINE + b"\nnonsense\n", order)
    other = ">" if order == "<" else "<"
    data += section(other) + interface(other, link=101) + enhanced(3, b"c", other)
    return data


CAPTURES = {
    **{f"pcap{order}": pcap(FRAMES, order=order) for order in "<>"},
    "nanoseconds": pcap(FRAMES, nanoseconds=True),
    **{f"pcapng{order}": every_block(order) for order in "<>"},
    "no interface": section() + enhanced(1, b"x"),
    "simple without interface": section() + simple(b"x"),
    "two lengths": section() + interface() + enhanced(1, b"x")[:-4] + b"\x01\0\0\0",
    "beyond the block": section()
    + interface()
    + enhanced(1, b"x").replace(b"\x01\0\0\0\x01\0\0\0x", b"\x09\0\0\0\x01\0\0\0x"),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_every_cut(name, place):
    data = CAPTURES[name]
    for size in range(len(data) + 1):
        place.write_bytes(data[:size])
        found = at_once(place)
        expected = by_columns(place, data[:size])
        assert found == expected or (found is None and size < 4)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_bytes(place, data):
    whole = bytearray(data.draw(st.sampled_from([*CAPTURES.values(), PCAPS[0].read_bytes()])))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    place.write_bytes(whole)
    assert at_once(place) == by_columns(place, whole)


@given(
    resolution=st.integers(0, 255),
    offset=st.integers(-(2**63), 2**63 - 1),
    ticks=st.integers(0, 2**64 - 1),
)
@settings(max_examples=200, deadline=None)
def test_any_clock(place, resolution, offset, ticks):
    data = section() + interface(resolution=resolution, offset=offset) + enhanced(ticks, b"x")
    place.write_bytes(data)
    assert at_once(place) == by_columns(place, data)


def test_others_are_left_to_the_columns(tmp_path, monkeypatch):
    path = tmp_path / "a"
    assert small_capture(path, KeyLog()) is None
    assert small_capture(tmp_path, KeyLog()) is None
    for data in (b"", b"\x1f\x8b packed", b"hello"):
        path.write_bytes(data)
        assert small_capture(path, KeyLog()) is None
    path.write_bytes(pcap(FRAMES[:1] * (FEW_PACKETS + 1)))
    assert small_capture(path, KeyLog()) is None
    path.write_bytes(pcap(FRAMES[:1] * FEW_PACKETS))
    assert len(small_capture(path, KeyLog()).frames) == FEW_PACKETS
    monkeypatch.setattr(module, "SMALL_BYTES", 1000)
    assert small_capture(path, KeyLog()) is None
