"""Markers that depend on the machine.

`peer(name, ...)` needs programs, `capture` needs the right to capture packets. A test whose need
is not met is skipped; with TLSCLOSE_REQUIRE_ALL=1 (the full run) it fails instead.
"""

import os
import shutil

import pytest

from tlsclose.wire.sniff import can_sniff

_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def pytest_runtest_setup(item: pytest.Item) -> None:
    reason = _missing_peer(item) or _missing_right(item)
    if reason is None:
        return
    if os.environ.get("TLSCLOSE_REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _missing_peer(item: pytest.Item) -> str | None:
    folders = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS))
    names = [str(name) for mark in item.iter_markers("peer") for name in mark.args]
    missing = [name for name in names if shutil.which(name, path=folders) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


def _missing_right(item: pytest.Item) -> str | None:
    return can_sniff() if item.get_closest_marker("capture") else None
