"""Start a peer on a free loopback port, wait until it answers, always end it."""

import contextlib
import random
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
PORTS: Final = range(20_000, 32_000)
"""Below the range from which kernels take the ports of clients."""
READY_S: Final = 30.0
"""A Java machine on a busy two-core runner needs most of it."""
PAUSE_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A running peer."""

    name: str
    port: int
    log: Path
    """What it wrote to standard output and standard error."""

    @property
    def target(self) -> str:
        """What a person would type."""
        return f"localhost:{self.port}"


def free_port() -> int:
    """A loopback TCP port that nobody listens on."""
    for _ in range(200):
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                return port
    raise RuntimeError("no free port on the loopback interface")


@contextlib.contextmanager
def running(name: str, command: Sequence[str], port: int, folder: Path) -> Iterator[Peer]:
    """Run `command` in `folder` until the block ends; yield once `port` accepts connections."""
    log = folder / f"{name}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        wait_ready(process, port, log)
        yield Peer(name=name, port=port, log=log)
    finally:
        process.kill()
        process.wait()


def wait_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Connect until it works; raise with the peer's own words where it ended or stayed mute."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), READY_S):
            return
        time.sleep(PAUSE_S)
    words = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"{process.args!r} did not listen on port {port}: {words}")
