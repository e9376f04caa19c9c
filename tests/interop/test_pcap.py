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


@pytest.mark.parametrize(
    "args", [("--capture", "tap", "--pcap", "close.pcapng"), ("--pcap", "missing/close.pcapng")]
)
@pytest.mark.peer("openssl")
def test_what_cannot_be_written_is_one_line(
    args: tuple[str, ...], identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with servers.BY_NAME["s_server"].start("1.3", identity, tmp_path) as peer:
        done = tool.tlsclose("probe", peer.target, *args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.rglob("*.pcapng")) == []
