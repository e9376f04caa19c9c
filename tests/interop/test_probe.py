"""`tlsclose probe` against real servers: verdict, blame, steps and message, TLS 1.2 and 1.3.

What the wire shows is in `test_peers.HABITS`. Three rows surprise:
- gnutls-serv sends close_notify and FIN right behind its response and closes its socket, so the
  RST that our answer provokes says nothing more: clean.
- nginx, when the client's close_notify comes first, closes TCP without one of its own.
- the JDK's HttpsServer does so in TLS 1.3, and whenever it is the one to close.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.interop import servers, tool
from tests.interop.certs import Identity
from tests.interop.process import LOOPBACK, free_port

CLEAN: Final = ("clean", None)
PREMATURE: Final = ("premature-close", "server")
TIMEOUT: Final = ("--timeout", "1")
BODY: Final = 204_800

INITIATE: Final = {
    ("s_server", "1.2"): CLEAN,
    ("s_server", "1.3"): CLEAN,
    ("gnutls-serv", "1.2"): CLEAN,
    ("gnutls-serv", "1.3"): CLEAN,
    ("nginx", "1.2"): PREMATURE,
    ("nginx", "1.3"): PREMATURE,
    ("node", "1.2"): CLEAN,
    ("node", "1.3"): CLEAN,
    ("java-https", "1.2"): CLEAN,
    ("java-https", "1.3"): PREMATURE,
    ("java-socket", "1.2"): CLEAN,
    ("java-socket", "1.3"): CLEAN,
    ("python-notify-close", "1.2"): CLEAN,
    ("python-notify-close", "1.3"): CLEAN,
    ("python-bare-close", "1.2"): PREMATURE,
    ("python-bare-close", "1.3"): PREMATURE,
    ("python-bare-close-delimited", "1.2"): PREMATURE,
    ("python-bare-close-delimited", "1.3"): PREMATURE,
    ("python-bare-close-keep-alive", "1.2"): PREMATURE,
    ("python-bare-close-keep-alive", "1.3"): PREMATURE,
    ("python-reset-after", "1.2"): ("reset", "server"),
    ("python-reset-after", "1.3"): ("reset", "server"),
    ("python-reset-midway", "1.2"): ("reset", "server"),
    ("python-reset-midway", "1.3"): ("reset", "server"),
    ("python-reset-in-handshake", "1.2"): ("handshake-failed", "server"),
    ("python-reset-in-handshake", "1.3"): ("handshake-failed", "server"),
    ("python-plain-http", "1.2"): ("not-tls", "server"),
    ("python-plain-http", "1.3"): ("not-tls", "server"),
    ("python-deaf", "1.2"): ("no-answer", "server"),
    ("python-deaf", "1.3"): ("no-answer", None),
}
CLOSES_FIRST: Final = frozenset({"s_server", "gnutls-serv"})
"""Their response ends with their close, so it is they who begin."""
EITHER_FIRST: Final = frozenset({"python-notify-close"})
SAYS_GOODBYE: Final = {
    "s_server": True,
    "gnutls-serv": True,
    "nginx": True,
    "node": True,
    "java-https": False,
    "java-socket": True,
    "python-notify-close": True,
    "python-bare-close": False,
    "python-bare-close-delimited": False,
}
"""Whether the server that was asked to close sends close_notify. Where our answer overtakes the
server's FIN, closing with it unread makes that an RST; this is not the question here."""
POLITE: Final = frozenset({"clean", "reset-after-close"})
RISK: Final = {
    "python-bare-close": "none",
    "python-bare-close-delimited": "possible",
    "python-reset-midway": "certain",
}


def server_cases(names: "list[str]") -> list[object]:
    return [
        pytest.param(
            servers.BY_NAME[name],
            id=name,
            marks=pytest.mark.peer(servers.BY_NAME[name].program),
        )
        for name in names
    ]


@pytest.mark.parametrize(
    ("server", "version", "expected"),
    [
        pytest.param(
            servers.BY_NAME[name],
            version,
            expected,
            id=f"{name}-{version}",
            marks=pytest.mark.peer(servers.BY_NAME[name].program),
        )
        for (name, version), expected in INITIATE.items()
    ],
)
def test_initiate(
    server: servers.Server,
    version: str,
    expected: tuple[str, str | None],
    identity: Identity,
    classes: Path | None,
    tmp_path: Path,
) -> None:
    with server.start(version, identity, tmp_path, classes) as peer:
        outcome = tool.probe(peer.target, *TIMEOUT)
    assert outcome.brief == expected
    assert outcome.code == (0 if expected == CLEAN else 1)
    assert outcome.report["role"] == "client"
    assert outcome.report["target"]["port"] == peer.port
    if server.name in RISK:
        assert outcome.verdict["truncation_risk"] == RISK[server.name]


@pytest.mark.parametrize("version", servers.VERSIONS)
@pytest.mark.parametrize("server", server_cases([server.name for server in servers.STACKS]))
def test_steps_in_order(
    server: servers.Server, version: str, identity: Identity, classes: Path | None, tmp_path: Path
) -> None:
    with server.start(version, identity, tmp_path, classes) as peer:
        outcome = tool.probe(peer.target, *TIMEOUT)
    assert outcome.steps[-4:] == tool.STEPS
    if server.name not in EITHER_FIRST:
        assert (outcome.steps[0] == tool.RECOGNIZED) is (server.name in CLOSES_FIRST)
    assert [step["at_ns"] for step in outcome.report["steps"]] == sorted(
        step["at_ns"] for step in outcome.report["steps"]
    )
    assert outcome.report["tls"]["version"] == version
    assert outcome.verdict["confidence"] == "proven"


@pytest.mark.parametrize("version", servers.VERSIONS)
@pytest.mark.parametrize("server", server_cases(list(SAYS_GOODBYE)))
def test_await_tells_who_says_goodbye(
    server: servers.Server, version: str, identity: Identity, classes: Path | None, tmp_path: Path
) -> None:
    with server.start(version, identity, tmp_path, classes) as peer:
        outcome = tool.probe(peer.target, *TIMEOUT, "--scenario", "await")
    if SAYS_GOODBYE[server.name]:
        assert outcome.verdict["code"] in POLITE
        assert outcome.code == 0
        assert outcome.steps == (tool.RECOGNIZED, *tool.STEPS)
    else:
        assert outcome.brief == PREMATURE
        assert outcome.code == 1


@pytest.mark.parametrize("server", server_cases([server.name for server in servers.STACKS]))
def test_half_close_delivers_everything(
    server: servers.Server, identity: Identity, classes: Path | None, tmp_path: Path
) -> None:
    with server.start("1.3", identity, tmp_path, classes) as peer:
        outcome = tool.probe(peer.target, *TIMEOUT, "--scenario", "half-close")
        whole = tool.probe(peer.target, *TIMEOUT)
    message = outcome.report["message"]
    assert message["complete"] is not False
    assert outcome.verdict["truncation_risk"] == "none"
    if server.name in CLOSES_FIRST:
        assert message["bytes"] == pytest.approx(whole.report["message"]["bytes"], abs=200)
    else:
        assert (message["complete"], message["bytes"]) == (True, BODY)


@pytest.mark.peer("openssl")
def test_alert_in_the_handshake(identity: Identity, tmp_path: Path) -> None:
    with servers.BY_NAME["s_server"].start("1.2", identity, tmp_path) as peer:
        outcome = tool.probe(peer.target, *TIMEOUT, "--tls", "1.3")
    assert outcome.verdict["code"] == "handshake-failed"
    assert outcome.code == 1
    assert "protocol_version" in outcome.verdict["summary"]


def test_refused_port() -> None:
    outcome = tool.probe(f"{LOOPBACK}:{free_port()}", *TIMEOUT)
    assert outcome.code == 3
    assert outcome.report["verdict"] is None
    assert outcome.report["unobserved"]["stage"] == "connect"


@pytest.mark.parametrize("name", ["python-mute", "python-drip-handshake"])
def test_a_handshake_that_never_ends(name: str, identity: Identity, tmp_path: Path) -> None:
    with servers.BY_NAME[name].start("1.3", identity, tmp_path) as peer:
        outcome = tool.probe(peer.target, *TIMEOUT)
    assert outcome.code == 3
    assert outcome.report["verdict"] is None
    assert outcome.report["unobserved"]["stage"] == "handshake"


def test_one_byte_a_second(identity: Identity, tmp_path: Path) -> None:
    with servers.BY_NAME["python-drip-response"].start("1.3", identity, tmp_path) as peer:
        outcome = tool.probe(peer.target, *TIMEOUT)
    assert outcome.verdict["code"] == "no-answer"
    assert outcome.report["message"]["complete"] is False
    assert outcome.code == 1


def test_many_targets_in_one_run(identity: Identity, tmp_path: Path) -> None:
    polite, rude = servers.BY_NAME["python-notify-close"], servers.BY_NAME["python-bare-close"]
    with (
        polite.start("1.3", identity, tmp_path) as first,
        rude.start("1.3", identity, tmp_path) as second,
    ):
        refused = f"{LOOPBACK}:{free_port()}"
        outcome = tool.probe(first.target, second.target, refused, *TIMEOUT)
    codes = [(report["verdict"] or {}).get("code") for report in outcome.reports]
    assert codes == ["clean", "premature-close", None]
    assert outcome.code == 1
