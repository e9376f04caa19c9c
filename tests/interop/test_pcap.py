"""A capture written by `--pcap` carries its keys: tshark names the alerts with no key option."""

import subprocess
from pathlib import Path

import pytest

from tests.interop import clients, servers, tool
from tests.interop.certs import Identity
from tests.interop.servers import find
from tests.interop.test_listen import judged
from tests.interop.test_probe import TIMEOUT

CLOSE_NOTIFY = "0"


def alerts(capture: Path) -> list[tuple[str, str]]:
    """Source port and alert description of every alert that tshark can read by itself."""
    done = subprocess.run(
        [
            *(find("tshark"), "-n", "-r", str(capture), "-Y", "tls.alert_message"),
            *("-T", "fields", "-e", "tcp.srcport", "-e", "tls.alert_message.desc"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return [(port, text) for port, texts in rows for text in texts.split(",")]


@pytest.mark.capture
@pytest.mark.peer("tshark", "openssl")
@pytest.mark.parametrize("version", servers.VERSIONS)
def test_probe_capture_names_both(version: str, identity: Identity, tmp_path: Path) -> None:
    capture = tmp_path / "close.pcapng"
    with servers.BY_NAME["s_server"].start(version, identity, tmp_path) as peer:
        outcome = tool.probe(peer.target, *TIMEOUT, "--pcap", str(capture))
    assert outcome.report["capture"]["path"] == str(capture)
    client = outcome.report["connection"]["client"].rpartition(":")[2]
    assert sorted(alerts(capture)) == sorted(
        [(client, CLOSE_NOTIFY), (str(peer.port), CLOSE_NOTIFY)]
    )


@pytest.mark.capture
@pytest.mark.peer("tshark", "openssl")
@pytest.mark.parametrize("version", servers.VERSIONS)
def test_listen_capture_names_both(version: str, classes: Path | None, tmp_path: Path) -> None:
    capture = tmp_path / "close.pcapng"
    outcome = judged(clients.BY_NAME["s_client"], version, classes, "--pcap", str(capture))
    ends = outcome.report["connection"]
    ports = [ends[side].rpartition(":")[2] for side in ("client", "server")]
    assert alerts(capture) == [(port, CLOSE_NOTIFY) for port in ports]


@pytest.mark.peer("tshark", "openssl")
@pytest.mark.parametrize("version", servers.VERSIONS)
def test_a_tapped_capture_names_both(version: str, identity: Identity, tmp_path: Path) -> None:
    capture = tmp_path / "close.pcapng"
    with servers.BY_NAME["s_server"].start(version, identity, tmp_path) as peer:
        tool.probe(peer.target, *TIMEOUT, "--capture", "tap", "--pcap", str(capture))
    assert [text for _, text in alerts(capture)] == [CLOSE_NOTIFY] * 2


@pytest.mark.peer("openssl")
def test_an_unwritable_capture_is_one_line(identity: Identity, tmp_path: Path) -> None:
    capture = tmp_path / "missing" / "close.pcapng"
    with servers.BY_NAME["s_server"].start("1.3", identity, tmp_path) as peer:
        done = tool.tlsclose("probe", peer.target, "--pcap", str(capture))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
