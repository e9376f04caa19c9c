"""One IP packet in every wrapping that is read, built by scapy: link type and frame."""

from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11, Dot11QoS, RadioTap
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting
from scapy.layers.l2 import GRE, LLC, SNAP, CookedLinux, Dot1Q, Dot3, Ether
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.layers.vxlan import VXLAN

ENDS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
HOSTS = {"src": "10.0.0.1", "dst": "10.0.0.2"}
HOSTS6 = {"src": "fd00::1", "dst": "fd00::2"}
AIR = {"addr1": "02:00:00:00:00:02", "addr2": "02:00:00:00:00:01", "addr3": "02:00:00:00:00:03"}


def ether(**fields):
    return Ether(**ENDS, **fields)


def pktap(link_type, data):
    head = (108).to_bytes(4, "little") + (1).to_bytes(4, "little") + link_type.to_bytes(4, "little")
    return head.ljust(108, b"\0") + data


def wrappings(ip):
    """By name; `ip` is an IPv4 packet of scapy."""
    raw = bytes(ip)
    air = LLC() / SNAP() / raw
    air.getlayer(SNAP).code = 0x0800
    air = bytes(air)
    tunnelled = ether() / ip
    return {
        "PPP": (9, bytes(HDLC() / PPP(proto=0x0021) / raw)),
        "PPP, short": (9, b"\x21" + raw),
        "PPP with direction": (204, b"\x01" + bytes(HDLC() / PPP(proto=0x0021) / raw)),
        "PPP in HDLC": (50, bytes(HDLC() / PPP(proto=0x0021) / raw)),
        "Cisco HDLC": (104, b"\x0f\x00\x08\x00" + raw),
        "PPPoE alone": (51, bytes(PPPoE(sessionid=1, len=len(raw) + 2) / PPP(proto=0x21) / raw)),
        "PPPoE": (1, bytes(ether() / PPPoE(sessionid=1) / PPP(proto=0x0021) / ip)),
        "PPPoE in VLAN": (1, bytes(ether() / Dot1Q(vlan=7) / PPPoE() / PPP(proto=0x0021) / ip)),
        "PPPoE, cooked": (113, bytes(CookedLinux(proto=0x8864) / PPPoE() / PPP(proto=0x21) / ip)),
        "PPPoE, cooked 2": (276, b"\x88\x64" + bytes(18) + bytes(PPPoE() / PPP(proto=0x21) / ip)),
        "MPLS": (1, bytes(ether(type=0x8847) / MPLS(label=3, s=1, ttl=9) / ip)),
        "MPLS, two labels": (
            1,
            bytes(ether(type=0x8847) / MPLS(label=3, s=0, ttl=9) / MPLS(label=4, s=1) / ip),
        ),
        "LLC and SNAP": (1, bytes(Dot3(**ENDS) / air)),
        "IP in IP": (1, bytes(ether() / IP(**HOSTS) / ip)),
        "IP in IP in IP": (101, bytes(IP(**HOSTS) / IP(**HOSTS) / ip)),
        "IP in IPv6": (1, bytes(ether() / IPv6(**HOSTS6, nh=4) / ip)),
        "IP in IPv6 with options": (
            1,
            bytes(ether() / IPv6(**HOSTS6) / IPv6ExtHdrDestOpt(nh=4) / ip),
        ),
        "GRE": (1, bytes(ether() / IP(**HOSTS) / GRE() / ip)),
        "GRE with a key": (
            1,
            bytes(ether() / IP(**HOSTS) / GRE(key_present=1, key=5, seqnum_present=1) / ip),
        ),
        "GRE with a checksum": (1, bytes(ether() / IP(**HOSTS) / GRE(chksum_present=1) / ip)),
        "GRE with Ethernet": (1, bytes(ether() / IP(**HOSTS) / GRE(proto=0x6558) / tunnelled)),
        "GRE in IPv6": (1, bytes(ether() / IPv6(**HOSTS6) / GRE() / ip)),
        "ERSPAN": (
            1,
            bytes(
                ether()
                / IP(**HOSTS)
                / GRE(proto=0x88BE, seqnum_present=1)
                / (b"\x10" + bytes(7) + bytes(tunnelled))
            ),
        ),
        "VXLAN": (1, bytes(ether() / IP(**HOSTS) / UDP(dport=4789) / VXLAN(vni=9) / tunnelled)),
        "VXLAN in IPv6": (
            1,
            bytes(ether() / IPv6(**HOSTS6) / UDP(dport=4789) / VXLAN(vni=9) / tunnelled),
        ),
        "802.11": (105, bytes(Dot11(type=2, FCfield=1, **AIR)) + air),
        "802.11 with QoS": (
            105,
            bytes(Dot11(type=2, subtype=8, FCfield=2, **AIR) / Dot11QoS()) + air,
        ),
        "802.11 between stations of a backbone": (
            105,
            bytes(Dot11(type=2, FCfield=3, **AIR, addr4=AIR["addr1"])) + air,
        ),
        "radiotap": (127, bytes(RadioTap() / Dot11(type=2, FCfield=1, **AIR)) + air),
        "radiotap with time and flags": (
            127,
            bytes(
                RadioTap(present="TSFT+Flags+Rate", mac_timestamp=5, Flags=0x10, Rate=2)
                / Dot11(type=2, FCfield=2, **AIR)
            )
            + air
            + bytes(4),
        ),
        "radiotap with padding": (
            127,
            bytes(RadioTap(present="Flags", Flags=0x20))
            + bytes(Dot11(type=2, subtype=8, FCfield=1, **AIR) / Dot11QoS())
            + bytes(2)
            + air,
        ),
        "pktap": (258, pktap(1, bytes(tunnelled))),
        "pktap of raw IP": (258, pktap(101, raw)),
    }


def extended6(ip6, tcp):
    """IPv6 with headers between it and TCP."""
    return {
        "hop by hop": ip6 / IPv6ExtHdrHopByHop() / tcp,
        "routing": ip6 / IPv6ExtHdrRouting(addresses=["fd00::9"]) / tcp,
        "three": ip6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting() / IPv6ExtHdrDestOpt() / tcp,
    }
