"""Handshake messages: split anywhere, joined, and too long to keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.forge import CLIENT_HELLO, FINISHED, message
from tlsclose.wire.messages import MAX_KEPT_BYTES, Message, MessageReader

MESSAGES = st.lists(st.tuples(st.sampled_from([1, 2, 8, 11, 20, 99]), st.binary(max_size=30)))


@given(MESSAGES, st.integers(1, 50))
def test_any_cut_yields_the_same_messages(messages, step):
    stream = b"".join(message(kind, body) for kind, body in messages)
    reader = MessageReader()
    found = [
        item for at in range(0, len(stream), step) for item in reader.feed(stream[at : at + step])
    ]
    kept = {1, 2, 8}
    assert found == [Message(kind, body if kind in kept else None) for kind, body in messages]
    assert not reader.partial


@pytest.mark.parametrize(
    ("kind", "name"), [(1, "client_hello"), (24, "key_update"), (99, "message-99")]
)
def test_names(kind, name):
    assert Message(kind, None).name == name


def test_a_body_beyond_the_bound_is_not_kept():
    reader = MessageReader()
    size = MAX_KEPT_BYTES + 1
    found = [*reader.feed(message(CLIENT_HELLO, bytes(size)) + message(FINISHED))]
    assert found == [Message(CLIENT_HELLO, None), Message(FINISHED, None)]


def test_reset_forgets_half_a_message():
    reader = MessageReader()
    assert list(reader.feed(message(FINISHED, bytes(9))[:6])) == []
    reader.reset()
    assert [found.kind for found in reader.feed(message(CLIENT_HELLO))] == [CLIENT_HELLO]
