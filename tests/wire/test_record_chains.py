"""Record headers of many streams, chained at once: what a reader of each stream alone finds."""

from bisect import bisect_right
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.batching import batches, frames
from tests.wire.captures import AT
from tests.wire.disturbances import Packet
from tests.wire.test_records import everything
from tlsclose.core.record import HEADER_BYTES, MAX_CIPHERTEXT_BYTES
from tlsclose.wire import record_chains
from tlsclose.wire.columns import tcp_columns
from tlsclose.wire.fast_run import View
from tlsclose.wire.grouping import grouped
from tlsclose.wire.packets import Segment, TcpFlags
from tlsclose.wire.record_chains import chained
from tlsclose.wire.records import RecordReader

MOST = 40
SERVER = ("198.51.100.2", 443)
GARBAGE = b"\x16\x03\x05\x00\x01", b"\x19\x03\x03\x00\x01", b"GET /", b"\x17\x03\x03\xff\xff"


class Stream(NamedTuple):
    """A direction's segments; the first and the last one are not to be looked at."""

    segments: list[bytes]

    @property
    def read(self):
        return self.segments[1:-1]


def encoded(kind, version, length):
    """A record whose body tells places apart."""
    body = (bytes(range(256)) * (length // 256 + 1))[:length]
    return bytes([kind]) + version.to_bytes(2) + length.to_bytes(2) + body


RECORD = st.builds(
    encoded,
    st.integers(20, 24),
    st.sampled_from([0x0300, 0x0301, 0x0303, 0x0304]),
    st.integers(0, 40) | st.just(300),
)


@st.composite
def streams(draw):
    records = draw(st.lists(RECORD, max_size=8))
    if draw(st.integers(0, 3)) == 0:
        records.insert(draw(st.integers(0, len(records))), draw(st.sampled_from(GARBAGE)))
    whole = b"".join(records)
    if draw(st.booleans()):
        whole = whole[: len(whole) - draw(st.integers(0, 12))]
    edges = draw(st.lists(st.integers(0, 60) | st.integers(0, 400), max_size=12))
    limits = sorted({0, len(whole), *(edge for edge in edges if edge < len(whole))})
    parts = [whole[first:behind] for first, behind in pairwise(limits)]
    return Stream([draw(st.binary(max_size=9)), *parts, draw(st.binary(max_size=9))])


def ends(lane):
    """Two streams have a connection together."""
    client = f"192.0.2.{lane // 2 + 1}", 50_000
    return (SERVER, client) if lane & 1 else (client, SERVER)


def mixed(lanes):
    """The packets of all streams in turn."""
    packets = []
    for turn in range(max(len(lane.segments) for lane in lanes)):
        for number, lane in enumerate(lanes):
            if turn < len(lane.segments):
                src, dst = ends(number)
                seq = 2**32 - 100 + sum(map(len, lane.segments[:turn]))
                payload = lane.segments[turn]
                segment = Segment(src, dst, seq, 1, TcpFlags.ACK, payload, 65_535, 0)
                packets.append(Packet(AT + len(packets), segment))
    return packets


class Found(NamedTuple):
    """A record; segments by their place in its stream."""

    row: int
    kind: int
    version: int
    length: int
    head: int
    place: int
    position: int
    body: bytes | None


def expected(stream):
    """By a reader that is fed segment by segment; and where its rest begins."""
    reader, found, position = RecordReader(everything), [], 0
    behind = list(accumulate(map(len, stream.read), initial=0))[1:]
    for row, segment in enumerate(stream.read):
        for record in reader.feed(segment):
            place = bisect_right(behind, position)
            head = bisect_right(behind, position + HEADER_BYTES - 1)
            position += HEADER_BYTES + record.length
            body = record.body if row == place else None
            start = position - record.length
            found.append(Found(row, *record[:3], head, place, start, body))
    return found, position if reader.broken is None else -1


def by_chains(lanes):
    """The same by `chained`, for all streams at once."""
    packets = mixed(lanes)
    (batch,) = batches(frames(packets))
    groups = grouped(tcp_columns(batch), batch.at_ns)
    seen = View(batch, groups)
    sources = [packets[at].segment[:2] for at in groups.columns.index[groups.by_side].tolist()]
    first = [sources.index(ends(lane)) + 1 for lane in range(len(lanes))]
    last = [at + len(stream.read) - 1 for at, stream in zip(first, lanes, strict=True)]
    begin = [seen.end[at - 1] for at in first]
    final = [seen.end[at] for at in last]
    chains = chained(seen, np.array(begin, np.int64), np.array(final, np.int64))
    records, rest = [part.tolist() for part in chains.records], chains.rest.tolist()
    assert records[0] == sorted(records[0])
    place_of = {row: place for place, row in enumerate(seen.row)}
    found = [[] for _ in lanes]
    for row, lane, kind, version, length, head, place, position, at in zip(*records, strict=True):
        since = first[lane]
        body = None if at < 0 else bytes(batch.buffer[at : at + length])
        segments = [place_of[row] - since, place_of[head] - since, place - since]
        numbers = (kind, version, length)
        placed = (segments[1], segments[2], position - begin[lane])
        found[lane].append(Found(segments[0], *numbers, *placed, body))
    rest = [at if at < 0 else at - start for at, start in zip(rest, begin, strict=True)]
    return list(zip(found, rest, strict=True))


@given(st.lists(streams(), min_size=1, max_size=5), st.integers(1, MOST))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_streams_side_by_side(kinds, count):
    lanes = [kinds[lane % len(kinds)] for lane in range(count)]
    assert by_chains(lanes) == [expected(lane) for lane in lanes]


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, MOST])
def test_streams_of_every_length(count):
    """They come to their ends one after the other, so that few are left of many."""
    records = [encoded(20 + at % 5, 0x0303, at * 3) for at in range(MOST)]
    lanes = []
    for lane in range(count):
        whole = b"".join(records[: lane + 1]) + b"\x17\x03"
        parts = [whole[at : at + 7 + lane] for at in range(0, len(whole), 7 + lane)]
        lanes.append(Stream([b"", *parts, b""]))
    assert [len(found) for found, _ in by_chains(lanes)] == [lane + 1 for lane in range(count)]
    assert by_chains(lanes) == [expected(lane) for lane in lanes]


@pytest.mark.parametrize("other", [(23, 0x0303, 4999), (23, 0x0304, 5000), (21, 0x0303, 5000)])
@pytest.mark.parametrize("before", [0, 1, 7, 8, 9, 15, 16, 17])
def test_many_alike(before, other):
    """Records that are alike are taken together, up to one that is not."""
    alike = encoded(23, 0x0303, 5000)
    whole = alike * before + encoded(*other) + alike * 3
    parts = [whole[at : at + 1400] for at in range(0, len(whole), 1400)]
    lanes = [Stream([b"", *parts, b""])] * 20
    assert by_chains(lanes) == [expected(lane) for lane in lanes]


def test_headers_byte_by_byte():
    whole = encoded(22, 0x0301, 3) + encoded(23, 0x0303, 0) + encoded(21, 0x0303, 2)
    lanes = [Stream([b"", *(whole[at : at + 1] for at in range(len(whole))), b""])] * MOST
    assert by_chains(lanes) == [expected(lane) for lane in lanes]


@pytest.mark.parametrize("count", [1, MOST])
def test_what_is_no_record_ends_its_stream_alone(count):
    good = encoded(22, 0x0303, 10)
    lanes = [
        Stream([b"", good + (b"" if lane % 2 else GARBAGE[lane % 4]) + good, b""])
        for lane in range(count)
    ]
    found = by_chains(lanes)
    assert [rest for _, rest in found] == [30 if lane % 2 else -1 for lane in range(count)]
    assert [len(records) for records, _ in found] == [1 + lane % 2 for lane in range(count)]


@pytest.mark.parametrize("count", [1, MOST])
def test_the_longest_records(count):
    whole = encoded(23, 0x0303, MAX_CIPHERTEXT_BYTES) + encoded(21, 0x0303, 2)
    parts = [whole[at : at + 1460] for at in range(0, len(whole), 1460)]
    assert (
        by_chains([Stream([b"", *parts, b""])] * count)
        == [expected(Stream([b"", *parts, b""]))] * count
    )


@pytest.mark.parametrize("count", [1, 40])
def test_too_many_records_are_left_to_others(count, monkeypatch):
    monkeypatch.setattr(record_chains, "MAX_RECORDS", 100)
    lanes = [
        Stream([b"", encoded(23, 0x0303, 1) * (500 if lane == count - 1 else 1), b""])
        for lane in range(count)
    ]
    found = by_chains(lanes)
    assert [rest for _, rest in found] == [6] * (count - 1) + [-1]
    assert sum(len(records) for records, _ in found) <= 100


def test_no_streams():
    (batch,) = batches(frames(mixed([Stream([b"x", b"y", b"z"])])))
    seen = View(batch, grouped(tcp_columns(batch), batch.at_ns))
    none = np.zeros(0, np.int64)
    records, rest = chained(seen, none, none)
    assert (len(records.row), len(rest)) == (0, 0)
