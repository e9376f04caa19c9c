"""Makes `pcaps/`: for each row one run of tlsclose against a real peer, its packets and its report.

    python -m tests.interop.make_pcaps [BEGINNING OF A NAME...]

A row says what must come out. Where something else does, nothing is replaced and the exit code
is 1. Needs every peer, the right to sniff, and root for the link that loses packets. What
`derive_pcaps` makes of the captures is made anew every time; `-` as the name makes nothing else.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.interop import clients, servers, tool
from tests.interop.certs import Identity, make_identity
from tests.interop.derive_pcaps import DERIVED, WITHOUT_KEYS, derive
from tests.interop.lossy_link import FAR, NEAR, listens, lossy_link

PCAPS: Final = Path(__file__).parents[2] / "pcaps"
BODY_BYTES: Final = 1024
LOSSY_BODY_BYTES: Final = 6 * BODY_BYTES
"""Half of it, which is what the server sends, must need more than one full packet."""
BLACK_HOLE_BYTES: Final = 1400
"""Packets larger than this vanish, as on a path whose ICMP is filtered (RFC 2923 section 2.1)."""
BOTH: Final = servers.VERSIONS
ONLY_12: Final = ("1.2",)
ONLY_13: Final = ("1.3",)
AWAIT: Final = ("--scenario", "await")
HALF_CLOSE: Final = ("--scenario", "half-close")
INITIATE: Final = ("--scenario", "initiate")
SILENT: Final = ("--scenario", "silent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every run shares."""

    folder: Path
    identity: Identity
    classes: Path


Run = Callable[[Bench, str, tuple[str, ...]], object]
"""From the bench, the TLS version and the options that name the files: writes those files."""


def probing(name: str, *args: str) -> Run:
    """tlsclose as the client of a server of `servers.BY_NAME`."""

    def run(bench: Bench, version: str, files: tuple[str, ...]) -> object:
        server = servers.BY_NAME[name]
        with server.start(version, bench.identity, bench.folder, bench.classes) as peer:
            return tool.probe(peer.target, "--timeout", "1", *args, *files)

    return run


def listening_to(name: str, *args: str) -> Run:
    """tlsclose as the server of a client of `clients.BY_NAME`."""

    def run(bench: Bench, version: str, files: tuple[str, ...]) -> object:
        size = ("--body", str(BODY_BYTES), "--timeout", "1")
        with tool.listening("--tls", version, *size, *args, *files) as listener:
            clients.BY_NAME[name].run(listener.port, version, bench.classes)
            return listener.outcome()

    return run


def over_lossy_link(name: str) -> Run:
    """tlsclose as the client of a Python server whose full packets get lost on the way."""

    def run(bench: Bench, version: str, files: tuple[str, ...]) -> object:
        with (
            lossy_link(lambda packet: len(packet) > BLACK_HOLE_BYTES),
            _far_server(bench, name, version) as port,
        ):
            command = (*tool.COMMAND, "probe", f"{FAR.address}:{port}", *files)
            return subprocess.run(
                NEAR.command(*command),
                stdout=subprocess.DEVNULL,
                timeout=tool.RUN_S,
                check=False,
            )

    return run


@contextlib.contextmanager
def _far_server(bench: Bench, name: str, version: str) -> Iterator[int]:
    setting = servers.Setting(
        port=4433,
        version=version,
        identity=bench.identity,
        folder=bench.folder,
        classes=bench.classes,
    )
    command = servers.BY_NAME[name].command(setting)
    environment = {**os.environ, "PEER_BODY_BYTES": str(LOSSY_BODY_BYTES)}
    process = subprocess.Popen(FAR.command(*command, FAR.address), env=environment)
    try:
        while not listens(process.pid, setting.port):
            if process.poll() is not None:
                raise RuntimeError(f"{command} ended")
            time.sleep(0.02)
        yield setting.port
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One close, in one or both versions of TLS."""

    code: str
    peer: str
    """What the file name says of the peer."""
    run: Run
    versions: tuple[str, ...] = BOTH

    def name(self, version: str) -> str:
        return f"{self.code}-{self.peer}-tls{version.replace('.', '')}"


def _row(code: str, peer: str, run: Run, versions: tuple[str, ...] = BOTH) -> Row:
    return Row(code=code, peer=peer, run=run, versions=versions)


ROWS: Final = (
    _row("clean", "openssl", probing("s_server")),
    _row("clean", "openssl-padded", probing("s_server-padded"), ONLY_13),
    _row("clean", "gnutls", probing("gnutls-serv")),
    _row("clean", "node", probing("node")),
    _row("clean", "java", probing("java-socket")),
    _row("clean", "nginx", probing("nginx", *AWAIT)),
    _row("clean", "openssl-client", listening_to("s_client")),
    _row("clean", "gnutls-client", listening_to("gnutls-cli")),
    _row("clean", "curl", listening_to("curl", *INITIATE)),
    _row("clean", "python-drops-answer", probing("python-cut-on-notify", *HALF_CLOSE), ONLY_12),
    _row("half-close-cut", "python", probing("python-cut-on-notify", *HALF_CLOSE), ONLY_13),
    _row("incomplete-close", "node", probing("node", *SILENT)),
    _row("incomplete-close", "curl", listening_to("curl", *SILENT)),
    _row("premature-close", "python", probing("python-bare-close")),
    _row("premature-close", "python-unframed", probing("python-bare-close-delimited"), ONLY_13),
    _row("premature-close", "nginx", probing("nginx")),
    _row("premature-close", "wget", listening_to("wget")),
    _row("reset", "python", probing("python-reset-after")),
    _row("reset", "python-midway", probing("python-reset-midway")),
    _row("reset", "python-client", listening_to("python-reset")),
    _row("reset-after-close", "python", probing("python-notify-reset")),
    _row("fatal-alert", "openssl-renegotiates", probing("pyopenssl-renegotiate"), ONLY_12),
    _row("fatal-alert", "openssl-no-certificate", probing("s_server-verify"), ONLY_13),
    _row("handshake-failed", "openssl-no-certificate", probing("s_server-verify"), ONLY_12),
    _row("handshake-failed", "openssl-version", probing("s_server", "--tls", "1.3"), ONLY_12),
    _row("handshake-failed", "python-reset", probing("python-reset-in-handshake"), ONLY_13),
    _row("no-answer", "python", probing("python-deaf")),
    _row("data-after-close", "openssl", probing("pyopenssl-write-after-close")),
    _row("data-lost", "python", over_lossy_link("python-reset-midway")),
    _row("not-tls", "python", probing("python-plain-http"), ONLY_13),
)


def make(folder: Path, wanted: "list[str]") -> "list[str]":
    """Make every capture whose name begins with one of `wanted`; return what went wrong."""
    os.environ["PEER_BODY_BYTES"] = str(BODY_BYTES)
    bench = Bench(folder=folder, identity=make_identity(folder), classes=_compiled(folder))
    wrong = []
    for item, version in ((row, version) for row in ROWS for version in row.versions):
        name = item.name(version)
        if name.startswith(tuple(wanted) or ""):
            files = ("--pcap", f"{name}.pcapng", "--output", f"json={name}.json")
            item.run(bench, version, files)
            said = _said(Path(f"{name}.json"))
            print(f"{name}: {said}", flush=True)  # noqa: T201
            if said != item.code:
                wrong.append(f"{name}: {said}")
    return wrong


def _said(report: Path) -> str | None:
    verdict = json.loads(report.read_text())["reports"][0]["verdict"]
    return None if verdict is None else str(verdict["code"])


def _compiled(folder: Path) -> Path:
    classes = folder / "classes"
    sources = [str(path) for path in sorted(servers.PEERS.glob("*.java"))]
    subprocess.run([servers.find("javac"), "-nowarn", "-d", str(classes), *sources], check=True)
    return classes


def add_derived(made: Path, *, everything: bool) -> list[str]:
    """Derive from what was made and, but for `everything`, from what the last runs made."""
    with tempfile.TemporaryDirectory() as sources:
        derived = {item.name for item in DERIVED}
        for folder in (made,) if everything else (PCAPS, made):
            for path in folder.glob("*.*"):
                if path.stem not in derived:
                    shutil.copyfile(path, Path(sources) / path.name)
        return derive(Path(sources), made)


def publish(made: Path, *, everything: bool) -> None:
    """Put what was made where the last run's files are; `everything` replaces all of those."""
    shutil.rmtree(PCAPS / WITHOUT_KEYS, ignore_errors=True)
    if everything:
        shutil.rmtree(PCAPS, ignore_errors=True)
    shutil.copytree(made, PCAPS, dirs_exist_ok=True)


def main() -> int:
    everything = not sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as made:
        with contextlib.chdir(made):
            wrong = make(Path(scratch), sys.argv[1:])
        wrong = wrong or add_derived(Path(made), everything=everything)
        if not wrong:
            publish(Path(made), everything=everything)
    for line in wrong:
        print(line, file=sys.stderr)  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
