"""Packets seen by a sniffer and bytes seen at our own socket lead to the same verdict."""

from pathlib import Path
from typing import Final

import pytest

from tests.interop import clients, servers, tool
from tests.interop.certs import Identity
from tests.interop.test_listen import AWAIT, CLEAN_OR_NOISY, client_cases, judged
from tests.interop.test_probe import INITIATE, TIMEOUT, server_cases

WITNESSES: Final = ("sniff", "tap")
CLOSE_AT_ONCE: Final = (
    "s_server",
    "gnutls-serv",
    "nginx",
    "java-https",
    "python-notify-close",
    "python-bare-close",
    "python-bare-close-delimited",
)
"""Asked to close, they either have ended TCP long before an answer can reach them, or wait for it:
no race decides the verdict."""


@pytest.mark.capture
@pytest.mark.parametrize(
    ("server", "version"),
    [
        pytest.param(
            servers.BY_NAME[name],
            version,
            id=f"{name}-{version}",
            marks=pytest.mark.peer(servers.BY_NAME[name].program),
        )
        for name, version in INITIATE
    ],
)
def test_servers(
    server: servers.Server, version: str, identity: Identity, classes: Path | None, tmp_path: Path
) -> None:
    with server.start(version, identity, tmp_path, classes) as peer:
        sniffed, tapped = (
            tool.probe(peer.target, *TIMEOUT, "--capture", witness) for witness in WITNESSES
        )
    assert sniffed.report["capture"]["source"] == "sniff"
    assert sniffed.report["capture"]["packets"] > 0
    assert tapped.report["capture"]["source"] == "tap"
    assert summary(sniffed) == summary(tapped)


@pytest.mark.capture
@pytest.mark.parametrize("version", servers.VERSIONS)
@pytest.mark.parametrize("server", server_cases(list(CLOSE_AT_ONCE)))
def test_servers_that_close_first(
    server: servers.Server, version: str, identity: Identity, classes: Path | None, tmp_path: Path
) -> None:
    with server.start(version, identity, tmp_path, classes) as peer:
        sniffed, tapped = (
            tool.probe(peer.target, *TIMEOUT, "--scenario", "await", "--capture", witness)
            for witness in WITNESSES
        )
    assert summary(sniffed) == summary(tapped)


@pytest.mark.capture
@pytest.mark.parametrize("version", servers.VERSIONS)
@pytest.mark.parametrize(("client", "expected"), client_cases(AWAIT))
def test_clients(
    client: clients.Client,
    expected: frozenset[tuple[str, str | None]],
    version: str,
    classes: Path | None,
) -> None:
    sniffed, tapped = (
        judged(client, version, classes, "--capture", witness) for witness in WITNESSES
    )
    assert sniffed.report["capture"]["source"] == "sniff"
    assert tapped.report["capture"]["source"] == "tap"
    if expected == CLEAN_OR_NOISY:  # whether a reset follows is a race of two processes
        assert {sniffed.brief, tapped.brief} <= expected
    else:
        assert summary(sniffed) == summary(tapped)


def summary(outcome: tool.Outcome) -> tuple[object, ...]:
    """What must not depend on the witness."""
    verdict = outcome.verdict
    return (
        outcome.code,
        outcome.brief,
        verdict.get("truncation_risk"),
        verdict.get("confidence"),
        outcome.steps,
    )
