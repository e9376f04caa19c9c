"""Every link type and tunnel: tshark numbers the connections, and sees them end, the same way."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from scapy.layers.inet import IP, TCP

from tests.interop.servers import find
from tests.interop.tool import tlsclose
from tests.wire.captures import AT, pcap
from tests.wire.playbook import CLIENT, MS, SERVER, Tcp, Tls
from tests.wire.wrappings import wrappings
from tlsclose.core.record import TlsVersion
from tlsclose.wire.packets import Segment

pytestmark = pytest.mark.peer("tshark")

FIELDS: Final = (
    "frame.number",
    "tcp.stream",
    "tcp.srcport",
    "tcp.flags",
    "tls.record.content_type",
)
FIN, RST = 0x01, 0x04
ALERT: Final = "21"
PORTS: Final = (50000, 50001)
NAMES: Final = tuple(wrappings(IP()))

Facts = dict[int, set[tuple[str, int, int]]]
"""By connection: what (fin, rst, alert), packet, sender's port."""


@cache
def connections() -> tuple[list[Segment], ...]:
    """One that is closed well, and one that is reset."""
    tls = Tls(TlsVersion.TLS12).shake().send(CLIENT, b"x" * 900).send(SERVER, b"y" * 500)
    good = Tcp().open().flights(tls.close(SERVER).close(CLIENT).flights).fin(SERVER).fin(CLIENT)
    cut = Tcp().open().flights(Tls(TlsVersion.TLS12).shake().flights).rst(SERVER)
    return good.ack(SERVER).segments, cut.segments


def packets() -> Iterator[Any]:
    """Both interleaved, as IP packets of scapy."""
    good, cut = connections()
    for pair in zip(good, [*cut, *[None] * len(good)], strict=False):
        for segment, port in zip(pair, PORTS, strict=True):
            if segment is not None:
                ports = [
                    port if end[1] == PORTS[0] else end[1] for end in (segment.src, segment.dst)
                ]
                header = TCP(
                    sport=ports[0],
                    dport=ports[1],
                    seq=segment.seq,
                    ack=segment.ack,
                    flags=segment.flags,
                    window=segment.window,
                )
                yield IP(src=segment.src[0], dst=segment.dst[0]) / header / segment.payload


def written(path: Path, name: str) -> Path:
    frames, link = [], 0
    for number, packet in enumerate(packets()):
        link, data = wrappings(packet)[name]
        frames.append((AT + number * MS, data, len(data)))
    path.write_bytes(pcap(frames, link=link))
    return path


def theirs(path: Path) -> Facts:
    done = subprocess.run(
        [
            *(find("tshark"), "-n", "-r", str(path), "-T", "fields"),
            *(word for field in FIELDS for word in ("-e", field)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found: Facts = defaultdict(set)
    for line in done.stdout.splitlines():
        number, stream, port, flags, types = line.split("\t")
        facts = found[int(stream)]
        facts |= {("fin", int(number), int(port))} if int(flags, 16) & FIN else set()
        facts |= {("rst", int(number), int(port))} if int(flags, 16) & RST else set()
        facts |= {("alert", int(number), int(port))} if ALERT in types.split(",") else set()
    return dict(found)


def ours(path: Path) -> tuple[Facts, dict[int, str]]:
    reports = json.loads(tlsclose("analyze", str(path), "--format", "json").stdout)["reports"]
    kinds = {"fin": "fin", "rst": "rst", "close_notify": "alert"}
    facts = {
        report["connection"]["stream"]: {
            (
                kinds[event["kind"]],
                event["packet"],
                int(report["connection"][event["sender"]].rpartition(":")[2]),
            )
            for event in report["events"]
            if event["kind"] in kinds
        }
        for report in reports
    }
    return facts, {report["connection"]["stream"]: report["verdict"]["code"] for report in reports}


@pytest.mark.parametrize("name", NAMES)
def test_connections_and_their_ends(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / "it.pcap", name)
    facts, verdicts = ours(path)
    assert facts == theirs(path)
    assert verdicts == {0: "clean", 1: "reset"}
    assert [fact for fact in facts[0] if fact[0] == "alert"]
    assert {port for _, _, port in facts[1]} == {443}
