"""Markers that depend on the machine.

`peer(name, ...)` needs programs, `capture` the right to capture packets, `wine` the environment
that `make schannel` builds: a test whose need is not met is skipped; with TLSCLOSE_REQUIRE_ALL=1
(the full run) it fails instead. `posix(why)`, `windows` and `not_wine(why)` name systems; on
another one the test is always skipped, for nothing on this machine could change that.
"""

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

from tests.schannel import wine
from tests.system import WINDOWS, on_wine
from tlsclose.wire.sniff import can_sniff

_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")

settings.register_profile(
    "wine", max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
if on_wine():  # slow at first touch of everything; the examples are run in full elsewhere
    settings.load_profile("wine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if (elsewhere := _other_system(item)) is not None:
        pytest.skip(elsewhere)
    reason = _missing_peer(item) or _missing_right(item) or _missing_wine(item)
    if reason is None:
        return
    if os.environ.get("TLSCLOSE_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _other_system(item: pytest.Item) -> str | None:
    """Why the test is not for this system."""
    if item.get_closest_marker("windows") and (not WINDOWS or on_wine()):
        return "for a real Windows"
    if WINDOWS and (mark := item.get_closest_marker("posix")):
        return f"not on Windows: {mark.args[0]}"
    if on_wine() and (mark := item.get_closest_marker("not_wine")):
        return f"not on Wine: {mark.args[0]}"
    if on_wine() and (item.get_closest_marker("capture") or item.get_closest_marker("peer")):
        return "not on Wine: it neither captures packets nor has the peers' programs"
    return None


def _missing_peer(item: pytest.Item) -> str | None:
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS))
    names = [str(name) for mark in item.iter_markers("peer") for name in mark.args]
    missing = [name for name in names if shutil.which(name, path=folders) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


def _missing_right(item: pytest.Item) -> str | None:
    return can_sniff() if item.get_closest_marker("capture") else None


def _missing_wine(item: pytest.Item) -> str | None:
    return wine.missing() if item.get_closest_marker("wine") else None
