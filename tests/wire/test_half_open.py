"""Connections that nothing came of: packed, and told as if they had been followed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.captures import AT, ethernet, pcap
from tests.wire.in_memory import Bytes
from tests.wire.playbook import ADDRESSES, CLIENT, MS, SERVER, Tcp
from tlsclose.wire.capture_connection import OpenConnection
from tlsclose.wire.capture_file import BUFFER_BYTES, CaptureFile
from tlsclose.wire.capture_follower import CaptureFollower
from tlsclose.wire.frame import Frame
from tlsclose.wire.half_open import Bare, HalfOpen, ends_of, only_syn
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import TcpFlags

SYN, ACK, FIN, RST = TcpFlags.SYN, TcpFlags.ACK, TcpFlags.FIN, TcpFlags.RST
ENDS = (ADDRESSES[CLIENT], ADDRESSES[SERVER])


def bare(flags=SYN, *, forward=True, number=1):
    return Bare(AT + number, number, 54, 7, 0, 65535, flags, forward)


def run(segments, *, buffer_bytes=BUFFER_BYTES, **options):
    found = []
    follower = CaptureFollower(KeyLog(), found.append, linger_ns=2**60, **options)
    packets = [
        (AT + at * MS, data := ethernet(item), len(data)) for at, item in enumerate(segments)
    ]
    data = pcap(packets, nanoseconds=True)
    for batch in CaptureFile("it", Bytes(data), KeyLog(), buffer_bytes=buffer_bytes):
        follower.take(batch)
    follower.finish()
    return found, follower


def run_few(segments):
    found = []
    follower = CaptureFollower(KeyLog(), found.append, linger_ns=2**60)
    frames = [(AT + at * MS, ethernet(item)) for at, item in enumerate(segments)]
    follower.take_few([Frame(at_ns, 1, data, len(data)) for at_ns, data in frames])
    follower.finish()
    return found


def syn(number):
    segment = Tcp().put(CLIENT, SYN).segments[0]
    return segment._replace(src=(segment.src[0], number))


@pytest.mark.parametrize("flags", [SYN, SYN | TcpFlags.ECE | TcpFlags.CWR])
@pytest.mark.parametrize("forward", [True, False])
def test_a_lone_syn_is_told_as_if_it_had_been_followed(flags, forward):
    first = bare(flags, forward=forward)
    connection = OpenConnection(KeyLog(), ENDS, first.at_ns, first.number)
    connection.take(first.at_ns, 1, first.size, first.segment(ENDS), forward=forward)
    assert only_syn(ENDS, first) == connection.finish()


@pytest.mark.parametrize("flags", [ACK, SYN | ACK, SYN | FIN, SYN | RST, 0])
def test_what_opens_no_connection(flags):
    assert not HalfOpen().open(ENDS, bare(flags))


@pytest.mark.parametrize(
    ("following", "kept"),
    [
        ([(SYN | ACK, False)], 1),
        ([(SYN | ACK, False), (ACK, True)], 2),
        ([(SYN | ACK, False), (ACK, True), (ACK, True)], 2),
        ([(ACK, True), (ACK, True), (ACK, True)], 2),
        ([(SYN, True)], 0),
        ([(SYN, False)], 0),
        ([(SYN | ACK, True)], 0),
        ([(SYN | ACK, False), (SYN | ACK, False)], 1),
        ([(RST | ACK, False)], 0),
        ([(FIN | ACK, True)], 0),
    ],
)
def test_what_is_kept_of_an_opening(following, kept):
    held = HalfOpen()
    assert held.open(ENDS, bare())
    segments = [
        bare(flags, forward=side, number=at) for at, (flags, side) in enumerate(following, 2)
    ]
    results = [held.add(ENDS, segment) for segment in segments]
    assert results == [place < kept for place in range(len(following))]
    assert held.pop(ENDS) == [bare(), *segments[:kept]]
    assert ENDS not in held


def test_both_kinds_of_keys_name_their_ends():
    assert ends_of(ENDS) == ENDS
    high, low = 0, int.from_bytes(bytes([192, 0, 2, 1]))
    numbers = (high, low, 50000, 0, int.from_bytes(bytes([198, 51, 100, 2])), 443)
    assert ends_of(numbers) == ENDS


def test_a_flood_keeps_a_bounded_number():
    syns = [syn(number) for number in range(1000, 1100)]
    found, follower = run(syns, max_half_open=10, buffer_bytes=200)
    assert [item.first_packet for item in found] == list(range(1, 101))
    assert {len(item.followed.events) for item in found} == {1}
    assert follower.evicted == 0


def test_what_comes_after_it_was_given_up_is_a_connection_of_its_own():
    script = Tcp().open().data(CLIENT, b"late")
    flood = [syn(number) for number in range(1000, 1020)]
    segments = [script.segments[0], *flood, *script.segments[1:]]
    found, follower = run(segments, max_half_open=10, buffer_bytes=150)
    mine = [item for item in found if item.client == ADDRESSES[CLIENT]]
    assert [item.followed.packets for item in mine] == [1, 3]
    assert follower.late == 0


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([2, 18, 16, 17, 4, 20, 24]), st.booleans()))
)
@settings(max_examples=100, deadline=None)
def test_every_way_tells_the_same(choices):
    """Openings of every kind, with and without data, by batches of any size."""
    script = Tcp()
    for client, flags, data in choices:
        script.put(CLIENT if client else SERVER, flags, b"x" if data else b"")
    found, _ = run(script.segments)
    assert run(script.segments, fast=False)[0] == found
    assert run(script.segments, buffer_bytes=150)[0] == found
    assert run_few(script.segments) == found
    assert sum(item.followed.packets for item in found) == len(script.segments)
