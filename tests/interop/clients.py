"""The clients that tlsclose listens to, as one table.

Clients that have no idea of HTTP (`feed` is set) are given a request on standard input, which stays
open until the whole response is out on standard output, as with a person at the keyboard.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from tests.interop.servers import GNUTLS_PRIORITY, PEERS, S_SERVER_FLAG, find

REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLIENT_S: Final = 40
HEAD_BYTES: Final = 65_536
_LENGTH: Final = re.compile(rb"content-length: *([0-9]+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a client's command line is made from."""

    port: int
    version: str
    classes: Path | None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One kind of client."""

    name: str
    program: str
    command: Callable[[Call], list[str]]
    feed: bytes | None = None

    def run(self, port: int, version: str, classes: Path | None = None) -> int:
        """Make one request, let the client end as it does; return its exit code."""
        command = self.command(Call(port=port, version=version, classes=classes))
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            if self.feed is not None:
                _converse(process, self.feed)
            process.communicate(timeout=CLIENT_S)
        finally:
            process.kill()
            process.wait()
        return process.returncode


def _converse(process: subprocess.Popen[bytes], request: bytes) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request)
    process.stdin.flush()
    _read_response(process.stdout)


def _read_response(stream: IO[bytes]) -> None:
    """Read past the client's own chatter to the end of one response with Content-Length."""
    seen = b""
    while (length := _LENGTH.search(seen)) is None or b"\r\n\r\n" not in seen[length.end() - 2 :]:
        byte = stream.read(1)
        if not byte or len(seen) > HEAD_BYTES:
            return
        seen += byte
    stream.read(int(length.group(1)))


def _s_client(call: Call) -> list[str]:
    return [
        *(find("openssl"), "s_client", "-quiet", "-no_ign_eof", S_SERVER_FLAG[call.version]),
        *("-connect", f"localhost:{call.port}", "-servername", "localhost"),
    ]


def _s_client_ign_eof(call: Call) -> list[str]:
    return [
        *(find("openssl"), "s_client", "-quiet", "-ign_eof", S_SERVER_FLAG[call.version]),
        *("-connect", f"localhost:{call.port}", "-servername", "localhost"),
    ]


def _gnutls_cli(call: Call) -> list[str]:
    return [
        *(find("gnutls-cli"), "--insecure", "--port", str(call.port), "localhost"),
        *("--priority", GNUTLS_PRIORITY.format(version=call.version)),
    ]


def _curl(call: Call) -> list[str]:
    return [
        *(find("curl"), "--insecure", "--silent", "--http1.1", "--noproxy", "*", "--output", "-"),
        *(f"--tlsv{call.version}", "--tls-max", call.version, call.url),
    ]


def _wget(call: Call) -> list[str]:
    return [
        *(find("wget"), "--no-check-certificate", "--no-config", "--no-proxy", "--quiet"),
        *("--tries=1", f"--secure-protocol=TLSv{call.version.replace('.', '_')}", "-O", "-"),
        *(f"--ciphers={GNUTLS_PRIORITY.format(version=call.version)}", call.url),
    ]


def _node(call: Call) -> list[str]:
    return [find("node"), str(PEERS / "node_client.js"), str(call.port), call.version]


def _java(main: str) -> Callable[[Call], list[str]]:
    def command(call: Call) -> list[str]:
        return [
            *(find("java"), "-XX:TieredStopAtLevel=1", "-cp", str(call.classes)),
            *(f"-Djdk.tls.client.protocols=TLSv{call.version}", main, str(call.port)),
        ]

    return command


def _python(ending: str) -> Callable[[Call], list[str]]:
    def command(call: Call) -> list[str]:
        script = str(PEERS / "python_client.py")
        return [sys.executable, script, ending, str(call.port), call.version]

    return command


CLIENTS: Final = (
    Client(name="s_client", program="openssl", command=_s_client, feed=REQUEST),
    Client(name="s_client-ign_eof", program="openssl", command=_s_client_ign_eof, feed=REQUEST),
    Client(name="gnutls-cli", program="gnutls-cli", command=_gnutls_cli, feed=REQUEST),
    Client(name="curl", program="curl", command=_curl),
    Client(name="wget", program="wget", command=_wget),
    Client(name="node", program="node", command=_node),
    Client(name="java-socket", program="javac", command=_java("JavaSocketClient")),
    Client(name="java-url", program="javac", command=_java("JavaUrlClient")),
    Client(name="python-unwrap", program="python3", command=_python("unwrap")),
    Client(name="python-close", program="python3", command=_python("close")),
    Client(name="python-reset", program="python3", command=_python("reset")),
)
BY_NAME: Final = {client.name: client for client in CLIENTS}
