"""A file mapped into memory is read as one that is copied: window by window, to the same end."""

import gzip
import mmap

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire.captures import AT, block, enhanced, interface, pcap, secrets, section, simple
from tlsclose.wire import windows
from tlsclose.wire.batch import gather
from tlsclose.wire.capture_file import open_capture
from tlsclose.wire.keylog import KeyLog

FRAMES = [(AT + at * 1_000_000, bytes([at]) * (at * 7 % 90), at * 7 % 90) for at in range(60)]
PCAP = pcap(FRAMES)
PCAPNG = (
    section()
    + interface(resolution=9)
    + secrets(b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\n")
    + block(0x0BAD, bytes(300))
    + b"".join(enhanced(at, data) + simple(b"x") for at, data, _ in FRAMES)
    + section(">")
    + interface(">", link=101)
    + interface(">", link=113, resolution=9)
    + b"".join(enhanced(at, data, ">", number=at % 2) for at, data, _ in FRAMES)
)


def read(path, *, buffer_bytes=100, **options):
    """Every batch, as one process or one of several reads it."""
    keys = KeyLog()
    with open_capture(path, keys, buffer_bytes=buffer_bytes, **options) as capture:
        told = [
            (
                batch.first,
                [batch.frame(at) for at in range(len(batch))],
                capture.bytes_read,
                len(keys.lines()),
            )
            for batch in capture
        ]
        return told, capture.damage, capture.warnings, capture.bytes_read


@pytest.mark.parametrize("data", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("buffer_bytes", [40, 100, 1000, 2**20])
def test_mapped_as_copied(tmp_path, data, buffer_bytes):
    path = tmp_path / "a"
    path.write_bytes(data)
    mapped = read(path, buffer_bytes=buffer_bytes, size=len(data))
    assert mapped == read(path, buffer_bytes=buffer_bytes)
    assert mapped[1] is None
    assert sum(len(frames) for _, frames, _, _ in mapped[0]) in {60, 180}


@given(data=st.data(), whole=st.sampled_from([PCAP, PCAPNG]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_or_cut_off(tmp_path, data, whole):
    path = tmp_path / "a"
    changed = bytearray(whole[: data.draw(st.integers(30, len(whole)))])
    for _ in range(data.draw(st.integers(0, 2))):
        changed[data.draw(st.integers(24, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(changed)
    assert read(path, size=len(changed)) == read(path)


def test_only_so_much_of_a_file_that_grows(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(PCAP + PCAP[24:])
    assert sum(len(frames) for _, frames, _, _ in read(path, size=len(PCAP))[0]) == len(FRAMES)


def test_what_is_not_mapped(tmp_path):
    path, packed = tmp_path / "a.pcap", tmp_path / "a.gz"
    path.write_bytes(PCAP)
    packed.write_bytes(gzip.compress(PCAP))
    assert isinstance(windows.mapped(path, len(PCAP)), mmap.mmap)
    assert windows.mapped(path, len(PCAP) + 1) is None
    assert windows.mapped(packed, packed.stat().st_size) is None
    assert windows.mapped(tmp_path / "none", 10) is None
    assert read(packed, size=packed.stat().st_size)[0][-1][0] > 1


@pytest.mark.parametrize("size", [0, 1, 3, 4, 50])
def test_zeros_are_gathered_beyond_the_end(size):
    buffer = bytearray(range(1, size + 1))
    at = np.array([*range(60), 10_000], np.int64)
    padded = bytes(buffer) + bytes(10_010)
    expected = [padded[place : place + 4] for place in at.tolist()]
    assert [bytes(one) for one in gather(buffer, at, 4)] == expected
    assert not len(gather(buffer, at[:0], 4))
