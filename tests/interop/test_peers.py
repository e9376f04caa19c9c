"""The peers are real, and close as the tables say: seen without any part of tlsclose.

Habits, as the standard library's TLS sees them on loopback (OpenSSL 3.0, GnuTLS 3.7, nginx 1.22,
Node 20, OpenJDK 17). CN is close_notify; `open` means that nothing more came.
- answer: after a whole response, we send CN.
- half: our request and our CN in one flight.
- last: our request says `Connection: close`.

nginx never answers a close_notify (it only sends one where it closes first). The JDK's HttpsServer
sends none where it closes first, and leaves a half-closed connection open. A Python server that
closes with our close_notify unread resets the connection and so cuts off its own response.
"""

import socket
import ssl
import threading
from pathlib import Path
from typing import Final

import pytest

from tests.interop import clients, servers, witness
from tests.interop.certs import Identity

HABITS: Final = {
    #                        version   answer     half       last
    ("s_server", "1.2"): ("CN,FIN", "CN,FIN", "CN,open"),
    ("s_server", "1.3"): ("CN,FIN", "CN,FIN", "CN,open"),
    ("gnutls-serv", "1.2"): ("CN,FIN", "CN,FIN", "CN,FIN"),
    ("gnutls-serv", "1.3"): ("CN,FIN", "CN,FIN", "CN,FIN"),
    ("nginx", "1.2"): ("FIN", "FIN", "CN,FIN"),
    ("nginx", "1.3"): ("FIN", "FIN", "CN,FIN"),
    ("node", "1.2"): ("CN,FIN", "CN,FIN", "CN,FIN"),
    ("node", "1.3"): ("CN,FIN", "CN,FIN", "CN,FIN"),
    ("java-https", "1.2"): ("CN,FIN", "open", "FIN"),
    ("java-https", "1.3"): ("FIN", "open", "FIN"),
    ("java-socket", "1.2"): ("CN,FIN", "CN,FIN", "CN,FIN"),
    ("java-socket", "1.3"): ("CN,FIN", "CN,FIN", "CN,FIN"),
    ("python-notify-close", "1.2"): ("CN,FIN", "CN,FIN", "CN,open"),
    ("python-notify-close", "1.3"): ("CN,FIN", "CN,FIN", "CN,open"),
    ("python-bare-close", "1.2"): ("FIN", "RST", "FIN"),
    ("python-bare-close", "1.3"): ("FIN", "RST", "FIN"),
    ("python-bare-close-keep-alive", "1.2"): ("FIN", "FIN", "open"),
    ("python-bare-close-keep-alive", "1.3"): ("FIN", "FIN", "open"),
    ("python-reset-after", "1.2"): ("RST", "RST", "open"),
    ("python-reset-after", "1.3"): ("RST", "RST", "open"),
    ("python-deaf", "1.2"): ("open", "open", "open"),
    ("python-deaf", "1.3"): ("open", "open", "open"),
}
CLIENT_HABITS: Final = {
    # left to close first, and not answered; or our response comes with our close_notify
    "s_client": ("CN,FIN", "CN,FIN"),
    "gnutls-cli": ("CN,open", "FIN"),
    "curl": ("CN,FIN", "CN,FIN"),
    "wget": ("FIN", "RST"),
    "node": ("CN,FIN", "CN,FIN"),
    "java-socket": ("CN,FIN", "CN,FIN"),
    "java-url": ("FIN", "CN,FIN"),
    "python-unwrap": ("CN,open", "CN,FIN"),
    "python-close": ("FIN", "RST"),
    "python-reset": ("RST", "RST"),
}
WRITES_PER_CONNECTION: Final = frozenset({"s_server", "gnutls-serv"})
"""Their page tells of the session, so its length may vary."""
TAIL: Final = 16
BODY: Final = bytes(4096)
HEAD: Final = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n".encode()


def habit_cases() -> list[object]:
    return [
        pytest.param(name, version, *habits, marks=pytest.mark.peer(servers.BY_NAME[name].program))
        for (name, version), habits in HABITS.items()
    ]


@pytest.mark.parametrize(("name", "version", "answer", "half", "last"), habit_cases())
def test_server_habits(
    name: str,
    version: str,
    answer: str,
    half: str,
    last: str,
    identity: Identity,
    classes: Path | None,
    tmp_path: Path,
) -> None:
    with servers.BY_NAME[name].start(version, identity, tmp_path, classes) as peer:
        seen = (
            _close_after_response(peer.port, version).brief,
            _half_close(peer.port, version).brief,
            _ask_to_close(peer.port, version).brief,
        )
    assert seen == (answer, half, last)


@pytest.mark.parametrize("version", servers.VERSIONS)
@pytest.mark.parametrize(
    "server",
    [pytest.param(s, id=s.name, marks=pytest.mark.peer(s.program)) for s in servers.STACKS],
)
def test_half_closed_response_is_whole(
    server: servers.Server, version: str, identity: Identity, classes: Path | None, tmp_path: Path
) -> None:
    with server.start(version, identity, tmp_path, classes) as peer:
        whole = _ask_to_close(peer.port, version)
        half = _half_close(peer.port, version)
    assert half.body[-TAIL:] == whole.body[-TAIL:]
    if server.name not in WRITES_PER_CONNECTION:
        assert len(half.body) == len(whole.body) == 204_800


@pytest.mark.parametrize(
    ("name", "trouble"),
    [
        ("python-reset-in-handshake", ConnectionResetError),
        ("python-mute", TimeoutError),
        ("python-plain-http", ssl.SSLError),
        ("python-drip-handshake", TimeoutError),
    ],
)
def test_servers_that_never_come_up(
    name: str,
    trouble: type[OSError],
    identity: Identity,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(witness, "WAIT_S", 0.3)
    with (
        servers.BY_NAME[name].start("1.3", identity, tmp_path) as peer,
        pytest.raises(trouble),
    ):
        witness.connect(peer.port, "1.3")


@pytest.mark.parametrize("version", servers.VERSIONS)
@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        pytest.param(name, *habits, marks=pytest.mark.peer(clients.BY_NAME[name].program))
        for name, habits in CLIENT_HABITS.items()
    ],
)
def test_client_habits(
    name: str,
    first: str,
    second: str,
    version: str,
    identity: Identity,
    classes: Path | None,
) -> None:
    client = clients.BY_NAME[name]
    assert _serve_one(client, version, identity, classes, keep=True).brief == first
    assert _serve_one(client, version, identity, classes, keep=False).brief == second


def _close_after_response(port: int, version: str) -> witness.Ending:
    connection = witness.connect(port, version)
    connection.write(witness.GET)
    connection.flush()
    connection.read_response()
    connection.notify()
    connection.flush()
    return connection.end()


def _half_close(port: int, version: str) -> witness.Ending:
    connection = witness.connect(port, version)
    connection.write(witness.GET)
    connection.notify()
    connection.flush()
    return connection.end()


def _ask_to_close(port: int, version: str) -> witness.Ending:
    connection = witness.connect(port, version)
    connection.write(witness.GET_AND_CLOSE)
    connection.flush()
    return connection.end()


def _serve_one(
    client: clients.Client, version: str, identity: Identity, classes: Path | None, *, keep: bool
) -> witness.Ending:
    """Answer one request of `client` and see how it ends."""
    endings: list[witness.Ending] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(clients.CLIENT_S)

        def serve() -> None:
            conn, _ = listener.accept()
            endings.append(_answer(conn, witness.server_context(version, identity), keep=keep))

        serving = threading.Thread(target=serve)
        serving.start()
        client.run(listener.getsockname()[1], version, classes)
        serving.join(clients.CLIENT_S)
    return endings[0]


def _answer(conn: socket.socket, context: ssl.SSLContext, *, keep: bool) -> witness.Ending:
    connection = witness.Connection(conn, context, server_side=True)
    connection.handshake()
    connection.read(until=1)
    connection.write(HEAD + (b"" if keep else b"Connection: close\r\n") + b"\r\n" + BODY)
    if not keep:
        connection.notify()
    connection.flush()
    return connection.end()
