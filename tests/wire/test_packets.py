"""Frames of every link type that a live capture produces, built by scapy, against `decode`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, IPOption_Timestamp
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import CookedLinux, Dot1AD, Dot1Q, Ether, Loopback
from scapy.packet import Raw

from tlsclose.wire.frame import Frame, LinkType
from tlsclose.wire.packets import FRAGMENT_REST, Segment, TcpFlags, decode, flag_names

V4 = {"src": "192.0.2.1", "dst": "198.51.100.2"}
V6 = {"src": "2001:db8::1", "dst": "2001:db8::2"}
DATA = b"\x16\x03\x01 data"


def ether(**fields):
    """With both addresses, so that scapy asks no network for them."""
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **fields)


def tcp(**fields):
    return TCP(sport=50000, dport=443, seq=2**32 - 1, ack=7, flags="PA", window=512, **fields)


def frame(link_type, packet, cut=None, original=None):
    data = bytes(packet)
    return Frame(0, link_type, data[:cut], len(data) if original is None else original)


EXPECTED = Segment(
    src=(V4["src"], 50000),
    dst=(V4["dst"], 443),
    seq=2**32 - 1,
    ack=7,
    flags=TcpFlags.PSH | TcpFlags.ACK,
    payload=DATA,
    window=512,
    truncated=0,
)
OPTIONS = [("MSS", 1460), ("NOP", None), ("NOP", None), ("Timestamp", (1, 2))]


@pytest.mark.parametrize(
    ("link_type", "packet"),
    [
        (LinkType.ETHERNET, ether() / IP(**V4) / tcp() / DATA),
        (LinkType.ETHERNET, ether() / Dot1Q(vlan=5) / IP(**V4) / tcp() / DATA),
        (LinkType.ETHERNET, ether() / Dot1AD(vlan=1) / Dot1Q(vlan=2) / IP(**V4) / tcp() / DATA),
        (LinkType.ETHERNET, ether() / IP(**V4, options=[IPOption_Timestamp()]) / tcp() / DATA),
        (LinkType.ETHERNET, ether() / IP(**V4, flags="DF") / tcp(options=OPTIONS) / DATA),
        (LinkType.NULL, Loopback(type=2) / IP(**V4) / tcp() / DATA),
        (LinkType.LOOP, b"\x00\x00\x00\x02" + bytes(IP(**V4) / tcp() / DATA)),
        (LinkType.RAW, IP(**V4) / tcp() / DATA),
        (LinkType.LINUX_SLL, CookedLinux() / IP(**V4) / tcp() / DATA),
        (276, b"\x08\x00" + bytes(18) + bytes(IP(**V4) / tcp() / DATA)),
        (228, IP(**V4) / tcp() / DATA),
    ],
)
def test_ipv4(link_type, packet):
    assert decode(frame(link_type, packet)) == EXPECTED


@pytest.mark.parametrize(
    ("link_type", "packet"),
    [
        (LinkType.ETHERNET, ether() / IPv6(**V6) / tcp() / DATA),
        (LinkType.RAW, IPv6(**V6) / tcp() / DATA),
        (LinkType.NULL, b"\x1e\x00\x00\x00" + bytes(IPv6(**V6) / tcp() / DATA)),
        (LinkType.ETHERNET, ether() / IPv6(**V6) / IPv6ExtHdrHopByHop() / tcp() / DATA),
        (
            LinkType.ETHERNET,
            ether() / IPv6(**V6) / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment() / tcp() / DATA,
        ),
    ],
)
def test_ipv6(link_type, packet):
    expected = EXPECTED._replace(src=(V6["src"], 50000), dst=(V6["dst"], 443))
    assert decode(frame(link_type, packet)) == expected


def test_ethernet_padding_is_not_payload():
    packet = bytes(ether() / IP(**V4) / tcp())
    assert decode(Frame(0, LinkType.ETHERNET, packet.ljust(60, b"\0"), 60)).payload == b""


@pytest.mark.parametrize("header", [IP(**V4, len=0), IPv6(**V6, plen=0)])
def test_a_length_of_zero_means_to_the_end_of_the_frame(header):
    assert decode(frame(LinkType.ETHERNET, ether() / header / tcp() / DATA)).payload == DATA


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (OPTIONS, ()),
        ([*OPTIONS[1:], ("SAck", (5, 9))], (5, 9)),
        ([("NOP", None), ("NOP", None), ("SAck", (20, 30, 5, 9))], (20, 30, 5, 9)),
        ([("EOL", None), ("SAck", (5, 9))], ()),
    ],
)
def test_what_came_behind_a_hole(options, expected):
    packet = ether() / IP(**V4) / tcp(options=options)
    assert decode(frame(LinkType.ETHERNET, packet)).sack == expected
    assert decode(frame(LinkType.ETHERNET, packet / DATA)).sack == ()
    for end in range(54, len(packet)):
        assert decode(frame(LinkType.ETHERNET, packet, cut=end)).sack in ((), expected)


def test_bytes_cut_off_by_the_snap_length_are_counted():
    whole = ether() / IP(**V4) / tcp(options=OPTIONS) / (b"x" * 1000)
    start = len(whole) - 1000
    assert decode(frame(LinkType.ETHERNET, whole, cut=start + 10))[5:8] == (b"x" * 10, 512, 990)
    assert decode(frame(LinkType.ETHERNET, whole, cut=start - 4))[5:8] == (b"", 512, 1000)
    assert decode(frame(LinkType.ETHERNET, whole, cut=start - 17)) is None


@pytest.mark.parametrize(
    "packet",
    [
        ether(type=0x0806) / Raw(bytes(28)),
        ether() / IP(**V4, proto=17) / Raw(bytes(28)),
        ether() / IP(**V4, frag=3) / tcp() / DATA,
        ether() / IP(**V4, ihl=4) / tcp() / DATA,
        ether() / IP(**V4, len=2000) / tcp() / DATA,
        ether() / IP(**V4) / tcp(dataofs=4) / DATA,
        ether() / IP(**V4) / tcp(dataofs=15),
        ether() / IPv6(**V6) / IPv6ExtHdrFragment(offset=1) / tcp() / DATA,
        ether() / IPv6(**V6, plen=2000) / tcp() / DATA,
        ether() / IPv6(**V6, nh=0) / Raw(b"\x00" * 400),
        ether() / Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q() / Dot1Q() / IP(**V4) / tcp(),
    ],
)
def test_no_tcp_segment(packet):
    assert decode(frame(LinkType.ETHERNET, packet)) is None


@pytest.mark.parametrize(
    "packet",
    [
        ether() / IP(**V4, flags="MF") / tcp() / DATA,
        ether() / IPv6(**V6) / IPv6ExtHdrFragment(m=1) / tcp() / DATA,
    ],
)
def test_the_first_fragment_lacks_something_at_its_end(packet):
    found = decode(frame(LinkType.ETHERNET, packet))
    assert (found.payload, found.truncated) == (DATA, FRAGMENT_REST)


def test_an_unknown_link_type_is_no_segment():
    assert decode(frame(147, IP(**V4) / tcp())) is None


@pytest.mark.parametrize(
    ("flags", "names"), [(0x02, "SYN"), (0x12, "SYN,ACK"), (0x11, "FIN,ACK"), (0x14, "RST,ACK")]
)
def test_flag_names(flags, names):
    assert flag_names(flags) == names


@given(
    st.sampled_from([0, 1, 9, 12, 50, 51, 101, 104, 105, 108, 113, 127, 204, 228, 229, 258, 276]),
    st.binary(max_size=120),
    st.integers(0, 70000),
)
def test_any_bytes_are_survived(link_type, data, original_length):
    decode(Frame(0, link_type, data, original_length))


DAMAGED = bytes(ether() / IPv6(**V6) / IPv6ExtHdrHopByHop() / tcp() / DATA)


@given(st.data())
def test_any_damage_to_a_frame_is_survived(data):
    packet = bytearray(DAMAGED)
    packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(packet)))
    found = decode(Frame(0, LinkType.ETHERNET, bytes(packet[:cut]), len(packet)))
    assert found is None or 0 <= found.truncated <= len(packet)
