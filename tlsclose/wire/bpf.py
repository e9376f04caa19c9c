"""The kernel's packet filter, assembled by hand: capture without libpcap.

A classic BPF program is a list of four numbers an instruction (code, jump if true, jump if false,
operand), described in the Linux kernel's Documentation/networking/filter.rst. The table below is
such a program with names in place of the jumps; `program` resolves the names.

What passes: TCP segments from or to one port, and where a host is given, from or to that very
endpoint; over IPv4 (RFC 791; later fragments carry no ports and do not pass) and over IPv6
(RFC 8200; TCP directly behind the fixed header). The kernel shows each packet of a loopback
interface twice, leaving and arriving: only the leaving one passes, since it is in the queue before
the sender's system call returns.
"""

import ipaddress
import socket
import struct
from array import array
from typing import Final, NamedTuple

SNAP_BYTES: Final = 262_144
"""Bytes of a packet that pass; more than any segment that offloading glues together."""

ETHERNET_HEADER_BYTES: Final = 14

_LD_WORD: Final = 0x20
_LD_HALF: Final = 0x28
_LD_BYTE: Final = 0x30
_LD_HALF_INDEXED: Final = 0x48
_LDX_HEADER_LENGTH: Final = 0xB1
_JUMP_EQUAL: Final = 0x15
_JUMP_SET: Final = 0x45
_RETURN: Final = 0x06

_ANCILLARY: Final = 0xFFFFF000
_PROTOCOL: Final = _ANCILLARY + 0
_PACKET_TYPE: Final = _ANCILLARY + 4
_HARDWARE_TYPE: Final = _ANCILLARY + 28

_ARPHRD_LOOPBACK: Final = 772
_PACKET_OUTGOING: Final = 4
_ETHERTYPE_IPV4: Final = 0x0800
_ETHERTYPE_IPV6: Final = 0x86DD
_TCP: Final = 6
_FRAGMENT_OFFSET: Final = 0x1FFF

_SO_ATTACH_FILTER: Final = 26


class Instruction(NamedTuple):
    """One instruction as the kernel takes it (struct sock_filter)."""

    code: int
    if_true: int
    if_false: int
    operand: int


class _Line(NamedTuple):
    code: int
    operand: int
    if_true: str = ""
    if_false: str = ""
    label: str = ""


NOTHING: Final = (Instruction(_RETURN, 0, 0, 0),)
"""Lets no packet pass."""


def program(*, port: int, host: str | None, link_bytes: int) -> tuple[Instruction, ...]:
    """The filter for packets whose IP header starts `link_bytes` into the packet.

    `host` is an IPv4 or IPv6 address (a scope is ignored). Raises ValueError for anything else.
    """
    address = _address(host)
    lines = [
        _Line(_LD_HALF, _HARDWARE_TYPE),
        _Line(_JUMP_EQUAL, _ARPHRD_LOOPBACK, "loopback", "family"),
        _Line(_LD_HALF, _PACKET_TYPE, label="loopback"),
        _Line(_JUMP_EQUAL, _PACKET_OUTGOING, "family", "drop"),
        _Line(_LD_HALF, _PROTOCOL, label="family"),
        _Line(_JUMP_EQUAL, _ETHERTYPE_IPV4, "ipv4", "other"),
        _Line(_JUMP_EQUAL, _ETHERTYPE_IPV6, "ipv6", "drop", label="other"),
        *_ipv4(port, address, link_bytes),
        *_ipv6(port, address, link_bytes),
        _Line(_RETURN, SNAP_BYTES, label="accept"),
        _Line(_RETURN, 0, label="drop"),
    ]
    return _resolve(lines)


def expression(*, port: int, host: str | None) -> str:
    """The same filter in libpcap's language, for systems on which libpcap does the capturing."""
    address = _address(host)
    if address is None:
        return f"tcp port {port}"
    return (
        f"tcp and ((src host {address} and src port {port})"
        f" or (dst host {address} and dst port {port}))"
    )


def attach(sock: socket.socket, instructions: tuple[Instruction, ...]) -> None:
    """Give the program to the kernel (SO_ATTACH_FILTER, struct sock_fprog)."""
    code = array("B", b"".join(struct.pack("=HBBI", *line) for line in instructions))
    address, _ = code.buffer_info()
    sock.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(instructions), address)
    )


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(host: str | None) -> _Address | None:
    if host is None:
        return None
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _ipv4(port: int, address: _Address | None, start: int) -> list[_Line]:
    if isinstance(address, ipaddress.IPv6Address):
        return [_Line(_RETURN, 0, label="ipv4")]
    return [
        _Line(_LD_BYTE, start + 9, label="ipv4"),
        _Line(_JUMP_EQUAL, _TCP, "whole4", "drop"),
        _Line(_LD_HALF, start + 6, label="whole4"),
        _Line(_JUMP_SET, _FRAGMENT_OFFSET, "drop", "ports4"),
        _Line(_LDX_HEADER_LENGTH, start, label="ports4"),
        *_words(address, start + 12, miss="to4", label="from4"),
        _Line(_LD_HALF_INDEXED, start),
        _Line(_JUMP_EQUAL, port, "accept", "to4"),
        *_words(address, start + 16, miss="drop", label="to4"),
        _Line(_LD_HALF_INDEXED, start + 2, label="" if address else "to4"),
        _Line(_JUMP_EQUAL, port, "accept", "drop"),
    ]


def _ipv6(port: int, address: _Address | None, start: int) -> list[_Line]:
    if isinstance(address, ipaddress.IPv4Address):
        return [_Line(_RETURN, 0, label="ipv6")]
    return [
        _Line(_LD_BYTE, start + 6, label="ipv6"),
        _Line(_JUMP_EQUAL, _TCP, "ports6", "drop"),
        *_words(address, start + 8, miss="to6", label="ports6"),
        _Line(_LD_HALF, start + 40, label="" if address else "ports6"),
        _Line(_JUMP_EQUAL, port, "accept", "to6"),
        *_words(address, start + 24, miss="drop", label="to6"),
        _Line(_LD_HALF, start + 42, label="" if address else "to6"),
        _Line(_JUMP_EQUAL, port, "accept", "drop"),
    ]


def _words(address: _Address | None, offset: int, *, miss: str, label: str) -> list[_Line]:
    """Compare the address word by word; fall through where all are equal."""
    if address is None:
        return []
    lines: list[_Line] = []
    for index, (word,) in enumerate(struct.iter_unpack("!I", address.packed)):
        lines.append(_Line(_LD_WORD, offset + 4 * index, label="" if index else label))
        lines.append(_Line(_JUMP_EQUAL, word, "", miss))
    return lines


def _resolve(lines: list[_Line]) -> tuple[Instruction, ...]:
    places = {line.label: place for place, line in enumerate(lines) if line.label}

    def distance(target: str, place: int) -> int:
        return places[target] - place - 1 if target else 0

    return tuple(
        Instruction(
            line.code,
            distance(line.if_true, place),
            distance(line.if_false, place),
            line.operand,
        )
        for place, line in enumerate(lines)
    )
