"""What is kept of an answer to a half-close, and of which."""

import pytest

from tests.wire.forge import ALERT, CLOSE_NOTIFY, DATA, Forged, key_log
from tests.wire.playbook import follow_extents
from tlsclose.wire.answer import KEPT_BYTES, Answer

REQUEST, GOODBYE = ("client", DATA, b"GET /"), ("client", ALERT, CLOSE_NOTIFY)
LONG = b"x" * 9000


def answer(*records, without=()):
    forged = Forged().shaken()
    for record in records:
        forged.seal(*record)
    return follow_extents(forged.flights, key_log(*without)).answer


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        ([], Answer()),
        ([b"HTTP"], Answer(b"HTTP", 4)),
        ([b"HTTP", b"/1.1"], Answer(b"HTTP/1.1", 8)),
        ([LONG, LONG], Answer((LONG + LONG)[:KEPT_BYTES], 18_000)),
        ([LONG, LONG, b"end"], Answer((LONG + LONG)[:KEPT_BYTES], 18_003)),
    ],
)
def test_all_of_it_is_counted_and_its_beginning_kept(answered, expected):
    found = answer(REQUEST, GOODBYE, *(("server", DATA, data) for data in answered))
    assert found == expected
    assert found.whole is (found.size <= KEPT_BYTES)


@pytest.mark.parametrize(
    "records",
    [
        (GOODBYE, ("server", DATA, b"unasked")),
        (REQUEST, ("server", DATA, b"some"), GOODBYE, ("server", DATA, b"more")),
        (REQUEST, ("server", DATA, b"all"), ("server", ALERT, CLOSE_NOTIFY), GOODBYE),
        (("server", ALERT, CLOSE_NOTIFY), REQUEST),
    ],
    ids=["nothing asked", "something had come", "the server first", "the server alone"],
)
def test_any_other_close_keeps_nothing(records):
    assert answer(*records) is None


def test_nothing_is_kept_without_keys():
    records = (REQUEST, GOODBYE, ("server", DATA, b"HTTP"))
    assert answer(*records, without=("client", "server")) is None
    assert answer(*records, without=("server",)) == Answer()


def test_behind_what_was_not_opened_only_the_size_counts():
    found = Answer()
    found.take(b"abc")
    found.skip(10)
    found.take(b"def")
    assert (found.begins, found.size, found.whole) == (b"abc", 16, False)
