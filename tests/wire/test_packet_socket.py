"""What only a Linux packet socket has, on loopback and on Ethernet through a network namespace."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from tests.wire.live import (
    FIN,
    SYN,
    Segment,
    capture,
    count,
    in_another_process,
    listener,
    needs_packet_sockets,
    needs_root,
    sniffing,
    talk,
)
from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.wire.frame import LinkType
from tlsclose.wire.sniff import Sniffer, SniffFilter, can_sniff

packet_socket = pytest.importorskip(
    "tlsclose.wire.packet_socket", reason="Linux packet sockets", exc_type=ImportError
)


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


@needs_packet_sockets
@needs_root
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
@needs_root
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
@needs_root
def test_interface_that_vanishes_does_not_hang():
    with ethernet() as (interface, _):
        sniffer = Sniffer(interface=interface, filters=SniffFilter(port=1), on_frame=print)
        sniffer.start()
        subprocess.run(["ip", "link", "del", interface], check=True)
        assert not sniffer.drain(lambda: False, 0.05)
        sniffer.stop()
