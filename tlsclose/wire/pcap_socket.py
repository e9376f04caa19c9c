"""Scapy's own listening socket, for systems without Linux packet sockets (BSD, macOS, Windows).

Scapy captures there through /dev/bpf or libpcap (Npcap), which compile the filter themselves.
Time stamps come as floats and are worth microseconds.
"""

import os
import sys
import time
from ctypes.util import find_library
from pathlib import Path
from typing import Final, Protocol, cast

from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.wire import bpf
from tlsclose.wire.frame import Frame, LinkType

BATCH_FRAMES: Final = 512

_POLL_S: Final = 0.05
_NS_PER_US: Final = 1000
_LINK_TYPES: Final = {12: LinkType.RAW, 14: LinkType.RAW}
"""DLT_RAW differs between systems; its number in files does not."""


NO_NPCAP: Final = (
    "Npcap is not installed: get it from https://npcap.com to sniff packets, or use --capture tap"
)


def npcap() -> str | None:
    """Where Npcap's (or WinPcap's) library is on this Windows; None where it is not installed."""
    own = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "Npcap", "wpcap.dll")
    return str(own) if own.exists() else find_library("wpcap")


def refusal(interface: str | None) -> str | None:
    """Why packets cannot be captured on the interface (None: on the loopback one)."""
    if sys.platform == "win32" and npcap() is None:
        return NO_NPCAP
    from scapy.config import conf

    try:
        PcapSocket(interface=interface or str(conf.loopback_name), port=1, host=None).close()
    except CaptureDeniedError as error:
        return str(error)
    except UsageError as error:
        return str(error) if interface else f"nothing to capture on: {error}; use --capture tap"
    return None


class _Listener(Protocol):
    """What is used of scapy's listening sockets."""

    closed: bool

    def recv_raw(self, x: int = ...) -> tuple[type | None, bytes | None, float | None]: ...

    def select(self, sockets: list["_Listener"], remain: float) -> list["_Listener"]: ...

    def close(self) -> None: ...


class PcapSocket:
    """Open from the constructor on. Raises CaptureDeniedError with scapy's reason."""

    linger_s = 0.2
    """libpcap hands packets over in bundles, at the latest after 0.1 s."""

    def __init__(self, *, interface: str, port: int, host: str | None) -> None:
        import scapy.layers.inet
        import scapy.layers.l2  # noqa: F401
        from scapy.config import conf
        from scapy.error import Scapy_Exception

        self.dropped = 0
        self._awake = False
        try:
            listener = conf.L2listen(
                iface=interface, promisc=False, filter=bpf.expression(port=port, host=host)
            )
        except ValueError:
            raise UsageError(f"no interface {interface!r}") from None
        except (OSError, ImportError, Scapy_Exception) as error:
            reason = " ".join(str(error).split())
            raise CaptureDeniedError(
                f"cannot capture on {interface!r}: {reason}: "
                "run as administrator with libpcap (Npcap) installed, or use --capture tap"
            ) from None
        self._listener = cast("_Listener", listener)
        self._link_type = _link_type(self._listener, conf.l2types.layer2num)

    def wait(self, timeout_s: float | None) -> None:
        """Return when packets wait, after `wake`, or after `timeout_s` seconds (None: never)."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.pending(_POLL_S) and not (self._awake and timeout_s is None):
            if deadline is not None and time.monotonic() >= deadline:
                return

    def wake(self) -> None:
        """End every present and future `wait` without a timeout."""
        self._awake = True

    def pending(self, timeout_s: float = 0.0) -> bool:
        """Whether packets wait."""
        return bool(self._listener.select([self._listener], timeout_s))

    def receive(self) -> list[Frame]:
        """The packets that wait, oldest first, at most `BATCH_FRAMES`."""
        frames: list[Frame] = []
        while len(frames) < BATCH_FRAMES and self.pending():
            _, data, at = self._listener.recv_raw()
            if data is None:
                break
            at_ns = time.time_ns() if at is None else round(at * 1_000_000) * _NS_PER_US
            frames.append(
                Frame(
                    at_ns=at_ns,
                    link_type=self._link_type,
                    data=data,
                    original_length=len(data),
                )
            )
        return frames

    def settle(self) -> None:
        """Read the drop counter where there is one."""
        if not self._listener.closed:
            statistics = getattr(self._listener, "get_stats", lambda: (None, None))()
            self.dropped = statistics[1] or 0

    def close(self) -> None:
        """Read the drop counter and close; harmless when repeated."""
        self.settle()
        if not self._listener.closed:
            self._listener.close()


def _link_type(listener: _Listener, numbers: dict[type, int]) -> int:
    handle = getattr(listener, "pcap_fd", None)
    if handle is not None:
        number = int(handle.datalink())
    else:
        number = numbers.get(getattr(listener, "guessed_cls", object), LinkType.ETHERNET)
    return _LINK_TYPES.get(number, number)
