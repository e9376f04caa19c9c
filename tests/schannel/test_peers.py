"""`probe` and `listen` with Schannel against OpenSSL, GnuTLS and Schannel, in both roles.

The command runs on Windows' Python under Wine, with DecryptMessage answering a close_notify as
Windows does (see decrypt_status.py); the other stacks are this machine's. Wine speaks one version
of TLS in a run, so everything is done twice.
"""

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Final

import pytest

from tests.interop import clients, tool
from tests.interop.certs import make_identity
from tests.interop.servers import BY_NAME as SERVERS
from tests.schannel.wine import command

pytestmark = [
    pytest.mark.wine,
    pytest.mark.peer("openssl", "gnutls-serv", "gnutls-cli", "python3"),
    pytest.mark.timeout(400),
]

COMMAND: Final = ("python", "-m", "tests.schannel.decrypt_status")
RUN_S: Final = 200
RECORDED: Final = Path(__file__).with_name("steps.json")
CLEAN: Final = ("s_server", "gnutls-serv", "python-notify-close")
VERDICTS: Final = {
    **dict.fromkeys(CLEAN, ("clean", None)),
    "python-bare-close": ("premature-close", "server"),
    "python-reset-midway": ("reset", "server"),
    "python-reset-in-handshake": ("handshake-failed", "server"),
    "python-plain-http": ("not-tls", "server"),
}
"""What is to be said of each server that is probed, by the scenario `await`."""
ANSWERED: Final = (tool.RECOGNIZED, *tool.STEPS)
CALLS: Final = (
    ("shutdown-recognized", "DecryptMessage", {"SEC_I_CONTEXT_EXPIRED"}),
    ("control-token-applied", "ApplyControlToken", {"SEC_E_OK"}),
    ("empty-buffer-handshake", None, {"SEC_E_OK", "SEC_I_CONTEXT_EXPIRED"}),
    ("final-output-sent", "send", {"SEC_E_OK"}),
    ("context-deleted", "DeleteSecurityContext", {"SEC_E_OK"}),
)
"""The documentation's steps: name, call, the statuses it allows for."""
HANDSHAKE: Final = {"client": "InitializeSecurityContext", "server": "AcceptSecurityContext"}


@pytest.fixture(scope="module", params=["1.2", "1.3"])
def version(request):
    return request.param


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="module")
def targets(version, identity, tmp_path_factory):
    """Every server of `VERDICTS`, running: its name and what to type for it."""
    folder = tmp_path_factory.mktemp("servers")
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(SERVERS[name].start(version, identity, folder)).target
            for name in VERDICTS
        }


def probed(argv, targets, version, scenario="await"):
    """The reports by the name of the server; all in one run."""
    options = ("--tls", version, "--scenario", scenario, "--timeout", "20", "--format", "json")
    done = subprocess.run(
        [*argv, "probe", *options, *targets.values()],
        capture_output=True,
        check=False,
        text=True,
        timeout=RUN_S,
    )
    assert done.stdout, done.stderr
    return dict(zip(targets, json.loads(done.stdout)["reports"], strict=True))


@pytest.fixture(scope="module")
def by_schannel(targets, version):
    argv = [*command(COMMAND, tls13=version == "1.3")]
    return probed(argv, targets, version)


@pytest.fixture(scope="module")
def by_openssl(targets, version):
    return probed(tool.COMMAND, targets, version)


def brief(report):
    verdict = report["verdict"] or {}
    return verdict.get("code"), verdict.get("blame")


def names(report):
    return tuple(step["name"] for step in report["steps"])


def assert_documented(report):
    """Calls and statuses are those of the documentation, in its order."""
    expected = CALLS if tool.RECOGNIZED in names(report) else CALLS[1:]
    assert names(report) == tuple(name for name, *_ in expected)
    for step, (_, call, statuses) in zip(report["steps"], expected, strict=True):
        assert step["call"] == (call or HANDSHAKE[report["role"]])
        assert step["status"] in statuses
        assert step["native"].startswith(f"{step['status']} 0x") or step["call"] == "send"
    drained, sent = report["steps"][-3:-1]
    assert drained["bytes"] == sent["bytes"] > 0
    assert f"token bytes {drained['bytes']}" in drained["native"]
    assert "FreeCredentialsHandle SEC_E_OK" in report["steps"][-1]["native"]


def assert_both_witnesses(report):
    """The API told of both close_notify, and so did the wire, which nobody can decrypt."""
    assert report["verdict"]["confidence"] == "proven"
    for sender in ("client", "server"):
        sources = {
            event["source"]
            for event in report["events"]
            if (event["kind"], event["sender"]) == ("close_notify", sender)
        }
        assert sources == {"provider", "inferred"}
    notes = [finding["detail"] for finding in report["findings"]]
    assert any("schannel exports no keys" in note for note in notes)


@pytest.mark.parametrize("name", VERDICTS)
def test_probe(by_schannel, version, name):
    report = by_schannel[name]
    assert report["provider"]["name"] == "schannel"
    assert brief(report) == VERDICTS[name]
    if name in CLEAN:
        assert report["tls"]["version"] == version
        assert_documented(report)
        assert_both_witnesses(report)


@pytest.mark.parametrize("name", VERDICTS)
def test_both_providers_tell_the_same(by_schannel, by_openssl, name):
    ours, theirs = by_schannel[name], by_openssl[name]
    assert brief(ours) == brief(theirs)
    assert names(ours) == names(theirs)
    assert [step["status"] for step in ours["steps"] if step["name"] != CALLS[2][0]] == [
        step["status"] for step in theirs["steps"] if step["name"] != CALLS[2][0]
    ]


@contextlib.contextmanager
def listening(version, count, *options) -> Iterator[tool.Listening]:
    """`tlsclose listen --provider schannel`, once it says its port."""
    ours = ("listen", "--port", "0", "--tls", version, "--format", "json", "--timeout", "20")
    argv = command([*COMMAND, *ours, "--count", str(count), *options], tls13=version == "1.3")
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port: Queue[int] = Queue()
    said: list[str] = []
    reading = threading.Thread(target=tool._watch, args=(process, port, said))
    reading.start()
    try:
        yield tool.Listening(process, port.get(timeout=RUN_S), said)
    finally:
        process.kill()
        process.wait()
        reading.join()


CLIENTS: Final = {
    "s_client": ("clean", None),
    "gnutls-cli": ("clean", None),
    "python-unwrap": ("clean", None),
    "python-close": ("premature-close", "client"),
    "python-reset": ("reset", "client"),
}
"""What is to be said of each client; they come one after the other."""


@pytest.fixture(scope="module")
def listened(version):
    with listening(version, len(CLIENTS)) as listener:
        for name in CLIENTS:
            clients.BY_NAME[name].run(listener.port, version)
        outcome = listener.outcome()
    by_number = sorted(outcome.reports, key=lambda report: report["connection"]["stream"])
    return dict(zip(CLIENTS, by_number, strict=True))


@pytest.mark.parametrize("name", CLIENTS)
def test_listen(listened, version, name):
    report = listened[name]
    assert (report["provider"]["name"], report["role"]) == ("schannel", "server")
    assert brief(report) == CLIENTS[name]
    assert report["tls"]["version"] == version
    if CLIENTS[name][0] == "clean":
        assert report["tls"]["sni"] == (None if name.startswith("python") else "localhost")
        assert_documented(report)
        assert_both_witnesses(report)


@pytest.mark.parametrize("scenario", ["initiate", "half-close"])
def test_each_other(version, scenario):
    if (version, scenario) == ("1.2", "half-close"):
        pytest.skip("TLS 1.2 has no half-close")
    with listening(version, 1) as listener:
        options = ("--tls", version, "--scenario", scenario, "--timeout", "20", "--format", "json")
        done = subprocess.run(
            command(
                [*COMMAND, "probe", *options, f"localhost:{listener.port}"],
                tls13=version == "1.3",
            ),
            capture_output=True,
            check=False,
            text=True,
            timeout=RUN_S,
        )
        client = json.loads(done.stdout)["reports"][0]
        server = listener.outcome().report
    for report in (client, server):
        assert brief(report) == ("clean", None)
        assert_documented(report)
        assert_both_witnesses(report)
    assert (names(client), names(server)) == (tool.STEPS, ANSWERED)


def test_closing_first_is_the_same_by_both_providers(version):
    seen = {}
    for name, argv in (
        ("schannel", command(COMMAND, tls13=version == "1.3")),
        ("openssl", tool.COMMAND),
    ):
        with tool.listening("--tls", version, "--timeout", "20") as listener:
            target = {name: f"localhost:{listener.port}"}
            seen |= probed(argv, target, version, "initiate")
            assert brief(listener.outcome().report) == ("clean", None)
    ours, theirs = seen["schannel"], seen["openssl"]
    assert (brief(ours), brief(theirs)) == (("clean", None), ("clean", None))
    assert names(ours) == names(theirs) == tool.STEPS
    assert_documented(ours)


def test_the_recorded_steps_are_those_of_a_run(by_schannel, version):
    """README shows them: a run against OpenSSL with TLS 1.3, where the server closes first."""
    if version != "1.3":
        pytest.skip("recorded with TLS 1.3")
    steps = [
        {key: value for key, value in step.items() if key != "at_ns"}
        for step in by_schannel["s_server"]["steps"]
    ]
    if os.environ.get("UPDATE_GOLDEN") == "1":
        RECORDED.write_text(json.dumps(steps, indent=1) + "\n", encoding="utf-8")
    assert json.loads(RECORDED.read_text(encoding="utf-8")) == steps
