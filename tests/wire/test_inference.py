"""What is made of the last sealed records of a side: by length, by neighbours, by habit."""

import pytest

from tests.wire.forge import ALERT, CLIENT, CLOSE_NOTIFY, DATA, HANDSHAKE, SERVER, Forged, message
from tests.wire.playbook import follow_extents, story

JSSE = 16
"""Zeros that JSSE adds to every alert."""
USER_CANCELED = b"\x01\x5a"
FINISHED = 20
SEALED = "record sealed (inferred)"
SIZED = "record sealed, the size of an alert (inferred)"
PADDED = "record sealed, perhaps a padded alert (inferred)"
CLOSED = "close_notify (inferred)"


def words(forged, side):
    """A side's events since the handshake, of which no key is known."""
    told = story(follow_extents(forged.flights))
    return [
        line.removeprefix(f"{side} ")
        for line in told[told.index("client handshake complete (inferred)") + 1 :]
        if line.startswith(str(side))
    ]


def exchange():
    return Forged().shaken().seal("client", DATA, b"GET /").seal("server", DATA, b"x" * 98)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([(ALERT, CLOSE_NOTIFY, 0)], [SEALED, CLOSED]),
        ([(ALERT, CLOSE_NOTIFY, JSSE)], [SEALED, PADDED]),
        ([(ALERT, USER_CANCELED, JSSE), (ALERT, CLOSE_NOTIFY, JSSE)], [SEALED, CLOSED]),
        ([(DATA, b"x" * 34, 0)], [SEALED]),
        ([(DATA, b"x" * 600, 0)], [SEALED]),
        ([(ALERT, CLOSE_NOTIFY, 0), (DATA, b"late", 0)], [SEALED, SIZED, SEALED]),
        ([(ALERT, CLOSE_NOTIFY, 0), (ALERT, CLOSE_NOTIFY, 0)], [SEALED, SIZED, CLOSED]),
        ([(ALERT, CLOSE_NOTIFY, JSSE), (DATA, b"late", 0)], [SEALED]),
    ],
)
def test_the_last_record_of_a_side(records, expected):
    forged = exchange()
    for content_type, plaintext, padding in records:
        forged.seal("server", content_type, plaintext, padding)
    found = words(forged, SERVER)
    assert [line for at, line in enumerate(found) if [line] != found[at - 1 : at]] == expected


def test_java_answers_close_notify_with_one_padded_alert():
    forged = exchange().seal("client", ALERT, CLOSE_NOTIFY)
    forged.seal("server", ALERT, CLOSE_NOTIFY, JSSE)
    assert (words(forged, CLIENT)[-1], words(forged, SERVER)[-1]) == (CLOSED, CLOSED)


@pytest.mark.parametrize(("block", "expected"), [(64, PADDED), (8, SEALED)])
def test_records_padded_to_blocks_may_hold_an_alert(block, expected):
    forged = Forged().server_flight()
    for name, content_type, plaintext in (
        ("client handshake", HANDSHAKE, message(FINISHED, bytes(32))),
        ("client", DATA, b"x" * 99),
        ("client", ALERT, CLOSE_NOTIFY + bytes(60)),
    ):
        forged.seal(name, content_type, plaintext, -(len(plaintext) + 1) % block)
    assert words(forged, CLIENT)[-1] == expected
