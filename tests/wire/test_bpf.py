"""The filter program, run by an interpreter written from the kernel's description of it."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.wire import bpf

ETHERNET, NONE = bpf.ETHERNET_HEADER_BYTES, 0
LOOPBACK, ETHER = 772, 1
INCOMING, OUTGOING = 0, 4
PORT = 4433


def run(instructions, packet, *, protocol, hardware=ETHER, direction=INCOMING):  # noqa: C901
    """Bytes accepted. A load beyond the packet ends the program with 0, as in the kernel."""
    ancillary = {0xFFFFF000: protocol, 0xFFFFF004: direction, 0xFFFFF01C: hardware}
    a = x = at = 0
    while True:
        code, if_true, if_false, k = instructions[at]
        at += 1
        try:
            match code:
                case 0x28 if k in ancillary:
                    a = ancillary[k]
                case 0x20:
                    a = struct.unpack_from("!I", packet, k)[0]
                case 0x28:
                    a = struct.unpack_from("!H", packet, k)[0]
                case 0x30:
                    a = packet[k]
                case 0x48:
                    a = struct.unpack_from("!H", packet, x + k)[0]
                case 0xB1:
                    x = 4 * (packet[k] & 0x0F)
                case 0x15:
                    at += if_true if a == k else if_false
                case 0x45:
                    at += if_true if a & k else if_false
                case 0x06:
                    return k
                case _:
                    raise AssertionError(f"unknown instruction {code:#x}")
        except (IndexError, struct.error):
            return 0


def ipv4(source, target, *, ports=(50000, PORT), proto=6, options=b"", fragment=0):
    words = 5 + len(options) // 4
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | words,
        0,
        0,
        0,
        fragment,
        64,
        proto,
        0,
        ipaddress.IPv4Address(source).packed,
        ipaddress.IPv4Address(target).packed,
    )
    return header + options + struct.pack("!HH16x", *ports)


def ipv6(source, target, *, ports=(50000, PORT), proto=6):
    addresses = ipaddress.IPv6Address(source).packed + ipaddress.IPv6Address(target).packed
    return struct.pack("!IHBB", 6 << 28, 20, proto, 64) + addresses + struct.pack("!HH16x", *ports)


A4, B4, C4 = "192.0.2.1", "192.0.2.2", "192.0.2.3"
A6, B6, C6 = "2001:db8::1", "2001:db8::2", "2001:db8:0:1::2"

CASES = {
    "to the port": (ipv4(A4, B4), None, True),
    "from the port": (ipv4(B4, A4, ports=(PORT, 50000)), None, True),
    "another port": (ipv4(A4, B4, ports=(50000, 443)), None, False),
    "udp": (ipv4(A4, B4, proto=17), None, False),
    "options move the ports": (ipv4(A4, B4, options=bytes(8)), None, True),
    "ports in the options do not count": (
        ipv4(A4, B4, ports=(1, 2), options=struct.pack("!HH", PORT, PORT)),
        None,
        False,
    ),
    "do not fragment": (ipv4(A4, B4, fragment=0x4000), None, True),
    "first fragment": (ipv4(A4, B4, fragment=0x2000), None, True),
    "later fragment": (ipv4(A4, B4, fragment=0x0010), None, False),
    "to the host": (ipv4(A4, B4), B4, True),
    "from the host": (ipv4(B4, A4, ports=(PORT, 50000)), B4, True),
    "the host is the other end": (ipv4(A4, B4), A4, False),
    "another host": (ipv4(A4, C4), B4, False),
    "mapped host": (ipv4(A4, B4), f"::ffff:{B4}", True),
    "both ports are the port": (ipv4(A4, B4, ports=(PORT, PORT)), B4, True),
    "v4 host excludes v6": (ipv6(A6, B6), B4, False),
    "v6 to the port": (ipv6(A6, B6), None, True),
    "v6 from the port": (ipv6(B6, A6, ports=(PORT, 50000)), None, True),
    "v6 another port": (ipv6(A6, B6, ports=(1, 2)), None, False),
    "v6 udp": (ipv6(A6, B6, proto=17), None, False),
    "v6 to the host": (ipv6(A6, B6), B6, True),
    "v6 from the host": (ipv6(B6, A6, ports=(PORT, 50000)), B6, True),
    "v6 the host is the other end": (ipv6(A6, B6), A6, False),
    "v6 another host, last word alike": (ipv6(A6, C6), B6, False),
    "v6 scope is ignored": (ipv6("fe80::1", "fe80::2"), "fe80::2%eth0", True),
    "v6 host excludes v4": (ipv4(A4, B4), B6, False),
}


def protocol_of(packet):
    return 0x0800 if packet[0] >> 4 == 4 else 0x86DD


@pytest.mark.parametrize("link_bytes", [ETHERNET, NONE])
@pytest.mark.parametrize(("packet", "host", "passes"), CASES.values(), ids=CASES)
def test_what_passes(packet, host, passes, link_bytes):
    instructions = bpf.program(port=PORT, host=host, link_bytes=link_bytes)
    result = run(instructions, bytes(link_bytes) + packet, protocol=protocol_of(packet))
    assert result == (bpf.SNAP_BYTES if passes else 0)


@pytest.mark.parametrize(
    ("hardware", "direction", "passes"),
    [
        (LOOPBACK, OUTGOING, True),
        (LOOPBACK, INCOMING, False),
        (ETHER, OUTGOING, True),
        (ETHER, INCOMING, True),
    ],
)
def test_one_of_the_two_loopback_copies(hardware, direction, passes):
    result = run(
        bpf.program(port=PORT, host=None, link_bytes=NONE),
        ipv4(A4, B4),
        protocol=0x0800,
        hardware=hardware,
        direction=direction,
    )
    assert bool(result) is passes


def test_other_protocols_do_not_pass():
    arp = struct.pack("!HH", PORT, PORT) * 16
    assert run(bpf.program(port=PORT, host=None, link_bytes=NONE), arp, protocol=0x0806) == 0


@given(
    packet=st.binary(max_size=120),
    protocol=st.sampled_from([0x0800, 0x86DD, 0x0806]),
    host=st.sampled_from([None, B4, B6]),
)
def test_any_packet_ends_in_a_verdict(packet, protocol, host):
    instructions = bpf.program(port=PORT, host=host, link_bytes=NONE)
    assert run(instructions, packet, protocol=protocol) in {0, bpf.SNAP_BYTES}


def test_jumps_stay_in_the_program():
    for host in (None, B4, B6):
        instructions = bpf.program(port=PORT, host=host, link_bytes=ETHERNET)
        for at, line in enumerate(instructions):
            assert 0 <= line.if_true <= 255
            assert 0 <= line.if_false <= 255
            assert at + max(line.if_true, line.if_false) < len(instructions)


def test_host_must_be_an_address():
    with pytest.raises(ValueError, match="example"):
        bpf.program(port=PORT, host="example.org", link_bytes=NONE)


def expression_of(host):
    return f"tcp and ((src host {host} and src port 4433) or (dst host {host} and dst port 4433))"


@pytest.mark.parametrize(
    ("host", "text"),
    [
        (None, "tcp port 4433"),
        (
            "::1",
            expression_of("::1"),
        ),
        (
            "::ffff:192.0.2.1",
            expression_of("192.0.2.1"),
        ),
    ],
)
def test_expression_for_libpcap(host, text):
    assert bpf.expression(port=PORT, host=host) == text
