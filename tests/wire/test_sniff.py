"""Real packets between real sockets: on loopback, and on Ethernet through a network namespace."""

import ipaddress
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.wire import packet_socket, sniff
from tlsclose.wire.frame import LinkType
from tlsclose.wire.sniff import Sniffer, SniffFilter, can_sniff

FIN, SYN, ACK = 0x01, 0x02, 0x10
LOOPBACK_ADDRESSES = ["127.0.0.1", "::1"]
needs_packet_sockets = pytest.mark.skipif(
    not hasattr(socket, "AF_PACKET"), reason="Linux packet sockets"
)
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


@capture
@needs_packet_sockets
def test_any_interface_shows_each_packet_once():
    with listener("::1") as server:
        port = server.getsockname()[1]
        with sniffing(port, interface=packet_socket.ANY_INTERFACE) as (_, frames):
            talk(server)
    assert count(frames, SYN) == 2
    assert {frame.link_type for frame in frames} == {LinkType.RAW}


@capture
def test_drain_ends_when_done():
    with listener("127.0.0.1") as server, sniffing(server.getsockname()[1]) as (sniffer, frames):
        talk(server)
        assert sniffer.drain(lambda: count(list(frames), FIN) == 2, 30)
        assert not sniffer.drain(lambda: False, 0.01)
        assert sniffer.drain(lambda: True, 0)


@capture
def test_drain_behind_its_deadline_delivers_what_is_queued():
    seen = []

    def slowly(frame):
        time.sleep(0.01)
        seen.append(frame)

    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        with sniffing(port, on_frame=slowly) as (sniffer, _):
            talk(server)
            assert not sniffer.drain(lambda: False, 0)
            assert count(list(seen), FIN) == 2


@capture
def test_drain_ends_with_the_capture():
    with listener("127.0.0.1") as server, sniffing(server.getsockname()[1]) as (sniffer, _):
        threading.Timer(0.05, sniffer.stop).start()
        assert not sniffer.drain(lambda: False, 60)


@capture
def test_stop_is_idempotent_and_leaves_no_thread_or_descriptor():
    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        with sniffing(port):
            pass
        threads, descriptors = threading.active_count(), open_descriptors()
        for _ in range(5):
            with sniffing(port) as (sniffer, _):
                pass
            sniffer.stop()
        assert threading.active_count() == threads
        assert open_descriptors() == descriptors


def test_stop_and_drain_without_start():
    sniffer = Sniffer(interface="lo", filters=SniffFilter(port=1), on_frame=print)
    sniffer.stop()
    assert not sniffer.drain(lambda: False, 60)
    assert sniffer.dropped == 0


@capture
def test_failure_of_the_receiver_is_raised_by_stop():
    def broken(_):
        raise ZeroDivisionError("receiver")

    with listener("127.0.0.1") as server:
        sniffer = Sniffer(
            interface="lo",
            filters=SniffFilter(port=server.getsockname()[1]),
            on_frame=broken,
        )
        sniffer.start()
        talk(server)
        assert not sniffer.drain(lambda: False, 60)
        with pytest.raises(ZeroDivisionError, match="receiver"):
            sniffer.stop()
        sniffer.stop()


@capture
def test_stop_does_not_wait_for_a_stuck_receiver(monkeypatch):
    monkeypatch.setattr(sniff, "STOP_DEADLINE_S", 0.05)
    release = threading.Event()
    with listener("127.0.0.1") as server:
        sniffer = Sniffer(
            interface="lo",
            filters=SniffFilter(port=server.getsockname()[1]),
            on_frame=lambda _: release.wait(60) and None,
        )
        sniffer.start()
        talk(server)
        sniffer.stop()
        assert not release.is_set()
        release.set()


@capture
@needs_packet_sockets
def test_cut_packet_keeps_its_length(monkeypatch):
    monkeypatch.setattr("tlsclose.wire.bpf.SNAP_BYTES", 100)
    with listener("127.0.0.1") as server, sniffing(server.getsockname()[1]) as (_, frames):
        talk(server, bytes(1000))
    (cut,) = [frame for frame in frames if frame.original_length > len(frame.data)]
    assert len(cut.data) == 100
    assert cut.original_length >= 1000


@capture
@needs_packet_sockets
def test_drops_are_counted(monkeypatch):
    monkeypatch.setattr(packet_socket, "BUFFER_BYTES", 4096)
    entered, release = threading.Event(), threading.Event()

    def stuck(_):
        entered.set()
        release.wait(60)

    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        with sniffing(port, on_frame=stuck) as (sniffer, _):
            talk(server)
            assert entered.wait(60)
            for _ in range(20):
                talk(server)
            release.set()
    assert sniffer.dropped > 0


@capture
@pytest.mark.parametrize("name", ["nowhere0", "", "x" * 40, "a\0b", "lo\x1b[31m"])
def test_unknown_interface_is_a_usage_error(name):
    sniffer = Sniffer(interface=name, filters=SniffFilter(port=1), on_frame=print)
    with pytest.raises(UsageError, match=r"^no interface '.*: this machine has .*lo") as caught:
        sniffer.start()
    assert "\x1b" not in str(caught.value)
    assert can_sniff(name) == str(caught.value)


@capture
def test_can_sniff():
    assert can_sniff() is None
    assert can_sniff("lo") is None


def in_another_process(script, *, prefix=(), **variables):
    return subprocess.run(
        [*prefix, sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **variables},
    )


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


@needs_packet_sockets
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="drops root's rights")
@pytest.mark.peer("setpriv")
def test_not_permitted_says_what_to_do():
    result = in_another_process(
        "from tlsclose.errors import CaptureDeniedError\n"
        "from tlsclose.wire.sniff import Sniffer, SniffFilter, can_sniff\n"
        "sniffer = Sniffer(interface='lo', filters=SniffFilter(port=1), on_frame=print)\n"
        "try: sniffer.start()\n"
        "except CaptureDeniedError as error: print(error, can_sniff() == str(error), sep='|')\n",
        prefix=("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"),
    )
    message, _, same = result.stdout.strip().partition("|")
    assert same == "True", result.stderr
    assert "\n" not in message
    for part in ("not permitted", "root", "setcap cap_net_raw", "--capture tap"):
        assert part in message


@contextmanager
def ethernet():
    """A veth pair into a network namespace; yields its name and the two addresses of each end."""
    tag = f"tc{os.getpid() % 100000}"
    inside, outside = f"{tag}i", f"{tag}o"
    ip = "ip link add {o} type veth peer name {i}; ip link set {i} netns {t}; "
    ip += "ip addr add 198.18.77.1/30 dev {o}; ip addr add fd77::1/64 dev {o} nodad; "
    ip += "ip link set {o} up; ip -n {t} addr add 198.18.77.2/30 dev {i}; "
    ip += "ip -n {t} addr add fd77::2/64 dev {i} nodad; ip -n {t} link set {i} up"
    script = "set -e; ip netns add {t}; " + ip
    made = subprocess.run(
        ["sh", "-c", script.format(o=outside, i=inside, t=tag)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        if made.returncode:
            pytest.skip(f"no network namespace: {made.stderr.strip()}")
        yield outside, tag
    finally:
        subprocess.run(["ip", "netns", "del", tag], check=False, capture_output=True)


PEER = """
import socket, sys
client = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
client.sendall(b"hello"); client.shutdown(socket.SHUT_WR)
while client.recv(100): pass
"""


@capture
@needs_packet_sockets
@pytest.mark.peer("ip")
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="makes a namespace")
def test_ethernet_in_both_directions():
    with ethernet() as (interface, namespace):
        for address, peer in (("198.18.77.1", "198.18.77.2"), ("fd77::1", "fd77::2")):
            with listener(address) as server:
                port = server.getsockname()[1]
                with sniffing(port, host=address, interface=interface) as (_, frames):
                    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", PEER]
                    with subprocess.Popen([*command, address, str(port)]) as process:
                        server.settimeout(30)
                        connection, _ = server.accept()
                        with connection:
                            while connection.recv(100):
                                pass
                        assert process.wait(30) == 0
            assert {Segment(frame).source for frame in frames} == {address, peer}
            assert count(frames, SYN) == count(frames, FIN) == 2
            assert {frame.link_type for frame in frames} == {LinkType.ETHERNET}
        down = Sniffer(interface=interface, filters=SniffFilter(port=1), on_frame=print)
        subprocess.run(["ip", "link", "set", interface, "down"], check=True)
        with pytest.raises(CaptureDeniedError, match=f"{interface}' is down"):
            down.start()


@capture
@needs_packet_sockets
@pytest.mark.peer("ip")
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="makes a namespace")
def test_interface_that_vanishes_does_not_hang():
    with ethernet() as (interface, _):
        sniffer = Sniffer(interface=interface, filters=SniffFilter(port=1), on_frame=print)
        sniffer.start()
        subprocess.run(["ip", "link", "del", interface], check=True)
        assert not sniffer.drain(lambda: False, 0.05)
        sniffer.stop()


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


def test_stream_stands_in_for_a_packet_socket(monkeypatch):
    """Without a right to capture: the source is a script."""

    class Source:
        linger_s = 0.0

        def __init__(self):
            self.dropped = 3
            self.queue = [["a", "b"], ["c"]]
            self.awake = threading.Event()

        def wait(self, timeout_s):
            return None if self.queue else self.awake.wait(timeout_s) and None

        def wake(self):
            self.awake.set()

        def pending(self):
            return bool(self.queue)

        def receive(self):
            return [Stamped(name) for name in self.queue.pop(0)] if self.queue else []

        def close(self):
            self.dropped += 1

    class Stamped(str):
        at_ns = 0

    source = Source()
    monkeypatch.setattr(sniff, "_open", lambda *_: source)
    with sniffing(1) as (sniffer, frames):
        assert sniffer.drain(lambda: len(frames) == 3, 60)
        source.queue.append(["d"])
    assert "".join(frames) == "abcd"
    assert sniffer.dropped == 4
