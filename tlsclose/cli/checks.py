"""The checks of `tlsclose doctor`, one function each, in the order in which they are shown."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from ctypes.util import find_library
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tlsclose.cli.files import check_writable
from tlsclose.cli.presentation import KEY_LOG_VARIABLE
from tlsclose.core.frozen import dataclass
from tlsclose.errors import UsageError

_GRANTS: Final = {
    "Linux": "packets need root or CAP_NET_RAW (sudo setcap cap_net_raw+ep on the Python binary); ",
    "Windows": "packets need Npcap (https://npcap.com), and an administrator unless it was "
    "installed for all users; ",
}
GRANT_CAPTURE: Final = (
    _GRANTS.get(platform.system(), "packets need root, or the right to read /dev/bpf*; ")
    + "without them --capture tap judges from our own socket"
)


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    MISSING = "missing"
    NOTE = "note"
    """Absent, and not needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor's report."""

    name: str
    state: State
    detail: str
    advice: str = ""
    """What to do; empty where nothing is to be done."""
    essential: bool = False
    """Nothing works without it."""


def run_checks() -> tuple[Check, ...]:
    """Every check's result."""
    return tuple(check() for check in CHECKS)


def _python() -> Check:
    return Check(name="python", state=State.OK, detail=f"{platform.python_version()}")


def _openssl() -> Check:
    try:
        from OpenSSL import SSL

        SSL.Context(SSL.TLS_METHOD)
        detail = f"{SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode('ascii', 'replace')}"
    except ImportError as error:
        return _no_openssl(f"pyOpenSSL cannot be imported: {error}")
    except SSL.Error as error:
        return _no_openssl(f"OpenSSL refuses a context: {error}")
    pyopenssl = _version("pyOpenSSL") or "unknown"
    return Check(
        name="provider openssl",
        state=State.OK,
        detail=f"{detail}, pyOpenSSL {pyopenssl}",
        essential=True,
    )


def _no_openssl(detail: str) -> Check:
    return Check(
        name="provider openssl",
        state=State.MISSING,
        detail=detail,
        advice="python -m pip install --upgrade pyOpenSSL cryptography",
        essential=True,
    )


def _schannel() -> Check:
    if find_spec("tlsclose.providers.schannel") is None:
        detail = "not in this version"
    elif platform.system() != "Windows":
        detail = "Windows only"
    else:
        return Check(name="provider schannel", state=State.OK, detail=platform.version())
    return Check(name="provider schannel", state=State.NOTE, detail=detail)


def _capture() -> Check:
    from tlsclose.wire.sniff import can_sniff

    denial = can_sniff()
    if denial is None:
        return Check(name="capture", state=State.OK, detail="packets can be sniffed")
    return Check(name="capture", state=State.MISSING, detail=denial, advice=GRANT_CAPTURE)


def _libpcap() -> Check:
    found = _pcap_library()
    if found:
        return Check(name="libpcap", state=State.OK, detail=found)
    if platform.system() == "Linux":
        return Check(name="libpcap", state=State.NOTE, detail="absent, and not needed on Linux")
    advice = "install Npcap" if platform.system() == "Windows" else "install libpcap"
    return Check(name="libpcap", state=State.MISSING, detail="needed to sniff here", advice=advice)


def _pcap_library() -> str | None:
    if platform.system() != "Windows":
        return find_library("pcap")
    from tlsclose.wire.pcap_socket import npcap

    return npcap()


def _package(name: str) -> Callable[[], Check]:
    def check() -> Check:
        found = _version(name)
        if found:
            return Check(name=name, state=State.OK, detail=found)
        advice = f"python -m pip install {name}"
        return Check(name=name, state=State.MISSING, detail="not installed", advice=advice)

    return check


def _zstandard() -> Check:
    found = _version("zstandard")
    if found:
        return Check(name="zstandard", state=State.OK, detail=found)
    return Check(
        name="zstandard",
        state=State.NOTE,
        detail="absent; it would unpack captures compressed with zstd",
        advice="python -m pip install zstandard",
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _ipv6() -> Check:
    from tlsclose.net.loopback import has_v6_loopback

    if has_v6_loopback():
        return Check(name="ipv6 loopback", state=State.OK, detail="[::1] can be used")
    return Check(name="ipv6 loopback", state=State.NOTE, detail="[::1] cannot be used; IPv4 works")


def _keylog() -> Check:
    name = os.environ.get(KEY_LOG_VARIABLE)
    if not name:
        return Check(name="key log", state=State.OK, detail=f"{KEY_LOG_VARIABLE} is not set")
    try:
        check_writable(Path(name), KEY_LOG_VARIABLE)
    except UsageError as error:
        advice = f"unset {KEY_LOG_VARIABLE}, or name a file that can be written"
        return Check(name="key log", state=State.MISSING, detail=str(error), advice=advice)
    return Check(
        name="key log",
        state=State.OK,
        detail=f"keys are appended to {name}, and analyze reads them",
    )


def _terminal() -> Check:
    encoding = sys.stdout.encoding or "ascii"
    where = "a terminal" if sys.stdout.isatty() else "no terminal"
    columns = shutil.get_terminal_size().columns
    if encoding.lower().replace("-", "").startswith("utf"):
        return Check(
            name="terminal", state=State.OK, detail=f"{where}, {encoding}, {columns} columns"
        )
    detail = f"{where}, {encoding}: arrows are drawn in ASCII"
    return Check(name="terminal", state=State.NOTE, detail=detail, advice="set PYTHONUTF8=1")


def _tshark() -> Check:
    found = shutil.which("tshark")
    if found:
        return Check(name="tshark", state=State.OK, detail=found)
    return Check(name="tshark", state=State.NOTE, detail="absent; it would read --pcap files too")


CHECKS: Final[tuple[Callable[[], Check], ...]] = (
    _python,
    _openssl,
    _schannel,
    _capture,
    _libpcap,
    *map(_package, ("scapy", "numpy", "rich", "cryptography", "click")),
    _zstandard,
    _ipv6,
    _keylog,
    _terminal,
    _tshark,
)
