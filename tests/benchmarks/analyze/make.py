"""Makes the capture, once for the same options, and keeps it in a folder that git ignores."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Final

from tests.benchmarks.analyze import stacks
from tests.benchmarks.analyze.enlarge import enlarge
from tests.benchmarks.analyze.link import CLIENT, SERVER, link
from tests.benchmarks.analyze.serve import NEW_PORT, PORT
from tests.benchmarks.installs import ROOT
from tests.benchmarks.measure import BenchmarkError
from tests.interop.certs import make_identity
from tests.interop.lossy_link import listens

HOME: Final = ROOT / ".bench-data"
EDITION: Final = 2
"""Counts up when captures of the same options would differ."""
PROCESSES: Final = 2
BUFFER_KIB: Final = 512 * 1024
READY_S: Final = 20.0
LOAD_S: Final = 1800
SETTLE_S: Final = 2.5
"""More than tcpdump waits before it takes a block of packets from the kernel."""
_MODULE: Final = "tests.benchmarks.analyze"
_PORTS: Final = (PORT, NEW_PORT, stacks.NGINX_PORT, stacks.OPENSSL_PORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A capture and the keys to it."""

    path: Path
    keys: Path
    gigabytes: float
    connections: int
    packets: int
    edition: int = EDITION

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size


def made(gigabytes: float, connections: int, copies: int = 1) -> Capture:
    """The capture of about that size: the one that is there, or a new one.

    With `copies` it is so many times as large: see `enlarge`.
    """
    HOME.mkdir(exist_ok=True)
    path = HOME / f"{gigabytes:g}gb-{connections}.pcap"
    with _locked(HOME / "lock"):
        first = _recorded(path, gigabytes, connections) or _make(path, gigabytes, connections)
        if copies == 1:
            return first
        path = path.with_name(f"{copies}x{path.name}")
        return _recorded(path, gigabytes, connections) or _enlarge(first, path, copies)


def _enlarge(first: Capture, path: Path, copies: int) -> Capture:
    say(f"making {path.name} of {first.path.name}")
    path.with_suffix(".json").unlink(missing_ok=True)
    clients = {
        socket.inet_pton(socket.AF_INET, CLIENT.address),
        socket.inet_pton(socket.AF_INET6, CLIENT.address6),
    }
    with tempfile.TemporaryDirectory(dir=HOME) as name:
        unfinished = Path(name) / path.name
        packets = enlarge(first.path, unfinished, copies, clients)
        unfinished.replace(path)
    keys = path.with_suffix(".keys")
    shutil.copyfile(first.keys, keys)
    return _note(replace(first, path=path, keys=keys, packets=packets))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process in at a time."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _recorded(path: Path, gigabytes: float, connections: int) -> Capture | None:
    """What an earlier run left at this place for the same options."""
    told_in = path.with_suffix(".json")
    if not (told_in.exists() and path.exists()):
        return None
    told = json.loads(told_in.read_text())
    found = Capture(path=path, keys=path.with_suffix(".keys"), **told)
    wanted = (gigabytes, connections, EDITION)
    return found if (found.gigabytes, found.connections, found.edition) == wanted else None


def _note(capture: Capture) -> Capture:
    """Write down what a capture is, which makes it count as whole."""
    told = asdict(capture)
    del told["path"], told["keys"]
    capture.path.with_suffix(".json").write_text(json.dumps(told))
    return capture


def _make(path: Path, gigabytes: float, connections: int) -> Capture:
    if os.geteuid() != 0:
        raise BenchmarkError("making a capture takes root: it builds a network of its own")
    say(f"making {path.name}; it is kept and used again")
    keys = path.with_suffix(".keys")
    path.with_suffix(".json").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME) as name, link():
        folder = Path(name)
        unfinished = folder / path.name
        with _servers(folder), _tcpdump(unfinished) as tcpdump:
            _load(folder, gigabytes, connections)
            packets = _stop(tcpdump)
        with keys.open("wb") as target:
            for part in sorted(folder.glob("*.keys")):
                target.write(part.read_bytes())
        unfinished.replace(path)
    capture = Capture(
        path=path, keys=keys, gigabytes=gigabytes, connections=connections, packets=packets
    )
    return _note(capture)


@contextlib.contextmanager
def _running(command: Sequence[str], folder: Path, **pipes: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is ours; we end it
        **pipes,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[None]:
    identity = make_identity(folder)
    ours = [sys.executable, "-m", f"{_MODULE}.serve", str(identity.cert), str(identity.key)]
    with contextlib.ExitStack() as stack:
        running = []
        for command, where in [(ours, ROOT)] * PROCESSES + [
            (command, folder) for command in stacks.servers(identity, folder)
        ]:
            quiet = {"stdout": subprocess.DEVNULL}
            running.append(stack.enter_context(_running(SERVER.command(*command), where, **quiet)))
        _wait(running)
        yield


def _wait(running: Sequence[subprocess.Popen[str]]) -> None:
    deadline = time.monotonic() + READY_S
    pid = running[0].pid
    while not all(_is_up(pid, port) for port in _PORTS):
        if time.monotonic() > deadline or any(one.poll() is not None for one in running):
            raise BenchmarkError("a server of the capture did not start")
        time.sleep(0.05)
    time.sleep(0.5)


def _is_up(pid: int, port: int) -> bool:
    table = Path(f"/proc/{pid}/net/tcp6").read_text()
    return listens(pid, port) or f":{port:04X} {'0' * 32}:0000 0A" in table


@contextlib.contextmanager
def _tcpdump(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = ["tcpdump", "-i", CLIENT.name, "-s", "0", "-n", "-B", str(BUFFER_KIB), "-Z", "root"]
    command += ["-w", str(path), "tcp"]
    with _running(CLIENT.command(*command), HOME, stderr=subprocess.PIPE) as process:
        for line in _lines(process.stderr):
            if "listening on" in line:
                break
        else:
            raise BenchmarkError("tcpdump did not start")
        yield process


def _lines(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _stop(tcpdump: subprocess.Popen[str]) -> int:
    """End the capture; the packets in it, none of which may be missing."""
    time.sleep(SETTLE_S)
    tcpdump.send_signal(signal.SIGINT)
    said = _lines(tcpdump.stderr).read()
    tcpdump.wait()
    counts = {
        name: int(number) for number, name in re.findall(r"(\d+) packets? (\w+ by \w+|\w+)", said)
    }
    captured, missed = counts["captured"], counts["dropped by kernel"]
    if missed or captured != counts["received by filter"]:
        raise BenchmarkError(f"tcpdump missed packets: {said}")
    return captured


def _load(folder: Path, gigabytes: float, connections: int) -> None:
    others = connections // stacks.SHARE
    bulk = (str(connections - others), str(int(gigabytes * 1e9)))
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        loads = []
        for part in range(PROCESSES):
            command = [sys.executable, "-m", f"{_MODULE}.load", SERVER.address, SERVER.address6]
            command += [str(folder / f"{part}.keys"), *bulk, str(part), str(PROCESSES)]
            pipes = {"stdout": subprocess.PIPE}
            loads.append(stack.enter_context(_running(CLIENT.command(*command), ROOT, **pipes)))
        for client in stacks.clients(others):
            stacks.run(client, folder / "others.keys")
        for load in loads:
            said, _ = load.communicate(timeout=LOAD_S)
            if load.returncode:
                raise BenchmarkError("the load of the capture broke off")
            say(f"  {said.strip()} after {time.monotonic() - began:.0f} s")


def say(text: str) -> None:
    """Progress, which is no part of the report."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
