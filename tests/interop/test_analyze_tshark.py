"""`tlsclose analyze` and tshark agree on every connection: alerts, FIN, RST, version.

Over `pcaps/`, and over the folders that `TLSCLOSE_CAPTURES` names (joined as in PATH). Where a
key log stands beside a capture (`X.keys` for `X.pcap`), once without it and once with it.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from tests.interop import tool, tshark
from tlsclose.core.event import ALERT_SIZED

pytestmark = pytest.mark.peer("tshark")

PCAPS: Final = Path(__file__).parents[2] / "pcaps"
ELSEWHERE: Final = [
    Path(folder) for folder in os.environ.get("TLSCLOSE_CAPTURES", "").split(os.pathsep) if folder
]
ENDINGS: Final = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz", ".pcap.zst", ".pcapng.zst")
CAPTURES: Final = [
    path
    for folder in (PCAPS, *ELSEWHERE)
    for path in sorted(folder.rglob("*"))
    if path.name.endswith(ENDINGS)
]
READABLE: Final = ("wire", "decrypted")

EXPLAINED: Final = {
    ("https-to-http.pcap", 0, "TLS"): (
        "a ClientHello to port 80, answered in HTML: tshark goes by the port and calls both HTTP; "
        "tlsclose finds TLS by content on any port, and the verdict is not-tls"
    ),
    ("ssl-v2.pcap", 0, "TLS"): (
        "SSL 2.0 from the first byte to the last, which tshark counts among TLS: it has other "
        "records and no alerts, so no close to judge; tlsclose counts it as without TLS"
    ),
}
"""Differences that stay, by file, connection and what differs, each with its reason."""

Told = dict[str, Any]


def keys_of(path: Path) -> Path:
    """Where a capture's key log would be."""
    return path.with_name(f"{path.name.partition('.pcap')[0]}.keys")


RUNS: Final = [
    pytest.param(path, keys, id=f"{path.parent.name}/{path.name}{' with keys' if keys else ''}")
    for path in CAPTURES
    for keys in (None, keys_of(path))
    if keys is None or keys.exists()
]


def theirs(path: Path, keys: Path | None) -> dict[int, Told]:
    """The TLS connections by number, as tshark sees them."""
    return {
        number: {
            "alerts": stream.alerts,
            "sealed alerts": stream.sealed_alerts if stream.version != "1.3" else [],
            "FIN": sorted(stream.fin),
            "RST": sorted(stream.rst),
            "version": stream.version,
        }
        for number, stream in tshark.streams(path, keys).items()
        if stream.tls
    }


def ours(path: Path, keys: Path | None) -> dict[int, Told]:
    """The same by `tlsclose analyze`: a run for each capture, or they would share their keys."""
    done = tool.tlsclose(
        *("analyze", str(path), "--format", "json"),
        *(() if keys is None else ("--keylog", str(keys))),
    )
    assert done.stdout, done.stderr
    reports = json.loads(done.stdout)["reports"]
    return {report["connection"]["stream"]: _told(report) for report in reports}


def _told(report: dict[str, Any]) -> Told:
    ends, events = report["connection"], report["events"]
    version = report["tls"]["version"]
    alerts = [event for event in events if event["kind"] in ("close_notify", "alert")]
    sealed = [event for event in alerts if event["source"] not in READABLE]
    sealed += [event for event in events if event["detail"] == ALERT_SIZED]
    return {
        "alerts": [
            (event["packet"], ends[event["sender"]], _words(event))
            for event in alerts
            if event["source"] in READABLE
        ],
        "sealed alerts": sorted((event["packet"], ends[event["sender"]]) for event in sealed)
        if version != "1.3"
        else [],
        "FIN": sorted({ends[event["sender"]] for event in events if event["kind"] == "fin"}),
        "RST": sorted({ends[event["sender"]] for event in events if event["kind"] == "rst"}),
        "version": version,
    }


def _words(event: dict[str, Any]) -> str:
    closing = event["kind"] == "close_notify"
    return f"{event['detail']} close_notify" if closing else str(event["detail"])


def differences(path: Path, keys: Path | None) -> dict[tuple[str, int, str], tuple[Any, Any]]:
    """What tlsclose and tshark say differently, by file, connection and subject."""
    mine, other = ours(path, keys), theirs(path, keys)
    found: dict[tuple[str, int, str], tuple[Any, Any]] = {}
    for number in sorted(mine.keys() | other.keys()):
        if number not in mine or number not in other:
            found[path.name, number, "TLS"] = (number in mine, number in other)
            continue
        for subject, said in mine[number].items():
            if said != other[number][subject]:
                found[path.name, number, subject] = (said, other[number][subject])
    return found


@pytest.mark.parametrize(("path", "keys"), RUNS)
def test_tshark_says_the_same(path: Path, keys: Path | None) -> None:
    found = differences(path, keys)
    assert {key: said for key, said in found.items() if key not in EXPLAINED} == {}
    assert {key for key in EXPLAINED if key[0] == path.name} <= found.keys()


def test_there_are_captures() -> None:
    assert RUNS
