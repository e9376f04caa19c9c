"""What is made for the large capture, without making it."""

import ipaddress
from collections import Counter
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.utils import rdpcap, wrpcap

pytest.importorskip("fcntl", reason="the benchmarks are for POSIX")

from tests.benchmarks.analyze.enlarge import PAUSE_S, enlarge
from tests.benchmarks.analyze.plan import CLOSES, FAILURES, planned

CLIENT, SERVER = "10.100.0.1", "10.100.0.2"
CLIENT6, SERVER6 = "fd77:100::1", "fd77:100::2"
CLIENTS = {ipaddress.ip_address(address).packed for address in (CLIENT, CLIENT6)}
PACKETS = (
    Ether() / IP(src=CLIENT, dst=SERVER) / TCP(sport=40000, dport=443, flags="S"),
    Ether() / IP(src=SERVER, dst=CLIENT) / TCP(sport=443, dport=40000, flags="SA") / b"odd",
    Ether() / IPv6(src=CLIENT6, dst=SERVER6) / TCP(sport=40001, dport=443) / b"even",
    Ether() / IPv6(src=SERVER6, dst=CLIENT6) / TCP(sport=443, dport=40001),
)


def sums(packet: Packet) -> tuple[int | None, int]:
    """Checksums of IP and TCP."""
    return packet[IP].chksum if IP in packet else None, packet[TCP].chksum


def computed(packet: Packet) -> tuple[int | None, int]:
    """The same, as they must be."""
    fresh = packet.copy()
    if IP in fresh:
        del fresh[IP].chksum
    del fresh[TCP].chksum
    return sums(Ether(bytes(fresh)))


def test_copies_are_later_from_other_addresses_and_whole(tmp_path: Path) -> None:
    source, target = tmp_path / "one.pcap", tmp_path / "three.pcap"
    originals = [Ether(bytes(packet)) for packet in PACKETS]
    for number, packet in enumerate(originals):
        packet.time = 1000 + 2 * number
    wrpcap(str(source), originals)
    assert enlarge(source, target, 3, CLIENTS) == 12
    found = list(rdpcap(str(target)))
    assert [bytes(packet) for packet in found[:4]] == [bytes(packet) for packet in originals]
    assert [sums(packet) for packet in found] == [computed(packet) for packet in found]
    times = [float(packet.time) for packet in found]
    assert times == sorted(times)
    assert times[4] - times[3] >= PAUSE_S
    connections = Counter(frozenset({p.payload.src, p.payload.dst}) for p in found)
    assert connections == {
        frozenset(pair): 2
        for by in range(3)
        for pair in (
            (f"10.{100 + by}.0.1", f"10.{100 - by}.0.2"),
            (f"fd77:{0x100 + by:x}::1", f"fd77:{0x100 - by:x}::2"),
        )
    }


def test_a_plan_is_the_same_each_time_and_about_as_large_as_asked() -> None:
    plans = planned(3000, 300_000_000)
    assert plans == planned(3000, 300_000_000)
    assert {plan.close for plan in plans} == {*CLOSES, *FAILURES}
    assert 240_000_000 < sum(size for plan in plans for size in plan.answers) < 300_000_000


def test_every_script_ends_its_side() -> None:
    for close in CLOSES.values():
        assert close.client[-1] in {"close", "reset"}
        assert close.server[-1] in {"close", "reset", "drain"}
