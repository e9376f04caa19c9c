import errno
import sys

import pytest

from tlsclose.net.winsock import winsock_text


class WindowsError(OSError):
    """What a socket call raises on Windows: the number as Windows gave it in `winerror`."""

    def __init__(self, number: int, winerror: int | None) -> None:
        super().__init__(number, "localised")
        if sys.platform != "win32":
            self.winerror = winerror


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (10054, "connection reset by peer [WSAECONNRESET 10054]"),
        (OSError(10061, "localised"), "connection refused [WSAECONNREFUSED 10061]"),
        (OSError(11001, "getaddrinfo failed"), "host not found [WSAHOST_NOT_FOUND 11001]"),
    ],
)
def test_names_the_number(error: OSError | int, text: str) -> None:
    assert winsock_text(error) == text


@pytest.mark.skipif(sys.platform == "win32", reason="sets an attribute that Windows has")
def test_prefers_what_windows_said() -> None:
    error = WindowsError(errno.EACCES, 10013)
    assert winsock_text(error) == "not permitted [WSAEACCES 10013]"


@pytest.mark.skipif(sys.platform != "win32", reason="the numbers of this system")
def test_knows_what_the_system_calls_by_these_names() -> None:
    for name in ("ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "ETIMEDOUT", "EHOSTUNREACH"):
        number = getattr(errno, name)
        assert f"[WSA{name} {number}]" in str(winsock_text(number))


@pytest.mark.parametrize(
    "error", [0, errno.ECONNRESET if errno.ECONNRESET < 10000 else 2, OSError("no number")]
)
def test_leaves_others_alone(error: OSError | int) -> None:
    assert winsock_text(error) is None
