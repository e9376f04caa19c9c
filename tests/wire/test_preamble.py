"""TLS that begins inside another protocol: found exactly, in any pieces, or rightly not at all."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.dialogues import REFUSALS, UPGRADES
from tests.wire.forge import client_hello, server_hello
from tests.wire.playbook import (
    CLIENT,
    MS,
    SERVER,
    Tcp,
    Tls,
    follow_extents,
    follow_segments,
    story,
)
from tests.wire.test_capture_follower import frames, run
from tlsclose.core.classify import judge
from tlsclose.core.event import Kind, Side
from tlsclose.core.record import TlsVersion
from tlsclose.core.verdict import Code
from tlsclose.net.observed import spoke_tls
from tlsclose.wire.dialogue import Dialogue
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.preamble import MAX_HELD_BYTES, MAX_SEARCHED_BYTES, Foreign
from tlsclose.wire.reassembly import Stamp

every_upgrade = pytest.mark.parametrize("name", UPGRADES)
every_version = pytest.mark.parametrize("version", [TlsVersion.TLS12, TlsVersion.TLS13])
steps = pytest.mark.parametrize("step", [1, 7, 10_000])


@cache
def session(version):
    tls = Tls(version).shake().send(CLIENT, b"x" * 500).send(SERVER, b"y" * 9000)
    tls.close(CLIENT).close(SERVER)
    return tuple(tls.flights), tls.keys


def cut(flights, step):
    return [
        (side, data[at : at + step]) for side, data in flights for at in range(0, len(data), step)
    ]


def joined(flights):
    """What one side says at a stretch in one piece: pipelined."""
    found = []
    for side, data in flights:
        if found and found[-1][0] is side:
            found[-1] = side, found[-1][1] + data
        else:
            found.append((side, data))
    return found


def sizes(flights):
    return {side: sum(len(data) for sender, data in flights if sender is side) for side in Side}


def packets(flights):
    return Tcp().open().flights(flights).fin(CLIENT).fin(SERVER).ack(CLIENT).segments


def code(followed):
    return judge(followed.events, version=None).verdict.code


@every_upgrade
@every_version
@steps
def test_tls_is_found(name, version, step):
    protocol, *before = UPGRADES[name]
    flights, keys = session(version)
    plain = follow_extents(cut(flights, step), keys)
    followed = follow_extents(cut([*before, *flights], step), keys)
    assert story(followed) == story(plain)
    assert [event.bytes for event in followed.events] == [event.bytes for event in plain.events]
    assert followed.preamble == protocol
    told = [
        f"{size} byte{'s' * (size > 1)} of the {side}"
        for side, size in sizes(before).items()
        if size
    ]
    assert followed.notes[0].endswith(f", after {' and '.join(told)}")


@every_upgrade
def test_pipelined(name):
    protocol, *before = UPGRADES[name]
    flights, keys = session(TlsVersion.TLS13)
    followed = follow_extents(joined([*before, *flights]), keys)
    assert story(followed) == story(follow_extents(joined(flights), keys))
    assert followed.preamble == protocol


@every_upgrade
@steps
def test_the_fast_way_finds_the_same(name, step):
    _, *before = UPGRADES[name]
    flights, keys = session(TlsVersion.TLS12)
    segments = packets([*cut(before, step), *flights])
    expected = follow_segments(segments, keys)
    assert code(expected) is Code.CLEAN
    found, _ = run(frames(segments), keys)
    told = [(item.followed.preamble, item.followed.notes, story(item.followed)) for item in found]
    assert told == [(expected.preamble, expected.notes, story(expected))]


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(
    "name", [name for name in UPGRADES if name not in ("none that is known", "proxy", "proxy 2")]
)
def test_one_direction_alone(name, side):
    protocol, *before = UPGRADES[name]
    flights, keys = session(TlsVersion.TLS12)
    followed = follow_extents([flight for flight in (*before, *flights) if flight[0] is side], keys)
    assert any(event.kind is Kind.HANDSHAKE for event in followed.events)
    bare = name in ("nntp", "sieve") and side is CLIENT
    assert followed.preamble == ("smtp" if bare else protocol)
    assert not any(event.kind is Kind.NOT_TLS for event in followed.events)


@pytest.mark.parametrize("name", ["smtp", "imap", "postgres", "http", "socks5"])
def test_in_a_capture_that_starts_inside_the_preamble(name):
    """Text is found again behind its next line; what counts bytes from the start is not named."""
    protocol, *before = UPGRADES[name]
    flights, keys = session(TlsVersion.TLS12)
    followed = follow_segments(packets([*before, *flights])[4:], keys, client=("192.0.2.1", 50000))
    assert any(event.kind is Kind.CLOSE_NOTIFY for event in followed.events)
    assert followed.preamble in (protocol, "unknown")


@pytest.mark.parametrize("name", REFUSALS)
@steps
def test_refused(name, step):
    title, word, *flights = REFUSALS[name]
    followed = follow_segments(packets(cut(flights, step)))
    assert followed.refused
    assert spoke_tls(followed)
    verdict = judge(followed.events, version=None).verdict
    assert (verdict.code, verdict.blame) == (Code.NOT_TLS, SERVER)
    assert f"{title}, which refused the upgrade ({word})" in verdict.summary
    found, _ = run(frames(packets(cut(flights, step))), KeyLog())
    assert [story(item.followed) for item in found] == [story(followed)]


@pytest.mark.parametrize(
    "flights",
    [
        [(CLIENT, b"CONNECT x:443 HTTP/1.1\r\n\r\n"), (SERVER, b"HTTP/1.1 502 No\r\n\r\n")],
        [
            (CLIENT, b"\x05\x01\x00\x05\x01\x00\x01" + bytes(6)),
            (SERVER, b"\x05\x00\x05\x05\x00\x01" + bytes(6)),
        ],
        [(SERVER, b"220 mail\r\n"), (CLIENT, b"NOOP\r\n"), (SERVER, b"454 later\r\n")],
        UPGRADES["mysql"][1:2],
        UPGRADES["smtp"][1:],
    ],
)
def test_who_asks_for_no_tls_or_gets_it_is_not_refused(flights):
    followed = follow_segments(packets(flights))
    assert not followed.refused
    assert not spoke_tls(followed)


def test_a_hello_answered_in_plaintext_after_consent():
    flights = [*UPGRADES["smtp"][1:], (CLIENT, client_hello()), (SERVER, b"500 Syntax error\r\n")]
    followed = follow_extents(flights)
    (event,) = [event for event in followed.events if event.kind is Kind.NOT_TLS]
    assert (event.sender, event.at_ns) == (SERVER, 70 * MS)
    assert event.detail == "bytes 35 30 30 20 53 79 6e 74"
    assert code(followed) is Code.NOT_TLS


def test_commands_slipped_in_behind_the_request():
    """As in CVE-2011-0411: TLS does not begin where it should, but on both sides."""
    _, *before = UPGRADES["smtp"]
    before[3] = CLIENT, b"STARTTLS\r\nRSET\r\n"
    flights, keys = session(TlsVersion.TLS12)
    followed = follow_extents([*before, *flights], keys)
    assert followed.preamble == "smtp"
    assert code(followed) is not Code.NOT_TLS
    assert any(event.kind is Kind.CLOSE_NOTIFY for event in followed.events)


HELLOS = client_hello() + server_hello()
MAIL = b"220 x\r\n"
LOOKALIKES = {
    "a mail": [
        (SERVER, MAIL),
        (CLIENT, b"EHLO me\r\nDATA\r\n\x16\x03\x01" + HELLOS + b"\r\n.\r\n"),
        (SERVER, b"250 ok\r\n"),
    ],
    "a mail about itself": [
        (SERVER, MAIL),
        (CLIENT, b"EHLO me\r\nDATA\r\nsay STARTTLS\r\n" + HELLOS + b"\r\n.\r\n"),
        (SERVER, b"250 ok\r\n"),
    ],
    "a mail with a line of its own": [
        (SERVER, MAIL),
        (CLIENT, b"EHLO me\r\nDATA\r\nSTARTTLS\r\n" + HELLOS + b"\r\n.\r\n"),
        (SERVER, b"250 ok\r\n"),
    ],
    "a download": [
        (CLIENT, b"GET /x.pcap HTTP/1.1\r\n\r\n"),
        (SERVER, b"HTTP/1.1 200 OK\r\n\r\n" + HELLOS),
    ],
    "a file": [(CLIENT, b"\xd4\xc3\xb2\xa1" + HELLOS + bytes(900))],
    "a file that is answered": [
        (CLIENT, b"\xd4\xc3\xb2\xa1" + HELLOS),
        (SERVER, b"got it, thanks"),
    ],
    "files both ways": [
        (CLIENT, b"file " + HELLOS + b"?" * 9),
        (SERVER, b"file " + HELLOS + b"?" * 9),
    ],
    "the start alone": [(CLIENT, b"data \x16\x03\x01\x02\x00\x01"), (SERVER, b"ok \x16\x03\x03")],
    "an alert": [(CLIENT, b"data"), (SERVER, b"data \x15\x03\x03\x00\x02\x02\x28")],
}


@pytest.mark.parametrize("name", LOOKALIKES)
@steps
def test_what_only_looks_like_tls(name, step):
    flights = cut(LOOKALIKES[name], step)
    followed = follow_segments(packets(flights))
    assert not spoke_tls(followed)
    assert followed.preamble is None
    assert followed.negotiated is None
    found, _ = run(frames(packets(flights)), KeyLog())
    assert [story(item.followed) for item in found] == [story(followed)]


def test_a_plain_connection_captured_from_its_middle_is_not_taken_for_tls():
    flights = [(CLIENT, b"a plain text of some length"), (SERVER, b"answered in plain text")] * 3
    followed = follow_segments(packets(flights)[5:])
    assert not spoke_tls(followed)


def test_a_request_that_was_lost():
    """The server's consent is there."""
    _, *before = UPGRADES["smtp"]
    flights, keys = session(TlsVersion.TLS12)
    segments = packets([*before, *flights])
    lost = next(at for at, segment in enumerate(segments) if segment.payload == b"STARTTLS\r\n")
    followed = follow_segments([*segments[:lost], *segments[lost + 1 :]], keys)
    assert code(followed) is Code.CAPTURE_INCOMPLETE
    assert followed.preamble == "smtp"
    assert any(event.kind is Kind.HANDSHAKE for event in followed.events)


@given(st.lists(st.binary(max_size=2000), max_size=60))
@settings(max_examples=30, deadline=None)
def test_what_is_held_is_bounded(chunks):
    foreign = Foreign(Stamp(0, 1), CLIENT, Dialogue(), search=True)
    for number, chunk in enumerate(chunks):
        foreign.feed(Stamp(number, number), chunk * 5)
        assert len(foreign._tail) <= MAX_HELD_BYTES
    if foreign.size >= MAX_SEARCHED_BYTES and not foreign.found:
        assert foreign.idle


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_pieces_say_the_same(data):
    """Also with bytes changed: whatever is read, the pieces do not matter."""
    _, *before = UPGRADES[data.draw(st.sampled_from(sorted(UPGRADES)))]
    flights = [*before, (CLIENT, client_hello()), (SERVER, server_hello()), (SERVER, b"rest?!")]
    at = data.draw(st.integers(0, len(flights) - 1))
    side, whole = flights[at]
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:place] + data.draw(st.binary(max_size=3)) + whole[place + 1 :]
    flights[at] = side, changed
    expected = follow_extents(joined(flights))
    followed = follow_extents(cut(flights, data.draw(st.integers(1, 40))))
    assert story(followed) == story(expected)
    assert (followed.preamble, followed.refused) == (expected.preamble, expected.refused)


@pytest.mark.parametrize("size", [1, 2, 3, 40])
def test_a_name_that_socks4_asks_for_is_no_record(size):
    """The host name lacks: what follows on the user's is TLS."""
    _, (side, whole), *answer = UPGRADES["socks4a"]
    asking = whole.replace(b"\0example", b"example")
    flights = [(side, asking), *answer, (CLIENT, client_hello()), (SERVER, server_hello())]
    found = ["client handshake client_hello", "server handshake server_hello"]
    assert story(follow_extents(cut(flights, size))) == found
