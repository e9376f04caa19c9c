"""Upgrades that openssl's client makes: the preamble is scripted, the TLS behind it is real."""

import socket
import subprocess
import threading
from typing import Final

import pytest

from tests.interop.certs import Identity
from tests.interop.process import LOOPBACK
from tests.interop.servers import find
from tests.interop.witness import Connection, server_context
from tests.wire.dialogues import UPGRADES
from tests.wire.playbook import follow_extents
from tlsclose.core.event import Kind, Side

pytestmark = pytest.mark.peer("openssl")

PROTOCOLS: Final = (
    "smtp",
    "imap",
    "pop3",
    "ftp",
    "ldap",
    "xmpp",
    "postgres",
    "mysql",
    "sieve",
    "nntp",
)
CAPABILITIES: Final = {
    "imap": (b"* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK done\r\n", b". OK go\r\n"),
    "nntp": (b"101 list\r\nSTARTTLS\r\n.\r\n", b"382 go\r\n"),
    "pop3": (b"+OK go\r\n",),
    "ftp": (b"234 go\r\n",),
    "sieve": (b'OK "go"\r\n',),
}
"""What is answered where openssl's client says other things than the dialogues do."""
WAIT_S: Final = 20


class Recorded(socket.socket):
    """Keeps what goes both ways."""

    flights: list[tuple[Side, bytes]]

    def recv(self, size: int, flags: int = 0) -> bytes:
        data = super().recv(size, flags)
        self.flights.append((Side.CLIENT, data))
        return data

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]
        self.flights.append((Side.SERVER, bytes(data)))
        super().sendall(data, flags)


def answers(protocol: str) -> tuple[bytes, ...]:
    """What the server says: a greeting where it speaks first, then one answer to each request."""
    said = [data for side, data in UPGRADES[protocol][1:] if side is Side.SERVER]
    if protocol in CAPABILITIES:
        return (said[0], *CAPABILITIES[protocol])
    return (said[0] + said[1], *said[2:]) if protocol == "xmpp" else tuple(said)


def serve(
    listening: socket.socket, protocol: str, identity: Identity, into: list[Recorded]
) -> None:
    accepted, _ = listening.accept()
    conn = Recorded(fileno=accepted.detach())
    conn.flights = []
    into.append(conn)
    conn.settimeout(WAIT_S)
    greets = UPGRADES[protocol][1][0] is Side.SERVER
    for number, answer in enumerate(answers(protocol)):
        if number or not greets:
            conn.recv(65536)
        conn.sendall(answer)
    if protocol == "mysql":
        read_exactly(conn, 36)
    connection = Connection(conn, server_context("1.2", identity), server_side=True)
    connection.handshake()
    connection.notify()
    connection.flush()
    connection.end()


def read_exactly(conn: socket.socket, size: int) -> None:
    while size:
        size -= len(conn.recv(size))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_openssl_client(protocol: str, identity: Identity) -> None:
    conns: list[Recorded] = []
    with socket.create_server((LOOPBACK, 0)) as listening:
        listening.settimeout(WAIT_S)
        serving = threading.Thread(target=serve, args=(listening, protocol, identity, conns))
        serving.start()
        port = listening.getsockname()[1]
        done = subprocess.run(
            [find("openssl"), "s_client", "-connect", f"{LOOPBACK}:{port}", "-starttls", protocol],
            input=b"",
            capture_output=True,
            timeout=WAIT_S,
            check=False,
        )
        serving.join(WAIT_S)
    assert conns, done.stderr
    followed = follow_extents(conns[0].flights)
    assert followed.preamble == protocol, conns[0].flights
    assert not any(event.kind is Kind.NOT_TLS for event in followed.events)
    closes = {event.sender for event in followed.events if event.kind is Kind.CLOSE_NOTIFY}
    assert closes == {Side.CLIENT, Side.SERVER}
