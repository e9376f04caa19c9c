"""Columns say of every packet what `packets.decode` says."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.captures import ethernet
from tlsclose.wire.batch import Batch
from tlsclose.wire.columns import address, tcp_columns
from tlsclose.wire.frame import Frame
from tlsclose.wire.packets import Segment, decode

SEGMENT = Segment(
    src=("192.0.2.1", 50000),
    dst=("198.51.100.2", 443),
    seq=4_000_000_000,
    ack=77,
    flags=0x18,
    payload=b"payload",
    window=501,
    truncated=0,
)
PLAIN = ethernet(SEGMENT)
IP4, TCP = PLAIN[14:], PLAIN[34:]
IP6 = struct.pack("!IHBB", 6 << 28, len(TCP), 6, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" + TCP
OPTIONS6 = struct.pack("!IHBB", 6 << 28, len(TCP) + 8, 0, 64) + IP6[8:40] + b"\6" + bytes(7) + TCP
LONG4 = b"\x46" + IP4[1:2] + struct.pack("!H", len(IP4) + 4) + IP4[4:20] + bytes(4) + TCP
UNSIZED = IP4[:2] + bytes(2) + IP4[4:]
VLAN = bytes(12) + b"\x88\xa8\0\1\x81\0\0\2\x08\0" + IP4

FRAMES = {
    "ethernet": (1, PLAIN),
    "vlan": (1, VLAN),
    "vlan6": (1, bytes(12) + b"\x81\0\0\2\x86\xdd" + IP6),
    "too many tags": (1, bytes(12) + b"\x81\0\0\2" * 6 + b"\x08\0" + IP4),
    "ip options": (101, LONG4),
    "no length": (101, UNSIZED),
    "ipv6": (101, IP6),
    "ipv6 options": (101, OPTIONS6),
    "cooked": (113, bytes(14) + b"\x08\0" + IP4),
    "cooked 2": (276, b"\x86\xdd" + bytes(18) + IP6),
    "null": (0, b"\2\0\0\0" + IP4),
    "loop": (108, b"\0\0\0\x18" + IP6),
    "unknown link": (147, PLAIN),
    "udp": (101, IP4[:9] + b"\x11" + IP4[10:]),
    "fragment": (101, IP4[:6] + b"\x20\0" + IP4[8:]),
    "short": (101, IP4[:30]),
    "empty": (1, b""),
    "trailer": (1, PLAIN + bytes(9)),
    "bad offset": (101, IP4[:32] + b"\xf0" + IP4[33:]),
}


def batch_of(frames):
    buffer = bytearray()
    starts = []
    for frame in frames:
        starts.append(len(buffer))
        buffer += frame.data
    buffer += bytes([0x45]) * 128
    return Batch(
        buffer=buffer,
        start=np.array(starts, np.int64),
        captured=np.array([len(frame.data) for frame in frames], np.int64),
        original=np.array([frame.original_length for frame in frames], np.int64),
        at_ns=np.array([frame.at_ns for frame in frames], np.int64),
        link=np.array([frame.link_type for frame in frames], np.int64),
        first=1,
    )


def segments(frames):
    """What the columns hold, by position."""
    batch = batch_of(frames)
    columns = tcp_columns(batch)
    found = {}
    for row in range(len(columns)):
        index = int(columns.index[row])
        if index in columns.single:
            found[index] = columns.single[index]
            continue
        start, size = int(columns.start[row]), int(columns.size[row])
        ends = [
            address(*(int(column[row]) for column in end))
            for end in (
                (columns.src_high, columns.src, columns.src_port),
                (columns.dst_high, columns.dst, columns.dst_port),
            )
        ]
        found[index] = Segment(
            *ends,
            int(columns.seq[row]),
            int(columns.ack[row]),
            int(columns.flags[row]),
            bytes(batch.buffer[start : start + size]),
            int(columns.window[row]),
            int(columns.truncated[row]),
        )
    assert list(found) == sorted(found)
    return found


def expected(frames):
    decoded = {index: decode(frame) for index, frame in enumerate(frames)}
    return {index: segment for index, segment in decoded.items() if segment is not None}


def frame(link, data, more=0):
    return Frame(at_ns=0, link_type=link, data=data, original_length=len(data) + more)


@pytest.mark.parametrize("name", FRAMES)
def test_one_kind(name):
    frames = [frame(*FRAMES[name])] * 3
    assert segments(frames) == expected(frames)


def test_all_kinds_together():
    frames = [frame(*FRAMES[name]) for name in FRAMES] * 2
    assert segments(frames) == expected(frames)
    assert len(segments(frames)) == 2 * 13


def test_every_cut():
    frames = [
        frame(link, data[:cut], len(data) - cut)
        for link, data in FRAMES.values()
        for cut in range(len(data))
    ]
    assert segments(frames) == expected(frames)


@given(st.data())
@settings(max_examples=200)
def test_any_change(data):
    frames = []
    for _ in range(data.draw(st.integers(1, 5))):
        link, whole = FRAMES[data.draw(st.sampled_from(sorted(FRAMES)))]
        changed = bytearray(whole)
        for _ in range(data.draw(st.integers(0, 4))):
            if changed:
                at = data.draw(st.integers(0, len(changed) - 1))
                changed[at] = data.draw(st.integers(0, 255))
        frames.append(frame(link, bytes(changed), data.draw(st.integers(-5, 5))))
    assert segments(frames) == expected(frames)
