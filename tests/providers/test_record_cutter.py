"""Records are found again however the stream was cut."""

from hypothesis import given
from hypothesis import strategies as st

from tlsclose.providers._record_cutter import RecordCutter

bodies = st.lists(st.binary(max_size=40), max_size=6)


def record(body: bytes) -> bytes:
    return b"\x17\x03\x03" + len(body).to_bytes(2) + body


def test_one_record_at_a_time():
    cutter = RecordCutter()
    data = record(b"abc") + record(b"") + record(b"de")
    sizes = []
    while data:
        size = cutter.cut(data)
        sizes.append(size)
        data = data[size:]
    assert sizes == [8, 5, 7]


@given(bodies=bodies, pieces=st.lists(st.integers(1, 30), max_size=40))
def test_no_cut_crosses_the_end_of_a_record(bodies, pieces):
    stream = b"".join(map(record, bodies))
    ends, at = set(), 0
    for body in bodies:
        at += len(record(body))
        ends.add(at)
    cutter, at, found = RecordCutter(), 0, set()
    for piece in [*pieces, *[30] * len(stream)]:
        chunk = stream[at : at + piece]
        while chunk:
            size = cutter.cut(chunk)
            assert not any(at < end < at + size for end in ends)
            at, chunk = at + size, chunk[size:]
            found.add(at)
    assert ends <= found


@given(noise=st.binary(min_size=1, max_size=200))
def test_any_bytes_make_progress(noise):
    cutter = RecordCutter()
    while noise:
        size = cutter.cut(noise)
        assert 0 < size <= len(noise)
        noise = noise[size:]
