import os

import pytest

from tlsclose.wire.pipe_reader import PipeReader, SelectReader, ThreadReader

READERS = [
    pytest.param(SelectReader, marks=pytest.mark.posix("only sockets can be waited for")),
    ThreadReader,
]
PATIENT_S = 20.0


@pytest.fixture
def pipe():
    """A pipe's ends. A test closes the writing one and reads to the end, where the thread stops."""
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def taken(reader: PipeReader, size: int, wait_s: float = PATIENT_S) -> bytes | None:
    into = memoryview(bytearray(size))
    count = reader.read(into, wait_s)
    return None if count is None else bytes(into[:count])


@pytest.mark.parametrize("kind", READERS)
def test_nothing_yet_then_something_then_the_end(pipe, kind):
    reader = kind(pipe[0])
    assert taken(reader, 10, 0.0) is None
    os.write(pipe[1], b"abc")
    assert taken(reader, 10) == b"abc"
    os.close(pipe.pop())
    assert taken(reader, 10) == b""
    assert taken(reader, 10, -1.0) == b""


@pytest.mark.parametrize("kind", READERS)
def test_no_more_than_there_is_room_for(pipe, kind):
    os.write(pipe[1], b"abcdef")
    reader = kind(pipe[0])
    assert [taken(reader, 4), taken(reader, 4)] == [b"abcd", b"ef"]
    os.close(pipe.pop())
    assert taken(reader, 4) == b""


def test_more_than_is_read_ahead(pipe):
    reader = ThreadReader(pipe[0])
    for _ in range(100):
        os.write(pipe[1], bytes(4096))
        got = 0
        while got < 4096:
            got += len(taken(reader, 1000))
        assert got == 4096
    os.close(pipe.pop())
    assert taken(reader, 10) == b""


def test_failure_is_raised_to_the_reader():
    readable, writable = os.pipe()
    os.close(readable)
    os.close(writable)
    with pytest.raises(OSError, match="descriptor"):
        taken(ThreadReader(readable), 10)
