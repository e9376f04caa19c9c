"""Two hosts joined by a wire: namespaces with a veth pair, MTU 1500, every packet as it was sent.

No offload: what is captured is what an Ethernet would have carried. Linux only, as root.
"""

import array
import contextlib
import fcntl
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MTU: Final = 1500
_SIOCETHTOOL: Final = 0x8946
_OFFLOADS: Final = {
    "rx checksum": 0x15,
    "tx checksum": 0x17,
    "scatter-gather": 0x19,
    "tso": 0x1F,
    "gso": 0x24,
    "gro": 0x2C,
}
"""ETHTOOL_S* of linux/ethtool.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One end of the wire."""

    name: str
    """Of its network namespace and of its device."""
    address: str
    address6: str

    def command(self, *args: str) -> list[str]:
        """`args`, to be run on this host."""
        return ["ip", "netns", "exec", self.name, *args]


CLIENT: Final = Host(name="tlsclose-client", address="10.100.0.1", address6="fd77:100::1")
SERVER: Final = Host(name="tlsclose-server", address="10.100.0.2", address6="fd77:100::2")


@contextlib.contextmanager
def link() -> Iterator[None]:
    """Join `CLIENT` and `SERVER`; what a killed run has left behind goes first."""
    _remove()
    try:
        for host in (CLIENT, SERVER):
            _ip("netns", "add", host.name)
        pair = ("type", "veth", "peer", "name", SERVER.name, "mtu", str(MTU))
        _ip("link", "add", CLIENT.name, "mtu", str(MTU), *pair)
        for host in (CLIENT, SERVER):
            _without_offload(host.name)
            _ip("link", "set", host.name, "netns", host.name)
        for host in (CLIENT, SERVER):
            _up(host)
        yield
    finally:
        _remove()


def _up(host: Host) -> None:
    def inside(*args: str) -> None:
        _ip("-n", host.name, *args)

    inside("address", "add", f"{host.address}/24", "dev", host.name)
    inside("address", "add", f"{host.address6}/64", "dev", host.name, "nodad")
    inside("link", "set", host.name, "up")
    inside("link", "set", "lo", "up")


def _remove() -> None:
    for host in (CLIENT, SERVER):
        for words in (["netns", "delete", host.name], ["link", "delete", host.name]):
            subprocess.run(["ip", *words], stderr=subprocess.DEVNULL, check=False)


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True)


def _without_offload(device: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in _OFFLOADS.values():
            value = array.array("I", (command, 0))
            request = struct.pack("16sP16x", device.encode(), value.buffer_info()[0])
            with contextlib.suppress(OSError):  # what a device cannot do, it does not do
                fcntl.ioctl(control, _SIOCETHTOOL, request)
