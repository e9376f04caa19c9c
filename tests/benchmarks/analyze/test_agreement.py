"""Two readings of one capture, made up; nothing here is captured or timed."""

import pytest

pytest.importorskip("fcntl", reason="the benchmarks are for POSIX")

from tests.benchmarks.analyze import ours, tshark
from tests.benchmarks.analyze.agreement import Reading, Seen, Sign, compare

CLIENT, SERVER = "10.0.0.1:50000", "10.0.0.2:443"
ANSWER = (
    "6\t0\t10.0.0.2\t\t443\t0x0018\t\t0x0303\t0x0304\n",
    "9\t0\t10.0.0.2\t\t443\t0x0019\t0\t\t\n",
    "11\t0\t10.0.0.1\t\t50000\t0x0014\t\t\t\n",
    "20\t3\t\tfd00::2\t443\t0x0018\t\t0x0303\t\n",
    "21\t3\t\tfd00::2\t443\t0x0018\t20,0\t\t\n",
    "22\t3\t\tfd00::1\t40000\t0x0018\t\t\t\n",
)
REPORTS = (
    {
        "connection": {"client": CLIENT, "server": SERVER, "stream": 0},
        "tls": {"version": "1.3"},
        "events": [
            {"kind": "handshake", "sender": "server", "packet": 6},
            {"kind": "close_notify", "sender": "server", "packet": 9},
            {"kind": "fin", "sender": "server", "packet": 9},
            {"kind": "rst", "sender": "client", "packet": 11},
        ],
    },
    {
        "connection": {"client": "[fd00::1]:40000", "server": "[fd00::2]:443", "stream": 3},
        "tls": {"version": "1.2"},
        "events": [
            {"kind": "alert", "sender": "server", "packet": 21},
            {"kind": "close_notify", "sender": "server", "packet": 21},
        ],
    },
)


def reading(*signs: tuple[str, Sign, int], version: str | None = "1.3") -> Reading:
    return Reading(
        seen=tuple(
            Seen(stream=0, sender=sender, sign=sign, packet=packet)
            for sender, sign, packet in signs
        ),
        versions={0: version} if version else {},
    )


def test_both_readings_of_one_capture_are_alike() -> None:
    theirs, mine = tshark.reading(ANSWER), ours.reading(REPORTS)
    assert set(mine.seen) == set(theirs.seen)
    assert mine.versions == theirs.versions == {0: "1.3", 3: "1.2"}
    found = compare(mine, theirs)
    assert found.differences == ()
    assert found.agreed == {
        "close_notify": 2,
        "alert": 1,
        "fin": 1,
        "rst": 1,
        "version of a stream": 2,
    }


BOTH = ((SERVER, Sign.CLOSE_NOTIFY, 7), (SERVER, Sign.FIN, 8))


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        (BOTH[1:], BOTH, "stream 0, close_notify from 10.0.0.2:443"),
        (BOTH, BOTH[:1], "packets [8] in ours, [] in theirs"),
        (BOTH, (BOTH[0], (CLIENT, Sign.FIN, 8)), "fin from 10.0.0.1:50000: packets []"),
        (BOTH, (BOTH[0], (SERVER, Sign.FIN, 6)), "packets [8] in ours, [6] in theirs"),
        (BOTH, (*BOTH, BOTH[0]), "packets [7] in ours, [7, 7] in theirs"),
    ],
)
def test_each_difference_is_told(
    mine: tuple[tuple[str, Sign, int], ...], theirs: tuple[tuple[str, Sign, int], ...], said: str
) -> None:
    found = compare(reading(*mine), reading(*theirs))
    assert said in "\n".join(found.differences)
    assert found.differences[0] in str(found)


def test_versions_differ() -> None:
    found = compare(reading(*BOTH), reading(*BOTH, version="1.2"))
    assert found.differences == ("stream 0: TLS 1.3 in ours, 1.2 in theirs",)


def test_a_fin_sent_again_ends_nothing() -> None:
    found = compare(reading(*BOTH), reading(*BOTH, (SERVER, Sign.FIN, 12)))
    assert found.differences == ()
    assert found.repeated == {"fin": 1}


def test_only_what_carries_no_tls_may_be_left_out() -> None:
    plain = reading((SERVER, Sign.FIN, 4), version=None)
    assert compare(Reading(), plain).differences == ()
    told = reading((SERVER, Sign.FIN, 4), (SERVER, Sign.ALERT, 3), version=None)
    assert len(compare(Reading(), told).differences) == 1
