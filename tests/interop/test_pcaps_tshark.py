"""tshark reads `pcaps/` as tlsclose does: each close_notify by packet, FIN and RST by direction.

It is given no key: those are in the files.
"""

import subprocess
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.interop.servers import find
from tests.pcaps.test_pcaps import CAPTURES, every_capture, follow, recorded
from tlsclose.core.event import Kind, Side
from tlsclose.wire.packets import TcpFlags

pytestmark = pytest.mark.peer("tshark")

FIELDS: Final = ("frame.number", "tcp.srcport", "tcp.flags", "tls.alert_message.desc")
CLOSE_NOTIFY: Final = "0"
ENDS: Final = {Kind.FIN: TcpFlags.FIN, Kind.RST: TcpFlags.RST}


def rows(path: Path) -> list[tuple[int, Side, int, list[str]]]:
    """Number, sender, TCP flags and alert descriptions of every packet, in tshark's words."""
    done = subprocess.run(
        [
            *(find("tshark"), "-n", "-r", str(path), "-T", "fields"),
            *(word for field in FIELDS for word in ("-e", field)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    client = recorded(path).report["connection"]["client"].rpartition(":")[2]
    found = []
    for line in done.stdout.splitlines():
        number, port, flags, alerts = line.split("\t")
        side = Side.CLIENT if port == client else Side.SERVER
        found.append((int(number), side, int(flags, 16), alerts.split(",") if alerts else []))
    return found


@every_capture
def test_every_close_notify(path: Path) -> None:
    theirs = [
        (number, side)
        for number, side, _, alerts in rows(path)
        for alert in alerts
        if alert == CLOSE_NOTIFY
    ]
    ours = [
        (event.packet, event.sender)
        for event in follow(recorded(path), with_keys=True).events
        if event.kind is Kind.CLOSE_NOTIFY
    ]
    assert ours == theirs


@every_capture
@pytest.mark.parametrize("end", ENDS)
def test_packets_that_end_tcp(path: Path, end: Kind) -> None:
    theirs = Counter(side for _, side, flags, _ in rows(path) if flags & ENDS[end])
    run = recorded(path)
    client = run.report["connection"]["client"]
    ours = Counter(
        Side.CLIENT if f"{segment.src[0]}:{segment.src[1]}" == client else Side.SERVER
        for _, segment in run.packets
        if segment.flags & ENDS[end]
    )
    assert ours == theirs
    events = {event.sender for event in follow(run, with_keys=True).events if event.kind is end}
    assert events == set(theirs)


def test_there_are_captures() -> None:
    assert CAPTURES
