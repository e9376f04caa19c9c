"""Whole connections: OpenSSL's bytes, and TCP around them, against the events expected."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.playbook import (
    ADDRESSES,
    CLIENT,
    SERVER,
    TCP_KINDS,
    Tcp,
    Tls,
    follow_extents,
    follow_segments,
    story,
)
from tlsclose.core.event import Kind, Loss, Side
from tlsclose.core.record import TlsVersion
from tlsclose.wire.follower import ConnectionFollower
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import Segment, TcpFlags


@pytest.fixture(scope="module")
def tls13():
    tls = Tls(TlsVersion.TLS13, alpn=b"http/1.1").shake()
    return tls.send(CLIENT, b"GET /").send(SERVER, b"x" * 5000).close(CLIENT).close(SERVER)


@pytest.fixture(scope="module")
def tls12():
    tls = Tls(TlsVersion.TLS12, alpn=b"http/1.1").shake()
    return tls.send(CLIENT, b"GET /").send(SERVER, b"x" * 5000).close(CLIENT).close(SERVER)


@pytest.fixture(scope="module")
def renegotiated():
    tls = Tls(TlsVersion.TLS12).shake().renegotiate()
    return tls.send(SERVER, b"under new keys").close(SERVER).close(CLIENT)


def carried(tls):
    """The connection's flights as segments, closed by FIN from both sides."""
    return Tcp().open().flights(tls.flights).fin(CLIENT).fin(SERVER).segments


STORY_13 = [
    "client handshake client_hello",
    "server handshake server_hello",
    "server handshake encrypted_extensions (decrypted)",
    "server handshake certificate (decrypted)",
    "server handshake certificate_verify (decrypted)",
    "server handshake finished (decrypted)",
    "client handshake finished (decrypted)",
    "client handshake complete (decrypted)",
    "server handshake new_session_ticket (decrypted)",
    "server handshake new_session_ticket (decrypted)",
    "client app_data (decrypted)",
    "server app_data (inferred)",
    "client close_notify warning (decrypted)",
    "server close_notify warning (decrypted)",
]
STORY_13_SEALED = [
    "client handshake client_hello",
    "server handshake server_hello",
    "server record sealed (inferred)",
    "client record sealed (inferred)",
    "client handshake complete (inferred)",
    "server record sealed (inferred)",
    "client record sealed (inferred)",
    "server record sealed (inferred)",
    "client close_notify (inferred)",
    "server close_notify (inferred)",
]
STORY_12 = [
    "client handshake client_hello",
    "server handshake server_hello",
    "server handshake certificate",
    "server handshake server_key_exchange",
    "server handshake server_hello_done",
    "client handshake client_key_exchange",
    "client handshake change_cipher_spec",
    "client handshake finished (decrypted)",
    "server handshake new_session_ticket",
    "server handshake change_cipher_spec",
    "server handshake finished (decrypted)",
    "server handshake complete (decrypted)",
    "client app_data (decrypted)",
    "server app_data",
    "client close_notify warning (decrypted)",
    "server close_notify warning (decrypted)",
]
STORY_12_SEALED = [
    line.replace("(decrypted)", "(inferred)")
    .replace("client app_data (inferred)", "client app_data")
    .replace("close_notify warning", "close_notify")
    for line in STORY_12
]


@pytest.mark.parametrize(
    ("pair", "keyed", "expected"),
    [
        ("tls13", True, STORY_13),
        ("tls13", False, STORY_13_SEALED),
        ("tls12", True, STORY_12),
        ("tls12", False, STORY_12_SEALED),
    ],
)
class TestWholeConnection:
    def test_from_extents(self, request, pair, keyed, expected):
        tls = request.getfixturevalue(pair)
        followed = follow_extents(tls.flights, tls.keys if keyed else None)
        assert story(followed) == expected
        assert followed.packets == 0

    def test_from_segments(self, request, pair, keyed, expected):
        tls = request.getfixturevalue(pair)
        followed = follow_segments(carried(tls), tls.keys if keyed else None)
        assert story(followed, without=TCP_KINDS) == expected
        assert [line for line in story(followed) if line.split()[1] in TCP_KINDS] == [
            "client syn",
            "server syn",
            "client fin",
            "server fin",
        ]

    def test_byte_by_byte(self, request, pair, keyed, expected):
        tls = request.getfixturevalue(pair)
        follower = ConnectionFollower(tls.keys if keyed else KeyLog())
        for number, (side, data) in enumerate(tls.flights, 1):
            for byte in data:
                follower.extent(number * 10_000_000, side, bytes([byte]))
        assert story(follower.finish()) == expected


@pytest.mark.parametrize("pair", ["tls13", "tls12"])
def test_says_so_where_it_could_not_decrypt(request, pair):
    tls = request.getfixturevalue(pair)
    assert follow_extents(tls.flights, tls.keys).notes == ()
    note = "records could not be decrypted: no keys in the key log for this connection"
    assert follow_extents(tls.flights).notes == (note,)


@pytest.mark.parametrize(("pair", "alpn_is_clear"), [("tls13", False), ("tls12", True)])
def test_facts_of_the_handshake(request, pair, alpn_is_clear):
    tls = request.getfixturevalue(pair)
    keyed = follow_extents(tls.flights, tls.keys)
    assert (keyed.sni, keyed.alpn, keyed.resumed) == ("localhost", "http/1.1", False)
    assert keyed.negotiated.version == ("1.2" if alpn_is_clear else "1.3")
    sealed = follow_extents(tls.flights)
    assert sealed.alpn == ("http/1.1" if alpn_is_clear else None)


@pytest.mark.parametrize("version", [TlsVersion.TLS12, TlsVersion.TLS13])
def test_resumption_is_seen_and_followed(version):
    first = Tls(version).shake().send(SERVER, b"tickets first")
    again = Tls(version, session_from=first).shake().close(SERVER).close(CLIENT)
    followed = follow_extents(again.flights, again.keys)
    assert followed.resumed is True
    assert followed.notes == ()
    assert story(followed)[-2:] == [
        "server close_notify warning (decrypted)",
        "client close_notify warning (decrypted)",
    ]
    assert sum("complete" in line for line in story(followed)) == 1


@pytest.mark.parametrize("pair", ["tls13", "tls12"])
def test_any_cut_order_and_overlap_of_segments_tells_the_same(request, pair):
    """Behind the ClientHello, that is: nothing of the server's can come before it."""
    tls = request.getfixturevalue(pair)
    streams = {side: tls.stream(side) for side in Side}
    begin = {CLIENT: len(tls.flights[0][1]), SERVER: 0}
    expected = {side: by_side(follow_segments(carried(tls), tls.keys), side) for side in Side}

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def check(data):
        script = Tcp().open()
        starts = dict(script.next)
        opening = script.data(*tls.flights[0]).segments
        pieces = []
        for side in Side:
            size = len(streams[side])
            inside = st.lists(st.integers(begin[side], size), max_size=12)
            cuts = sorted({begin[side], size, *data.draw(inside)})
            overlap = data.draw(st.integers(0, 40))
            pieces += [(side, start, min(end + overlap, size)) for start, end in pairwise(cuts)]
        extra = data.draw(st.lists(st.sampled_from(pieces), max_size=4))
        order = data.draw(st.permutations(pieces + extra))
        middle = [
            script.segment(side, data=streams[side][start:end], seq=starts[side] + start)
            for side, start, end in order
        ]
        followed = follow_segments([*opening, *middle], tls.keys)
        for side in Side:
            assert by_side(followed, side) == expected[side]

    check()


def by_side(followed, side):
    """One side's TLS events; how data was folded depends on the other side's timing."""
    found = []
    for event in followed.events:
        if event.sender is not side or event.kind in TCP_KINDS or event.detail == "complete":
            continue
        if event.kind in {Kind.APP_DATA, Kind.RECORD} and found and found[-1][0] is event.kind:
            found[-1] = (event.kind, "", found[-1][2] + event.bytes)
        else:
            found.append((event.kind, event.detail, event.bytes))
    return found


class TestRenegotiation:
    def test_is_followed(self, renegotiated):
        followed = follow_extents(renegotiated.flights, renegotiated.keys)
        found = story(followed)
        assert "server handshake hello_request (decrypted)" in found
        assert "client handshake client_hello (decrypted)" in found
        assert sum("complete" in line for line in found) == 1
        assert found[-3:] == [
            "server app_data (decrypted)",
            "server close_notify warning (decrypted)",
            "client close_notify warning (decrypted)",
        ]
        assert followed.notes == ()

    def test_without_the_new_keys_it_is_said(self, renegotiated):
        first = KeyLog()
        first.add_line(renegotiated.keys.lines()[0])
        followed = follow_extents(renegotiated.flights, first)
        assert "renegotiation: cannot follow" in followed.notes
        assert story(followed)[-2:] == [
            "server close_notify (inferred)",
            "client close_notify (inferred)",
        ]


class TestGaps:
    @pytest.mark.parametrize("told", [True, False])
    def test_the_last_bytes_before_a_fin_never_arrived(self, tls13, told):
        script = Tcp().open().flights(tls13.flights[:-1]).lost(SERVER, 24)
        missing, behind = script.got[CLIENT], script.next[SERVER]
        script.fin(SERVER)
        if told:
            duplicate = script.segment(CLIENT, ack=missing)
            script.segments.append(duplicate._replace(sack=(behind, behind + 1)))
        followed = follow_segments(script.segments, tls13.keys)
        gap = next(event for event in followed.events if event.kind is Kind.GAP)
        loss = Loss.NEVER_ARRIVED if told else Loss.UNSEEN
        assert (gap.sender, gap.bytes, gap.detail) == (SERVER, 24, loss)
        assert [event.kind for event in followed.events][-2:] == [Kind.GAP, Kind.FIN]

    def test_acknowledged_bytes_were_only_not_captured(self, tls13):
        script = Tcp().open().flights(tls13.flights[:-1]).lost(SERVER, 24).fin(SERVER).ack(CLIENT)
        followed = follow_segments(script.segments, tls13.keys)
        gap = next(event for event in followed.events if event.kind is Kind.GAP)
        assert (gap.bytes, gap.detail) == (24, Loss.NOT_CAPTURED)

    def test_a_hole_inside_data_that_nobody_reads_is_stepped_over(self, tls13):
        segments = carried(tls13)
        data = [segment for segment in segments if len(segment.payload) == 1460]
        segments.remove(data[-2])
        followed = follow_segments(segments, tls13.keys)
        assert "server gap not-captured" in story(followed)
        assert story(followed)[-3:] == [
            "server close_notify warning (decrypted)",
            "client fin",
            "server fin",
        ]

    def test_after_a_lost_header_the_rest_is_only_counted(self, tls13):
        script = Tcp().open().flights(tls13.flights[:2]).lost(SERVER, 3)
        script.data(SERVER, b"\x00" * 50).fin(SERVER).ack(CLIENT)
        followed = follow_segments(script.segments, tls13.keys)
        last = [event for event in followed.events if event.sender is SERVER][-3:]
        assert [event.kind for event in last] == [Kind.GAP, Kind.RECORD, Kind.FIN]
        assert last[1].bytes == 50

    def test_a_short_snap_length_leaves_the_chain_of_records_whole(self, tls13):
        segments = [
            segment._replace(payload=segment.payload[:96], truncated=len(segment.payload) - 96)
            if len(segment.payload) == 1460 and segment.payload[0] != 0x16
            else segment
            for segment in carried(tls13)
        ]
        followed = follow_segments(segments, tls13.keys)
        assert "client close_notify warning (decrypted)" in story(followed)


class TestTcpFacts:
    def test_flags_are_noted(self, tls13):
        events = follow_segments(carried(tls13), tls13.keys).events
        flags = [event.detail for event in events if event.kind in TCP_KINDS]
        assert flags == ["SYN", "SYN,ACK", "FIN,ACK", "FIN,ACK"]

    def test_a_repeated_fin_is_one_fin(self):
        script = Tcp().open().fin(CLIENT)
        script.segments.append(script.segments[-1])
        assert story(follow_segments(script.segments)).count("client fin") == 1

    def test_a_fin_with_data_comes_after_the_record_it_carries(self, tls13):
        *rest, (side, alert) = tls13.flights
        script = Tcp().open().flights(rest).fin(side, alert)
        followed = follow_segments(script.segments, tls13.keys)
        assert story(followed)[-2:] == ["server close_notify warning (decrypted)", "server fin"]
        assert followed.events[-1].note == "on 24 bytes of data"
        assert followed.events[-1].packet == followed.events[-2].packet == len(script.segments)

    def test_retransmissions_are_counted_and_keep_alives_are_not(self, tls13):
        script = Tcp().open().flights(tls13.flights)
        again = script.segments[3]
        probe = script.segment(CLIENT, data=b"\x00", seq=script.next[CLIENT] - 1)
        followed = follow_segments([*script.segments, again, probe], tls13.keys)
        assert followed.notes == ("client: 1 segment retransmitted",)

    def test_a_closed_socket_resets_what_still_comes(self, tls13):
        *rest, (_, close_notify), _ = tls13.flights
        script = Tcp().open().flights(rest).fin(SERVER).data(CLIENT, close_notify)
        answered = script.segments[-1].ack
        script.rst(SERVER, TcpFlags.RST, seq=answered, ack=0)
        script.rst(SERVER, TcpFlags.RST, seq=answered, ack=0)
        followed = follow_segments(script.segments, tls13.keys)
        reset = followed.events[-1]
        assert story(followed).count("server rst") == 1
        assert reset.note == "in reply to the client's close_notify, its socket being closed"
        assert reset.count == 2

    def test_an_abort_says_how_much_was_not_acknowledged(self, tls13):
        script = Tcp().open().flights(tls13.flights[:4])
        unread = script.next[CLIENT]
        script.data(CLIENT, b"\x17\x03\x03\x04\x00" + bytes(1024)).rst(SERVER, ack=unread)
        reset = follow_segments(script.segments, tls13.keys).events[-1]
        assert reset.note == "with 1029 bytes of the client unacknowledged"

    def test_a_reset_outside_the_window_is_marked(self):
        script = Tcp().open().data(CLIENT, b"\x16\x03\x01\x00\x05").ack(SERVER)
        script.rst(CLIENT, seq=script.isn[CLIENT] - 5000)
        reset = follow_segments(script.segments).events[-1]
        assert reset.note == "outside the server's window, to be ignored by it"

    @pytest.mark.parametrize("known", [None, ADDRESSES[CLIENT]])
    def test_without_a_syn_the_hello_tells_the_client(self, tls13, known):
        segments = Tcp().flights(tls13.flights).segments
        followed = follow_segments(segments, tls13.keys, client=known)
        assert story(followed) == STORY_13

    def test_without_any_beginning_the_higher_port_is_the_client(self):
        record = b"\x17\x03\x03\x00\x13" + bytes(19)
        followed = follow_segments(Tcp().data(SERVER, record).data(CLIENT, record).segments)
        assert story(followed) == [
            "server record sealed, perhaps a padded alert (inferred)",
            "client record sealed, perhaps a padded alert (inferred)",
        ]

    def test_an_answer_to_a_hello_is_judged_without_a_syn(self, tls13):
        script = Tcp().flights(tls13.flights[:1]).data(SERVER, b"HTTP/1.1 400 Bad Request")
        assert story(follow_segments(script.segments))[-1] == "server not_tls HTTP/1.1 400"

    def test_a_capture_that_starts_inside_a_record_says_so(self):
        followed = follow_segments(Tcp().data(CLIENT, b"abcdefgh").segments)
        assert story(followed) == ["client record sealed (inferred)"]
        assert followed.notes == ("client: the capture starts inside the connection",)


class TestHostileInput:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(Side), st.binary(max_size=200)), max_size=8))
    def test_any_bytes_are_survived(self, flights):
        followed = follow_extents(flights)
        assert all(event.detail.isprintable() for event in followed.events)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_any_damage_to_a_real_connection_is_survived(self, tls13, data):
        flights = []
        for side, original in tls13.flights:
            damaged = bytearray(original)
            for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=2)):
                damaged[at] = data.draw(st.integers(0, 255))
            flights.append((side, bytes(damaged)))
        follow_extents(flights, tls13.keys)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.builds(
                Segment,
                src=st.sampled_from(list(ADDRESSES.values())),
                dst=st.just(("192.0.2.9", 1)),
                seq=st.integers(0, 2**32 - 1),
                ack=st.integers(0, 2**32 - 1),
                flags=st.integers(0, 255),
                payload=st.binary(max_size=20),
                window=st.integers(0, 65535),
                truncated=st.integers(0, 65535),
            ),
            max_size=20,
        )
    )
    def test_any_segments_are_survived(self, segments):
        assert follow_segments(segments).packets == len(segments)
