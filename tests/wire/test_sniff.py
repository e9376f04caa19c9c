"""Real packets between real sockets on loopback, from the first SYN to the last ACK."""

import os
import time

import pytest

from tests.wire.live import (
    ACK,
    FIN,
    LOOPBACK_ADDRESSES,
    SYN,
    Segment,
    capture,
    count,
    in_another_process,
    listener,
    needs_packet_sockets,
    sniffing,
    talk,
)
from tlsclose.wire.frame import LinkType


@capture
@pytest.mark.parametrize("address", LOOPBACK_ADDRESSES)
def test_whole_connection_each_packet_once_in_order(address):
    before = time.time_ns()
    with listener(address) as server:
        port = server.getsockname()[1]
        with sniffing(port) as (sniffer, frames):
            talk(server)
    segments = [Segment(frame) for frame in frames]
    assert [segment.flags & (SYN | ACK) for segment in segments[:3]] == [SYN, SYN | ACK, ACK]
    assert count(frames, SYN) == 2
    assert count(frames, FIN) == 2
    assert segments[-1].flags == ACK
    assert b"".join(segment.payload for segment in segments) == b"hello"
    assert {segment.source for segment in segments} == {address}
    assert all(port in segment.ports for segment in segments)
    assert [frame.at_ns for frame in frames] == sorted(frame.at_ns for frame in frames)
    assert before <= frames[0].at_ns
    assert frames[-1].at_ns <= time.time_ns()
    assert all(frame.original_length == len(frame.data) for frame in frames)
    assert all(frame.link_type == LinkType.ETHERNET for frame in frames)
    assert sniffer.dropped == 0


@capture
def test_first_and_last_packet_every_time():
    with listener("127.0.0.1") as server:
        for _ in range(50):
            with sniffing(server.getsockname()[1]) as (_, frames):
                talk(server)
            assert Segment(frames[0]).flags == SYN
            assert count(frames, FIN) == 2
            assert Segment(frames[-1]).flags == ACK


@capture
def test_large_segments_come_whole():
    payload = os.urandom(4_000_000)
    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        with sniffing(port) as (sniffer, frames):
            talk(server, payload)
    sent = [segment for segment in map(Segment, frames) if segment.ports[1] == port]
    stream = bytearray(len(payload))
    for segment in sent:
        place = (segment.sequence - sent[0].sequence - 1) % 2**32
        if segment.payload:
            stream[place : place + len(segment.payload)] = segment.payload
    assert sniffer.dropped == 0
    assert stream == payload
    assert max(len(frame.data) for frame in frames) > 16_000


@capture
@pytest.mark.parametrize("address", LOOPBACK_ADDRESSES)
@pytest.mark.parametrize("matches", [True, False])
def test_host_narrows(address, matches):
    other = "127.0.0.2" if address == "127.0.0.1" else "::2"
    with listener(address) as server:
        host = address if matches else other
        with sniffing(server.getsockname()[1], host=host) as (_, frames):
            talk(server)
    assert count(frames, FIN) == (2 if matches else 0)


@capture
def test_other_ports_are_not_seen():
    with listener("127.0.0.1") as server, listener("127.0.0.1") as other:
        with sniffing(server.getsockname()[1]) as (_, frames):
            talk(other)
            talk(server)
        port = server.getsockname()[1]
    assert count(frames, SYN) == 2
    assert all(port in Segment(frame).ports for frame in frames)


SNIFF_ONE = """
import socket, sys
from tlsclose.wire.sniff import Sniffer, SniffFilter
server = socket.create_server(("127.0.0.1", 0))
frames = []
sniffer = Sniffer(
    interface="lo", filters=SniffFilter(port=server.getsockname()[1]), on_frame=frames.append
)
sniffer.start()
socket.create_connection(server.getsockname()).close()
sniffer.stop()
print(len(frames) >= 4)
"""


@capture
@needs_packet_sockets
def test_without_libpcap():
    hidden = (
        "import ctypes.util\n"
        "find = ctypes.util.find_library\n"
        "ctypes.util.find_library = lambda name: None if 'pcap' in name else find(name)\n"
    )
    result = in_another_process(hidden + SNIFF_ONE)
    assert (result.stdout, result.stderr) == ("True\n", "")


@capture
@needs_packet_sockets
def test_imports_no_more_of_scapy_than_it_needs():
    probe = "print([name for name in sys.modules if name.startswith('scapy.layers')])"
    result = in_another_process(SNIFF_ONE + probe)
    assert result.stdout.splitlines() == ["True", "[]"]
    result = in_another_process(
        "import sys; from tlsclose.wire.sniff import can_sniff; can_sniff();"
        "print([name for name in sys.modules if name.startswith('scapy')])"
    )
    assert result.stdout == "[]\n"


@capture
@needs_packet_sockets
def test_scapy_captures_elsewhere():
    elsewhere = (
        "import tlsclose.wire.sniff as sniff\n"
        "sniff._PACKET_SOCKETS = False\n"
        "if sniff.can_sniff(): print('True'); raise SystemExit\n"
        "print(sniff.can_sniff('nowhere0') == \"no interface 'nowhere0'\")\n"
    )
    result = in_another_process(elsewhere + SNIFF_ONE, SCAPY_USE_LIBPCAP="1")
    assert set(result.stdout.split()) == {"True"}, result.stderr
