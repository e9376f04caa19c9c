"""Record chaining: whole, byte by byte, joined, with holes, and what is no record at all."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.core.record import MAX_CIPHERTEXT_BYTES
from tlsclose.wire.records import Record, RecordReader

RECORDS = st.lists(
    st.tuples(
        st.integers(20, 24),
        st.sampled_from([0x0300, 0x0301, 0x0303, 0x0304]),
        st.binary(max_size=40),
    ),
    max_size=8,
)


def encoded(records):
    return b"".join(
        bytes([kind]) + version.to_bytes(2) + len(body).to_bytes(2) + body
        for kind, version, body in records
    )


def everything(_content_type, _length):
    return True


def nothing(_content_type, _length):
    return False


@given(RECORDS, st.lists(st.integers(0, 400)), st.binary(max_size=4))
def test_any_cut_yields_the_same_records(records, cuts, rest):
    stream = encoded(records) + (b"\x17\x03\x03\x01\x00" + rest)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = RecordReader(everything)
    found = [record for start, end in pairwise(edges) for record in reader.feed(stream[start:end])]
    assert found == [Record(kind, version, len(body), body) for kind, version, body in records]
    assert reader.partial
    assert reader.broken is None


@given(RECORDS)
def test_bodies_that_nobody_wants_are_counted_only(records):
    reader = RecordReader(nothing)
    found = list(reader.feed(encoded(records)))
    assert [(record.length, record.body) for record in found] == [
        (len(body), None) for _, _, body in records
    ]
    assert not reader.partial


def test_what_is_wanted_is_asked_after_the_record_before_was_handled():
    handled = []
    reader = RecordReader(lambda _kind, _length: not handled)
    stream = reader.feed(encoded([(22, 0x0303, b"one"), (22, 0x0303, b"two")]))
    handled.append(next(stream).body)
    handled.append(next(stream).body)
    assert handled == [b"one", None]


@pytest.mark.parametrize(
    "header",
    [
        b"HTTP/",
        b"\x19\x03\x03\x00\x01",
        b"\x13\x03\x03\x00\x01",
        b"\x16\x02\x00\x00\x01",
        b"\x16\x03\x05\x00\x01",
        b"\x16\x03\x03" + (MAX_CIPHERTEXT_BYTES + 1).to_bytes(2),
    ],
)
@pytest.mark.parametrize("before", [[], [(22, 0x0303, b"hello")]])
def test_what_is_no_record_ends_the_reading(header, before):
    reader = RecordReader(everything)
    found = list(reader.feed(encoded(before) + header + b" and more"))
    assert len(found) == len(before)
    assert reader.broken == header + b" and more"
    assert list(reader.feed(encoded([(22, 0x0303, b"late")]))) == []


@pytest.mark.parametrize(
    ("start", "foreign"),
    [(b"", b""), (b"\x16", b""), (b"\x16\x03", b""), (b"no", b"no"), (b"\x16\x02", b"\x16\x02")],
)
def test_a_start_that_no_record_has(start, foreign):
    reader = RecordReader(everything)
    assert list(reader.feed(start)) == []
    assert reader.foreign_start == foreign


class TestHoles:
    STREAM = encoded([(23, 0x0303, bytes(100)), (21, 0x0303, b"\x01\x00")])

    @pytest.mark.parametrize(("start", "end"), [(5, 105), (6, 50), (50, 105), (104, 105)])
    def test_inside_a_body_costs_the_body_only(self, start, end):
        reader = RecordReader(everything)
        found = [*reader.feed(self.STREAM[:start]), *reader.hole(end - start)]
        found += reader.feed(self.STREAM[end:])
        assert found == [Record(23, 0x0303, 100, None), Record(21, 0x0303, 2, b"\x01\x00")]

    @pytest.mark.parametrize(("start", "end"), [(0, 1), (3, 5), (3, 60), (105, 106), (50, 106)])
    def test_over_a_header_ends_the_reading(self, start, end):
        reader = RecordReader(everything)
        list(reader.feed(self.STREAM[:start]))
        assert list(reader.hole(end - start)) == []
        assert reader.broken == b""
