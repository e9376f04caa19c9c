"""`tcpdump -U -w - | tlsclose analyze -`: each connection is told while the capture goes on.

How long after its last packet is measured and written down (`--junit-xml`, or `-s` to see it); no
time is asserted but that it comes before the pipe ends. tcpdump alone holds packets back for up to
a second; with `--immediate-mode` it does not, but then it needs a larger buffer.
"""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from tests.interop import tool, witness
from tests.interop.certs import Identity
from tests.interop.servers import BY_NAME, VERSIONS, find

pytestmark = [pytest.mark.peer("tcpdump"), pytest.mark.capture]

SERVER: Final = BY_NAME["python-notify-close"]
CONNECTIONS: Final = 3


class Pipe:
    """tcpdump on the loopback interface, and tlsclose behind it."""

    def __init__(
        self, tcpdump: "subprocess.Popen[bytes]", tlsclose: "subprocess.Popen[str]"
    ) -> None:
        self._tcpdump = tcpdump
        self._tlsclose = tlsclose

    def line(self) -> str:
        """The next line of the report, which has come while packets could still come."""
        assert self._tlsclose.stdout is not None
        line = self._tlsclose.stdout.readline()
        assert (self._tcpdump.poll(), self._tlsclose.poll()) == (None, None)
        return line

    def end(self) -> str:
        """What more is told once tcpdump has ended."""
        self._tcpdump.terminate()
        rest, _ = self._tlsclose.communicate(timeout=tool.RUN_S)
        return rest


@contextlib.contextmanager
def capturing(port: int, *args: str) -> Iterator[Pipe]:
    """Capture what goes over this port, from when tcpdump says that it listens."""
    command = [*(find("tcpdump"), "-i", "lo", "-U", "-w", "-", "--immediate-mode", "-B", "16384")]
    with (
        subprocess.Popen(
            [*command, f"tcp port {port}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as tcpdump,
        subprocess.Popen(
            [*tool.COMMAND, "analyze", "-", *args],
            stdin=tcpdump.stdout,
            stdout=subprocess.PIPE,
            text=True,
        ) as tlsclose,
    ):
        assert tcpdump.stdout is not None
        assert tcpdump.stderr is not None
        tcpdump.stdout.close()
        try:
            while b"listening on" not in tcpdump.stderr.readline():
                assert tcpdump.poll() is None
            yield Pipe(tcpdump, tlsclose)
        finally:
            tcpdump.kill()
            tlsclose.kill()


def visit(port: int, version: str) -> None:
    """Ask, read the answer, close as the server does."""
    connection = witness.connect(port, version)
    connection.write(witness.GET_AND_CLOSE)
    connection.flush()
    connection.read_response()
    connection.notify()
    connection.flush()
    connection.end()


@pytest.mark.parametrize("version", VERSIONS)
def test_json_lines(
    version: str, identity: Identity, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with (
        SERVER.start(version, identity, tmp_path) as peer,
        capturing(peer.port, "--format", "jsonl") as pipe,
    ):
        idle, streams = witness.connect(peer.port, version), []
        visit(peer.port, version)
        assert pipe.line()  # it may have been starting until now
        for number in range(CONNECTIONS):
            visit(peer.port, version)
            report = json.loads(pipe.line())
            latency_s = time.time() - last_packet_s(report)
            record_property(f"latency_{number}_s", round(latency_s, 3))
            print(f"told {latency_s:.3f} s after its last packet")  # noqa: T201
            assert report["verdict"]["code"] == "clean"
            streams.append(report["connection"]["stream"])
        rest = pipe.end()
        idle.end()
    (report,) = map(json.loads, rest.splitlines())
    streams.insert(0, report["connection"]["stream"])
    assert streams == sorted(set(streams))
    assert report["verdict"]["code"] == "capture-incomplete"


def last_packet_s(report: "dict[str, object]") -> float:
    """When the last of a report's events happened, in seconds since the epoch."""
    began = datetime.fromisoformat(str(report["started_at"])).timestamp()
    events = report["events"]
    assert isinstance(events, list)
    return began + max(int(event["at_ns"]) for event in events) / 1e9


def test_the_table_grows_by_lines(identity: Identity, tmp_path: Path) -> None:
    with SERVER.start("1.3", identity, tmp_path) as peer, capturing(peer.port) as pipe:
        visit(peer.port, "1.3")
        assert pipe.line().split()[:3] == ["#", "client", "server"]
        for _ in range(CONNECTIONS):
            assert " clean? " in pipe.line()
            visit(peer.port, "1.3")
        assert f"{CONNECTIONS + 1} TLS connections" in pipe.end()


def test_a_timeline_is_drawn_while_the_pipe_is_open(identity: Identity, tmp_path: Path) -> None:
    with (
        SERVER.start("1.3", identity, tmp_path) as peer,
        capturing(peer.port, "--stream", "0") as pipe,
    ):
        visit(peer.port, "1.3")
        lines = iter(pipe.line, "")
        assert any("CLEAN" in line for line in lines)
