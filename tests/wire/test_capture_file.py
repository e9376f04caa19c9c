"""Readers of capture files: every shape, every cut, any bytes."""

import gzip
import os
import threading
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.captures import (
    AT,
    NAMES,
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
from tlsclose.errors import CaptureFileError
from tlsclose.wire.capture_file import CaptureFile, open_capture
from tlsclose.wire.keylog import KeyLog

FRAMES = [(AT, b"first frame", 11), (AT + SECOND, b"second, cut", 60), (AT + 2 * SECOND, b"", 0)]
TIMES = [at for at, _, _ in FRAMES]
KEY_LINE = b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48


class Bytes:
    """A source that gives a few bytes at a time."""

    live = False

    def __init__(self, data, step):
        self.data = memoryview(data)
        self.step = step

    def fill(self, into):
        part = self.data[: min(self.step, len(into))]
        into[: len(part)] = part
        self.data = self.data[len(part) :]
        return len(part)


def read(data, *, step=2**20, buffer_bytes=64):
    """What a reader makes of the bytes: (at_ns, data, original, link) of each packet."""
    keys = KeyLog()
    capture = CaptureFile("it", Bytes(data, step), keys, buffer_bytes=buffer_bytes)
    packets = []
    for batch in capture:
        assert batch.first == len(packets) + 1
        for at in range(len(batch)):
            start, size = int(batch.start[at]), int(batch.captured[at])
            payload = bytes(batch.buffer[start : start + size])
            about = (int(batch.at_ns[at]), payload, int(batch.original[at]), int(batch.link[at]))
            packets.append(about)
    assert capture.packets == len(packets)
    return packets, capture, keys


def ng(order="<", ticks=1, **options):
    """A block file with the same frames; `ticks` nanoseconds each."""
    parts = [section(order), interface(order, **options), block(NAMES, bytes(8), order)]
    for at_ns, data, original in FRAMES:
        parts += [enhanced(at_ns // ticks, data, order, original=original)]
    return b"".join(parts)


EXPECTED = [(at, data, original, 1) for at, data, original in FRAMES]


@pytest.mark.parametrize("step", [1, 7, 2**20])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap(order, nanoseconds, step):
    data = pcap(FRAMES, order=order, nanoseconds=nanoseconds)
    packets, capture, _ = read(data, step=step)
    assert packets == EXPECTED
    assert capture.damage is None


@pytest.mark.parametrize("step", [1, 7, 2**20])
@pytest.mark.parametrize("order", "<>")
def test_pcapng(order, step):
    packets, capture, _ = read(ng(order, resolution=9), step=step)
    assert packets == EXPECTED
    assert capture.damage is None


@pytest.mark.parametrize(
    ("resolution", "ticks", "at_ns"),
    [
        (None, 7, 7000),
        (3, 7, 7_000_000),
        (0, 7, 7 * SECOND),
        (12, 7999, 7),
        (0x80 | 10, 1024 + 512, SECOND + SECOND // 2),
        (0x80 | 40, 2**40 + 2**39, SECOND + SECOND // 2),
        (0x80 | 127, 2**63, 0),
        (127, 2**63, 0),
        (0, 2**63, 2**62 // SECOND * SECOND),
        (9, 2**64 - 1, 2**62),
    ],
)
def test_time_resolution(resolution, ticks, at_ns):
    data = section() + interface(resolution=resolution) + enhanced(ticks, b"x")
    assert read(data)[0] == [(at_ns, b"x", 1, 1)]


@pytest.mark.parametrize(("offset", "at_ns"), [(10, 10 * SECOND + 5), (-10, 5 - 10 * SECOND)])
def test_time_offset(offset, at_ns):
    data = section() + interface(resolution=9, offset=offset) + enhanced(5, b"x")
    assert read(data)[0] == [(at_ns, b"x", 1, 1)]


def test_interfaces_and_sections():
    data = section() + interface(link=113, resolution=9) + interface(link=1)
    data += enhanced(1, b"a", number=1) + enhanced(2, b"b", number=0)
    data += section(">") + interface(">", link=101, resolution=9) + enhanced(3, b"c", ">")
    packets, capture, _ = read(data)
    assert packets == [(1000, b"a", 1, 1), (2, b"b", 1, 113), (3, b"c", 1, 101)]
    assert capture.damage is None


@pytest.mark.parametrize("order", "<>")
def test_other_packet_blocks(order):
    data = section(order) + interface(order, snap=4, resolution=9)
    data += simple(b"early", order) + old(7, b"old", order) + simple(b"tiny", order)
    data += simple(b"cut!", order, original=90)
    packets, capture, _ = read(data)
    assert packets == [
        (0, b"earl", 5, 1),
        (7, b"old", 3, 1),
        (7, b"tiny", 4, 1),
        (7, b"cut!", 90, 1),
    ]
    assert capture.damage is None


def test_embedded_secrets():
    text = KEY_LINE + b"\nnonsense\n"
    _, capture, keys = read(section() + secrets(text) + interface() + enhanced(1, b"x"))
    assert keys.lines() == (KEY_LINE.decode(),)
    assert capture.warnings == ["it: embedded key log, line 2: not a key log line, ignored"]


def test_large_blocks_that_nobody_needs_take_no_room():
    data = section() + block(0x0BAD, bytes(100_000)) + interface(resolution=9) + enhanced(1, b"x")
    capture = CaptureFile("it", Bytes(data, 1000), KeyLog(), buffer_bytes=128)
    (batch,) = capture
    assert len(batch) == 1
    assert len(batch.buffer) < 1000


@pytest.mark.parametrize(
    ("tail", "what"),
    [
        (block(6, bytes(20))[:-1] + b"\x01", "contradicts itself"),
        (enhanced(1, b"x", number=5), "a packet of no interface"),
        (b"\x06\0\0\0\xff\xff\xff\xff" + bytes(40), "a block of 4294967295 bytes"),
        (b"\x06\0\0\0\0\0\0\0" + bytes(40), "a block of 0 bytes"),
        (b"\x06\0\0\0\xf0\xff\xff\xff" + bytes(40), "a packet of 4294967280 bytes"),
        (b"\x0a\0\0\0\xf0\xff\xff\xff" + bytes(40), "a block of 4294967280 bytes"),
        (block(0x0A0D0D0A, bytes(16)), "a section of unknown byte order"),
        (enhanced(1, b"whole")[:-3], "breaks off"),
        (b"\x06", "breaks off"),
    ],
)
def test_damaged_blocks(tail, what):
    data = ng(resolution=9)
    packets, capture, _ = read(data + tail)
    assert packets == EXPECTED
    assert capture.damage.startswith(f"it: byte {len(data)}: ")
    assert what in capture.damage


@pytest.mark.parametrize(
    ("tail", "what"),
    [(b"\xff" * 16, "a packet of 4294967295 bytes"), (b"\0" * 15, "breaks off")],
)
def test_damaged_pcap(tail, what):
    data = pcap(FRAMES)
    packets, capture, _ = read(data + tail)
    assert packets == EXPECTED
    assert capture.damage == f"it: byte {len(data)}: {capture.damage.split(': ', 2)[2]}"
    assert what in capture.damage


@pytest.mark.parametrize(
    ("data", "what"), [(b"", "is empty"), (b"GET / HTTP/1.1\r\n" * 4, "neither pcap nor pcapng")]
)
def test_no_capture(data, what):
    with pytest.raises(CaptureFileError, match=what):
        read(data)


@given(cut=st.integers(4, 300), which=st.sampled_from([pcap(FRAMES), ng(resolution=9)]))
def test_any_cut(cut, which):
    packets, capture, _ = read(which[:cut])
    assert packets == EXPECTED[: len(packets)]
    if cut >= len(which):
        assert capture.damage is None
        assert len(packets) == len(FRAMES)
    if capture.damage is not None:
        assert int(capture.damage.split()[2][:-1]) <= cut


@given(
    head=st.sampled_from([pcap([])[:4], pcap([]), section(), section() + interface(resolution=9)]),
    body=st.binary(max_size=300),
    step=st.sampled_from([1, 16, 1000]),
)
@settings(max_examples=300)
def test_any_bytes(head, body, step):
    packets, capture, _ = read(head + body, step=step)
    assert len(packets) <= len(body)
    assert capture.bytes_read <= len(head + body)


@given(data=st.data())
@settings(max_examples=300)
def test_any_change(data):
    whole = bytearray(ng(resolution=9) + section(">") + interface(">") + enhanced(1, b"z", ">"))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    packets, _, _ = read(bytes(whole))
    assert len(packets) <= 6


def opened(path):
    with open_capture(path, KeyLog()) as capture:
        return sum(len(batch) for batch in capture), capture


def test_plain_and_packed_files(tmp_path):
    plain, packed = tmp_path / "plain.pcap", tmp_path / "packed.pcap.gz"
    plain.write_bytes(pcap(FRAMES))
    packed.write_bytes(gzip.compress(pcap(FRAMES)))
    assert [opened(path)[0] for path in (plain, packed)] == [3, 3]


def test_zstd(tmp_path):
    path = tmp_path / "packed.pcap.zst"
    path.write_bytes(zstandard.compress(pcap(FRAMES)))
    assert opened(path)[0] == 3
    path.write_bytes(zstandard.compress(pcap(FRAMES)) + b"junk")
    count, capture = opened(path)
    assert count == 3
    assert "no more can be read" in capture.damage


def test_zstd_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tlsclose.wire.zstd_source", None)
    path = tmp_path / "packed.pcap.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(40))
    with pytest.raises(CaptureFileError, match="zstandard"):
        opened(path)


def test_gzip_that_breaks_off(tmp_path):
    path = tmp_path / "broken.pcap.gz"
    whole = [(AT, os.urandom(1000), 1000) for _ in range(100)]
    path.write_bytes(gzip.compress(pcap(whole))[:50_000])
    count, capture = opened(path)
    assert 40 < count < 50
    assert "no more can be read" in capture.damage
    assert str(path) in capture.damage


def test_missing_file(tmp_path):
    with pytest.raises(CaptureFileError, match="cannot open"):
        opened(tmp_path / "missing.pcap")


@pytest.mark.posix("named pipes in the file system")
def test_a_pipe_delivers_before_it_ends(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = pcap(FRAMES)
    seen = threading.Event()

    def write():
        with Path(path).open("wb", buffering=0) as pipe:
            pipe.write(data[:60])
            seen.wait(20)
            pipe.write(data[60:])

    writer = threading.Thread(target=write)
    writer.start()
    with open_capture(path, KeyLog()) as capture:
        assert capture.live
        count = 0
        for batch in capture:
            count += len(batch)
            seen.set()
    writer.join()
    assert count == 3
    assert capture.damage is None


@pytest.mark.parametrize(
    ("age_ms", "gone_by_ms"),
    [(900, [900, 200]), (100, [200, 200]), (4000, [200, 200]), (-50, [200, 200])],
    ids=["held back", "fresh", "an old capture", "ahead of our clock"],
)
def test_silence_counts_from_the_last_packet(monkeypatch, age_ms, gone_by_ms):
    class Source:
        live = True
        pieces = iter((pcap(FRAMES[:1]), None, None, b""))

        def fill(self, into):
            data = next(self.pieces)
            if data is None:
                return None
            into[: len(data)] = data
            return len(data)

    monkeypatch.setattr("time.time_ns", lambda: AT + age_ms * 1_000_000)
    batches = list(CaptureFile("it", Source(), KeyLog()))
    assert [len(batch) for batch in batches] == [1, 0, 0]
    assert [batch.idle_ns for batch in batches[1:]] == [ms * 1_000_000 for ms in gone_by_ms]
