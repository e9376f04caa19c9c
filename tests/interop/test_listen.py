"""`tlsclose listen` judging real clients, TLS 1.2 and 1.3.

Left to close first (`await`), s_client, gnutls-cli, node and Python's unwrap() keep their socket
until our close_notify is in. curl and Java's SSLSocket close theirs at once: an answer that comes
later is reset, one that overtakes their FIN makes them send RST instead of FIN. wget, Java's
HttpsURLConnection left to the end of the program, and Python's close() send no close_notify at all.
"""

import socket
from pathlib import Path
from typing import Final

import pytest

from tests.interop import clients, servers, tool
from tests.interop.process import LOOPBACK

CLEAN: Final = frozenset({("clean", None)})
CLEAN_OR_NOISY: Final = CLEAN | {("reset-after-close", "client")}
PREMATURE: Final = frozenset({("premature-close", "client")})
RESET: Final = frozenset({("reset", "client")})

AWAIT: Final = {
    "s_client": CLEAN,
    "gnutls-cli": CLEAN,
    "curl": CLEAN_OR_NOISY,
    "wget": PREMATURE,
    "node": CLEAN,
    "java-socket": CLEAN_OR_NOISY,
    "java-url": PREMATURE,
    "python-unwrap": CLEAN,
    "python-close": PREMATURE,
    "python-reset": RESET,
}
INITIATE: Final = {
    "s_client-ign_eof": CLEAN,
    "gnutls-cli": PREMATURE,
    "curl": CLEAN_OR_NOISY,
    "node": CLEAN_OR_NOISY,
    "java-socket": CLEAN_OR_NOISY,
    "python-unwrap": CLEAN_OR_NOISY,
}
"""We close first: the client must answer. gnutls-cli just ends.

A client that closes by itself at the same moment may leave our close_notify unread: then its
kernel sends RST in place of its FIN.
"""
BODY: Final = 20_000


def client_cases(table: "dict[str, frozenset[tuple[str, str | None]]]") -> list[object]:
    return [
        pytest.param(
            clients.BY_NAME[name],
            expected,
            id=name,
            marks=pytest.mark.peer(clients.BY_NAME[name].program),
        )
        for name, expected in table.items()
    ]


def judged(client: clients.Client, version: str, classes: Path | None, *args: str) -> tool.Outcome:
    """Have `client` make one request to a listener and return what the listener says."""
    with tool.listening("--tls", version, "--body", str(BODY), "--timeout", "3", *args) as listener:
        client.run(listener.port, version, classes)
        return listener.outcome()


@pytest.mark.parametrize("version", servers.VERSIONS)
@pytest.mark.parametrize(("client", "expected"), client_cases(AWAIT))
def test_client_closes_first(
    client: clients.Client,
    expected: frozenset[tuple[str, str | None]],
    version: str,
    classes: Path | None,
) -> None:
    outcome = judged(client, version, classes)
    assert outcome.brief in expected
    assert outcome.code == (0 if expected <= CLEAN_OR_NOISY else 1)
    assert outcome.report["role"] == "server"
    assert outcome.report["tls"]["version"] == version
    if expected <= CLEAN_OR_NOISY:
        assert outcome.steps == (tool.RECOGNIZED, *tool.STEPS)
        assert outcome.report["close"]["first_closer"] == "client"


@pytest.mark.parametrize("version", servers.VERSIONS)
@pytest.mark.parametrize(("client", "expected"), client_cases(INITIATE))
def test_we_close_first(
    client: clients.Client,
    expected: frozenset[tuple[str, str | None]],
    version: str,
    classes: Path | None,
) -> None:
    outcome = judged(client, version, classes, "--scenario", "initiate")
    assert outcome.brief in expected
    # A client that has its response may be quicker, and is recognised then.
    assert outcome.steps[-4:] == tool.STEPS
    assert outcome.steps[:-4] in ((), (tool.RECOGNIZED,))


@pytest.mark.parametrize("framing", ["content-length", "chunked", "close"])
@pytest.mark.peer("curl")
def test_every_framing_is_delivered(framing: str, classes: Path | None) -> None:
    outcome = judged(clients.BY_NAME["curl"], "1.3", classes, "--framing", framing)
    assert outcome.brief in CLEAN_OR_NOISY


def test_port_in_use() -> None:
    with socket.create_server((LOOPBACK, 0)) as holder:
        port = holder.getsockname()[1]
        done = tool.tlsclose("listen", "--host", LOOPBACK, "--port", str(port))
    assert done.returncode == 2
    assert done.stdout == ""
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr
