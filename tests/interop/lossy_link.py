"""Two hosts joined by a link that loses packets: namespaces, and a program between their devices.

What is lost is really lost: the sender's kernel sent it, the receiver's never saw it. Linux only,
as root.
"""

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TUNSETIFF: Final = 0x400454CA
_TUN_WITHOUT_HEADER: Final = 0x1001
_PACKET_BYTES: Final = 65536
PREFIX_BITS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One end of the link."""

    name: str
    """Of its network namespace and of its device."""
    address: str

    def command(self, *args: str) -> list[str]:
        """`args`, to be run on this host."""
        return ["ip", "netns", "exec", self.name, *args]


NEAR: Final = Host(name="tlsclose-near", address="10.77.0.1")
FAR: Final = Host(name="tlsclose-far", address="10.77.0.2")


@contextlib.contextmanager
def lossy_link(lose: Callable[[bytes], bool]) -> Iterator[None]:
    """Join `NEAR` and `FAR`; of the IP packets from far to near those that `lose` picks vanish."""
    with _host(NEAR) as near, _host(FAR) as far, _forwarding(near, far, lose):
        yield


@contextlib.contextmanager
def _host(host: Host) -> Iterator[int]:
    device = os.open("/dev/net/tun", os.O_RDWR)
    try:
        request = struct.pack("16sH22x", host.name.encode(), _TUN_WITHOUT_HEADER)
        fcntl.ioctl(device, _TUNSETIFF, request)
        _ip("netns", "add", host.name)
        try:
            _ip("link", "set", host.name, "netns", host.name)
            address = f"{host.address}/{PREFIX_BITS}"
            _ip("-n", host.name, "address", "add", address, "dev", host.name)
            _ip("-n", host.name, "link", "set", host.name, "up")
            yield device
        finally:
            _ip("netns", "delete", host.name)
    finally:
        os.close(device)


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True)


@contextlib.contextmanager
def _forwarding(near: int, far: int, lose: Callable[[bytes], bool]) -> Iterator[None]:
    stop, stopped = os.pipe()
    worker = threading.Thread(target=_forward, args=(near, far, lose, stop))
    worker.start()
    try:
        yield
    finally:
        os.close(stopped)
        worker.join()
        os.close(stop)


def _forward(near: int, far: int, lose: Callable[[bytes], bool], stop: int) -> None:
    while stop not in (ready := select.select([near, far, stop], [], [])[0]):
        for device in ready:
            packet = os.read(device, _PACKET_BYTES)
            if device == near:
                os.write(far, packet)
            elif not lose(packet):
                os.write(near, packet)


def listens(pid: int, port: int) -> bool:
    """Whether a process's host has a listening socket on this port."""
    table = Path(f"/proc/{pid}/net/tcp").read_text()
    return f":{port:04X} 00000000:0000 0A" in table
