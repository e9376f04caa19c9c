import json
import sys

import pytest

from tlsclose.cli import checks
from tlsclose.cli.checks import State

NAMES = (
    *("python", "provider openssl", "provider schannel", "capture", "libpcap"),
    *("scapy", "numpy", "rich", "cryptography", "click", "zstandard"),
    *("ipv6 loopback", "key log", "terminal", "tshark"),
)


@pytest.fixture
def found(run):
    def call():
        ended = run("doctor", "--format", "json")
        document = json.loads(ended.out)
        assert document["schema_version"] == 1
        return ended.code, {check["name"]: check for check in document["checks"]}

    return call


def test_every_check_has_its_line(run, found):
    code, checked = found()
    assert code == 0
    assert tuple(checked) == NAMES
    assert checked["provider openssl"]["state"] == "ok"
    lines = run("doctor").out.splitlines()
    assert [name for name in NAMES if not any(name in line for line in lines)] == []


def test_without_pyopenssl_nothing_works(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenSSL", None)
    code, checked = found()
    assert code == 3
    assert checked["provider openssl"]["state"] == "missing"
    assert "pip install" in checked["provider openssl"]["advice"]


def test_without_capture_right(found, monkeypatch):
    monkeypatch.setattr("tlsclose.wire.sniff.can_sniff", lambda: "not permitted")
    code, checked = found()
    assert code == 0
    assert checked["capture"]["detail"] == "not permitted"
    assert "--capture tap" in checked["capture"]["advice"]


def test_unwritable_key_log(found, monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "absent" / "keys"))
    code, checked = found()
    assert code == 0
    assert checked["key log"]["state"] == "missing"


@pytest.mark.parametrize(
    ("system", "state"),
    [("Linux", State.NOTE), ("Darwin", State.MISSING), ("Windows", State.MISSING)],
)
def test_libpcap_is_needed_outside_linux(monkeypatch, system, state):
    monkeypatch.setattr(checks, "find_library", lambda _: None)
    monkeypatch.setattr("tlsclose.wire.pcap_socket.npcap", lambda: None)
    monkeypatch.setattr(checks.platform, "system", lambda: system)
    check = checks._libpcap()
    assert check.state is state
    assert bool(check.advice) == (state is State.MISSING)


def test_missing_package(monkeypatch):
    check = checks._package("no-such-package-at-all")()
    assert (check.state, check.advice) == (
        State.MISSING,
        "python -m pip install no-such-package-at-all",
    )


def test_no_ipv6(found, monkeypatch):
    monkeypatch.setattr("tlsclose.net.loopback.has_v6_loopback", lambda: False)
    assert found()[1]["ipv6 loopback"]["state"] == "note"


@pytest.mark.parametrize(("version", "state"), [(None, State.NOTE), ("0.23", State.OK)])
def test_zstandard_is_not_essential(found, monkeypatch, version, state):
    monkeypatch.setattr(checks, "_version", lambda _: version)
    code, checked = found()
    assert code == 0
    assert checked["zstandard"]["state"] == state
