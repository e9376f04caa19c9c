"""One direction's bytes: any order, duplicates, overlaps, wrap, holes and the bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.core.event import Loss
from tlsclose.wire import reassembly
from tlsclose.wire.reassembly import Chunk, HalfStream, Held, Missing, Stamp

NOW = Stamp(7, 1)
LATER = Stamp(9, 2)


def stream(base=0):
    half = HalfStream(Held())
    half.begin(base)
    return half


def text(chunks):
    return b"".join(chunk.data for chunk in chunks)


@given(st.data())
def test_any_order_with_copies_and_overlaps_gives_the_stream(data):
    whole = bytes(range(data.draw(st.integers(1, 250))))
    base = data.draw(st.sampled_from([0, 5, 2**31 - 50, 2**32 - 1, 2**32 - 100]))
    spans = data.draw(
        st.lists(st.tuples(st.integers(0, len(whole)), st.integers(1, 40)), max_size=12)
    )
    pieces = [(start, min(start + size, len(whole))) for start, size in spans]
    cover = [(at, min(at + 16, len(whole))) for at in range(0, len(whole), 16)]
    half = stream(base)
    found = b""
    for start, end in data.draw(st.permutations(pieces + cover)):
        found += text(half.push(NOW, (base + start) % 2**32, whole[start:end], 0))
    assert found == whole
    assert half.close(NOW, 0) == []


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20)), max_size=12))
def test_the_first_copy_of_each_byte_wins(segments):
    half = stream()
    found = b""
    first = {}
    for start, data in segments:
        for index, byte in enumerate(data, start):
            first.setdefault(index, byte)
        found += text(half.push(NOW, start, data, 0))
    rest = half.close(NOW, 0)
    holes = sum(item.size for item in rest if isinstance(item, Missing))
    found += text(item for item in rest if isinstance(item, Chunk))
    assert found == bytes(first[index] for index in sorted(first))
    assert holes == (max(first) + 1 - len(first) if first else 0)


def test_bytes_behind_a_hole_come_with_the_packet_that_filled_it():
    half = stream()
    assert half.push(NOW, 5, b"world", 0) == []
    assert half.push(LATER, 0, b"hello", 0) == [
        Chunk(LATER, 0, b"hello", 0),
        Chunk(LATER, 5, b"world", 0),
    ]
    assert half.reordered == 1


@pytest.mark.parametrize(
    ("acknowledged", "expected"),
    [
        (0, [(4, Loss.UNSEEN)]),
        (4, [(4, Loss.NOT_CAPTURED)]),
        (9, [(4, Loss.NOT_CAPTURED)]),
        (1, [(1, Loss.NOT_CAPTURED), (3, Loss.UNSEEN)]),
    ],
)
def test_the_other_sides_acknowledgement_tells_what_became_of_a_hole(acknowledged, expected):
    half = stream()
    half.push(NOW, 4, b"world", 0)
    half.acknowledge(acknowledged)
    rest = half.close(LATER, 0)
    assert [(item.size, item.loss) for item in rest if isinstance(item, Missing)] == expected
    assert text(item for item in rest if isinstance(item, Chunk)) == b"world"


@pytest.mark.parametrize(
    ("edges", "loss"),
    [
        ((4, 9), Loss.NEVER_ARRIVED),
        ((8, 9, 4, 5), Loss.NEVER_ARRIVED),
        ((2, 9), Loss.UNSEEN),
        ((1, 2, 4, 9), Loss.UNSEEN),
        ((), Loss.UNSEEN),
    ],
)
def test_a_hole_is_a_loss_where_the_other_side_says_that_it_has_one(edges, loss):
    half = stream()
    half.push(NOW, 4, b"world", 0)
    half.note_sack(edges)
    [hole, _] = half.close(LATER, 0)
    assert (hole.size, hole.loss) == (4, loss)


@pytest.mark.parametrize(
    ("fin", "acknowledged", "reset", "missing"),
    [(8, 0, 0, 3), (5, 6, 0, 0), (None, 0, 9, 4), (None, 9, 0, 4), (5, 0, 6, 0), (None, 0, 0, 0)],
)
def test_the_end_is_where_the_fin_or_the_last_number_seen_is(fin, acknowledged, reset, missing):
    half = stream()
    half.push(NOW, 0, b"hello", 0)
    half.acknowledge(acknowledged)
    if fin is not None:
        assert half.finish_at(NOW, fin)
        assert not half.finish_at(LATER, fin)
    assert sum(item.size for item in half.close(LATER, reset)) == missing


def test_truncated_bytes_travel_with_their_chunk():
    half = stream()
    assert half.push(NOW, 0, b"ab", 3) == [Chunk(NOW, 0, b"ab", 3)]
    assert half.push(NOW, 5, b"cd", 0) == [Chunk(NOW, 5, b"cd", 0)]


def test_only_copies_count_as_retransmitted():
    half = stream()
    half.push(NOW, 0, b"hello", 0)
    half.push(NOW, 0, b"hello", 0)
    half.push(NOW, 4, b"o", 0)
    half.push(NOW, 5, b"", 0)
    assert half.retransmitted == 1


def test_numbers_beyond_any_window_are_not_ours():
    half = stream()
    half.acknowledge(2**30 + 1)
    assert half.push(NOW, 2**30, b"xx", 0) == []
    assert (half.acknowledged, half.close(NOW, 0)) == (0, [])


@pytest.mark.parametrize(
    ("bound", "size"), [("MAX_WAITING_BYTES", 100), ("MAX_WAITING_CHUNKS", 10)]
)
def test_what_waits_behind_a_hole_is_bounded(monkeypatch, bound, size):
    monkeypatch.setattr(reassembly, bound, size)
    half = stream()
    for at in range(0, 240, 20):
        half.push(NOW, 1 + at, bytes(10), 0)
    assert half.overflowing()
    found = []
    while half.overflowing():
        found += half.give_up_hole()
    assert found[:2] == [Missing(NOW, 1, Loss.UNSEEN), Chunk(NOW, 1, bytes(10), 0)]


def test_what_waits_in_all_streams_together_is_bounded(monkeypatch):
    monkeypatch.setattr(reassembly, "MAX_HELD_BYTES", 10 * reassembly.CHUNK_BYTES)
    held = Held()
    streams = [HalfStream(held) for _ in range(20)]
    given_up = []
    for number, half in enumerate(streams):
        half.begin(0)
        half.push(NOW, 1, b"x", 0)
        while half.overflowing():
            given_up.append(number)
            half.give_up_hole()
    assert given_up == list(range(9, 20))
    assert held.bytes <= 10 * reassembly.CHUNK_BYTES
    for half in streams:
        half.close(NOW, 0)
    assert held.bytes == 0


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 30))))
def test_what_waits_is_counted_exactly(spans):
    held = Held()
    half = HalfStream(held)
    half.begin(0)
    for at, size in spans:
        half.push(NOW, at, bytes(size), 0)
        waiting = half._waiting
        assert held.bytes == sum(len(c.data) + reassembly.CHUNK_BYTES for c in waiting)
    half.close(NOW, 0)
    assert held.bytes == 0


def test_an_empty_segment_tells_where_its_sender_stands():
    half = stream()
    half.push(NOW, 0, b"hello", 0)
    assert half.push(NOW, 4, b"", 0) == []
    assert half.close(LATER, 0) == []
    assert half.push(NOW, 9, b"", 0) == []
    assert half.close(LATER, 0) == [Missing(LATER, 4, Loss.UNSEEN)]
