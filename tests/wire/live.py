"""Real TCP connections for the capture tests to see, and a small dissector to look with."""

import ipaddress
import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from tlsclose.wire.frame import LinkType
from tlsclose.wire.sniff import Sniffer, SniffFilter

FIN, SYN, ACK = 0x01, 0x02, 0x10
LOOPBACK_ADDRESSES = ["127.0.0.1", "::1"]
needs_packet_sockets = pytest.mark.skipif(
    not hasattr(socket, "AF_PACKET"), reason="Linux packet sockets"
)
needs_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root")
capture = pytest.mark.capture


class Segment:
    """What the tests ask of a frame, dissected here and not by the code under test."""

    def __init__(self, frame):
        packet = frame.data[14:] if frame.link_type == LinkType.ETHERNET else frame.data
        v4 = packet[0] >> 4 == 4
        header = 4 * (packet[0] & 15) if v4 else 40
        addresses = packet[12:20] if v4 else packet[8:40]
        half = len(addresses) // 2
        self.source = str(ipaddress.ip_address(addresses[:half]))
        self.target = str(ipaddress.ip_address(addresses[half:]))
        self.ports = struct.unpack_from("!HH", packet, header)
        (self.sequence,) = struct.unpack_from("!I", packet, header + 4)
        self.flags = packet[header + 13]
        self.payload = packet[header + 4 * (packet[header + 12] >> 4) :]


@contextmanager
def listener(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        yield server


def talk(server, payload=b"hello"):
    """One connection from SYN to the last ACK: both sides have seen the other's FIN."""
    with socket.create_connection(server.getsockname()[:2]) as client:
        peer, _ = server.accept()
        with peer:
            sender = threading.Thread(target=send, args=(client, payload))
            sender.start()
            received = bytearray()
            while chunk := peer.recv(65536):
                received += chunk
            sender.join()
            peer.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
    assert bytes(received) == payload


def send(client, payload):
    client.sendall(payload)
    client.shutdown(socket.SHUT_WR)


def open_descriptors():
    return sum(1 for _ in Path("/dev/fd").iterdir())


@contextmanager
def sniffing(port, *, host=None, interface="lo", on_frame=None):
    frames = []
    sniffer = Sniffer(
        interface=interface,
        filters=SniffFilter(port=port, host=host),
        on_frame=on_frame or frames.append,
    )
    sniffer.start()
    try:
        yield sniffer, frames
    finally:
        sniffer.stop()


def count(frames, flag):
    return sum(bool(Segment(frame).flags & flag) for frame in frames)


def in_another_process(script, *, prefix=(), **variables):
    return subprocess.run(
        [*prefix, sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **variables},
    )
