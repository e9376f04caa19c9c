"""Every wrapping, built by scapy: `decode` and the columns find the same segment in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Ether

from tests.wire.test_columns import batch_of, expected, frame, segments
from tests.wire.test_packets import DATA, EXPECTED, V4, V6, tcp
from tests.wire.wrappings import ENDS, HOSTS, extended6, wrappings
from tlsclose.wire.columns import tcp_columns
from tlsclose.wire.frame import Frame
from tlsclose.wire.links import network
from tlsclose.wire.packets import FRAGMENT_REST, decode, is_part
from tlsclose.wire.tunnels import MAX_DEPTH

WRAPPED = wrappings(IP(**V4) / tcp() / DATA)
EXTENDED = extended6(IPv6(**V6), tcp() / DATA)


def ether(*layers):
    packet = Ether(**ENDS)
    for layer in layers:
        packet = packet / layer
    return 1, bytes(packet)


def nested(depth):
    packet = IP(**V4) / tcp() / DATA
    for _ in range(depth):
        packet = IP(**HOSTS) / packet
    return 101, bytes(packet)


def air(**changes):
    """An 802.11 frame with some of its first bytes changed."""
    data = bytearray(WRAPPED["802.11 with QoS"][1])
    for at, value in changes.items():
        data[int(at[1:])] = value
    return 105, bytes(data)


UNREADABLE = {
    "802.11, protected": air(_1=0x42),
    "802.11, more fragments": air(_1=0x06),
    "802.11, a later fragment": air(_22=0x01),
    "802.11, aggregated": air(_24=0x80),
    "802.11, no data": air(_0=0xC8),
    "802.11, a beacon": air(_0=0x80),
    "GRE, version 1": ether(IP(**HOSTS), GRE(version=1), IP(**V4), tcp(), DATA),
    "GRE, routed": ether(IP(**HOSTS), GRE(routing_present=1), IP(**V4), tcp(), DATA),
    "UDP to another port": ether(IP(**HOSTS), UDP(dport=4790), bytes(8), Ether(**ENDS), DATA),
    "too deep": nested(MAX_DEPTH + 1),
    "PPP that is no IP": (9, b"\xff\x03\xc0\x21" + bytes(40)),
    "PPPoE discovery": (1, bytes(12) + b"\x88\x63\x11\x09" + bytes(40)),
    "LLC that is no IP": (1, bytes(12) + b"\x00\x26\x42\x42\x03" + bytes(60)),
    "MPLS without a last label": (1, bytes(12) + b"\x88\x47" + bytes(200)),
    "pktap in pktap": (258, b"\x0c\0\0\0\1\0\0\0\x02\x01\0\0" + WRAPPED["pktap"][1]),
    "pktap, too long": (258, b"\xff\0\0\0\1\0\0\0\1\0\0\0" + bytes(40)),
    "a later fragment": ether(IP(**V4, frag=3), tcp(), DATA),
}
FIRST_PART = ether(IP(**V4, flags="MF"), tcp(), DATA)
EVERY = [*WRAPPED.values(), *UNREADABLE.values(), *((101, bytes(p)) for p in EXTENDED.values())]


@pytest.mark.parametrize("name", WRAPPED)
def test_wrapped(name):
    frames = [frame(*WRAPPED[name])] * 2
    assert decode(frames[0]) == EXPECTED
    assert segments(frames) == {0: EXPECTED, 1: EXPECTED}


@pytest.mark.parametrize("name", EXTENDED)
def test_extended(name):
    frames = [frame(101, bytes(EXTENDED[name]))]
    found = EXPECTED._replace(src=(V6["src"], 50000), dst=(V6["dst"], 443))
    assert decode(frames[0]).payload == DATA
    assert segments(frames) == expected(frames)
    assert name == "routing" or segments(frames) == {0: found}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(name):
    frames = [frame(*UNREADABLE[name])]
    assert decode(frames[0]) is None
    assert segments(frames) == {}


def test_depth_has_a_bound():
    assert decode(frame(*nested(MAX_DEPTH))) == EXPECTED


def test_all_of_them_in_one_batch():
    frames = [frame(*each) for each in EVERY]
    assert segments(frames) == expected(frames)
    assert len(expected(frames)) == len(WRAPPED) + len(EXTENDED)


def test_what_a_snap_length_cuts_off_an_inner_packet():
    for link, data in WRAPPED.values():
        cut = data.rindex(DATA) + 3
        found = decode(frame(link, data[:cut], len(data) - cut))
        assert (found.payload, found.truncated) == (DATA[:3], len(DATA) - 3)


def test_fragments_are_counted():
    later, plain = UNREADABLE["a later fragment"], ether(IP(**V4), tcp(), DATA)
    six = 101, bytes(IPv6(**V6, nh=44)) + b"\x06\x00\x00\x01" + bytes(4) + bytes(tcp()) + DATA
    udp = ether(IP(**V4, flags="MF"), UDP(), DATA)
    frames = [frame(*each) for each in (plain, FIRST_PART, later, six, udp, plain)]
    columns = tcp_columns(batch_of(frames))
    assert columns.fragments == 3
    assert segments(frames) == expected(frames)
    assert [found.truncated for found in segments(frames).values()] == [
        0,
        FRAGMENT_REST,
        FRAGMENT_REST,
        0,
    ]


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_any_damage(data):
    frames = []
    for _ in range(data.draw(st.integers(1, 4))):
        link, whole = data.draw(st.sampled_from(EVERY))
        changed = bytearray(whole)
        for _ in range(data.draw(st.integers(0, 4))):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(changed)))
        frames.append(frame(link, bytes(changed[:cut]), data.draw(st.integers(-5, 99))))
    assert segments(frames) == expected(frames)


@given(st.integers(0, 300), st.binary(max_size=80))
def test_any_bytes(link_type, data):
    found = network(link_type, data)
    assert found is None or 0 <= found[0] <= 0xFFFF
    decode(Frame(0, link_type, data, len(data)))


def test_fragments_are_told_apart_one_by_one():
    six = 101, bytes(IPv6(**V6, nh=44)) + b"\x06\x00\x00\x01" + bytes(4) + bytes(tcp()) + DATA
    parts = [FIRST_PART, UNREADABLE["a later fragment"], six]
    others = [*WRAPPED.values(), (1, b""), (147, FIRST_PART[1]), (1, FIRST_PART[1][:30])]
    assert all(is_part(frame(*part)) for part in parts)
    assert not any(is_part(frame(*other)) for other in others)
