"""A strict reader of the pcapng files that tlsclose writes (draft-ietf-opsawg-pcapng).

It shares no code with the writer and knows only the blocks that may be there. Whatever is not
exactly as the format says is a ValueError.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from tlsclose.wire.frame import Frame

_MAGIC: Final = 0x1A2B3C4D
_TLS_KEY_LOG: Final = 0x544C534B
_TIME_RESOLUTION: Final = 9
_NANOSECONDS: Final = b"\x09"
_SECRETS_HEADER_BYTES: Final = 8


class Block(IntEnum):
    """Block types."""

    INTERFACE = 1
    PACKET = 6
    SECRETS = 10
    SECTION = 0x0A0D0D0A


class Capture(NamedTuple):
    """A file's packets in order, and the lines of its key log."""

    frames: list[Frame]
    keys: list[str]


def read(path: Path) -> Capture:
    """Read a whole file."""
    return parsed(path.read_bytes())


def parsed(data: bytes) -> Capture:
    """Read a file that is in memory."""
    frames: list[Frame] = []
    keys: list[str] = []
    links: list[int] = []
    blocks = _blocks(data)
    _check_section(*next(blocks, (0, b"")))
    for kind, body in blocks:
        match kind:
            case Block.INTERFACE:
                links.append(_link(body))
            case Block.PACKET:
                frames.append(_frame(body, links))
            case Block.SECRETS:
                _need(not frames, "the secrets stand behind packets")
                keys += _key_log(body)
            case _:
                raise ValueError(f"unexpected block {kind:#x}")
    return Capture(frames, keys)


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        _need(at + 12 <= len(data), "a block is cut off")
        kind, length = struct.unpack_from("<II", data, at)
        _need(length >= 12 and length % 4 == 0, f"block length {length}")
        _need(at + length <= len(data), "a block is cut off")
        (again,) = struct.unpack_from("<I", data, at + length - 4)
        _need(again == length, "the lengths of a block differ")
        yield kind, data[at + 8 : at + length - 4]
        at += length


def _check_section(kind: int, body: bytes) -> None:
    _need(kind == Block.SECTION, "no section header")
    magic, major, minor = struct.unpack_from("<IHH", body)
    _need((magic, major, minor) == (_MAGIC, 1, 0), "not version 1.0 in little-endian order")


def _link(body: bytes) -> int:
    link, _, _ = struct.unpack_from("<HHI", body)
    resolution = dict(_options(body[8:])).get(_TIME_RESOLUTION)
    _need(resolution == _NANOSECONDS, "time stamps are not in nanoseconds")
    return int(link)


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if code == 0:
            return
        yield code, data[at + 4 : at + 4 + length]
        at += 4 + _padded(length)
    raise ValueError("the options do not end")


def _frame(body: bytes, links: list[int]) -> Frame:
    interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
    _need(interface < len(links), "a packet names no interface")
    _need(20 + _padded(captured) == len(body), "a packet has another length than its block")
    return Frame(
        at_ns=high << 32 | low,
        link_type=links[interface],
        data=body[20 : 20 + captured],
        original_length=original,
    )


def _key_log(body: bytes) -> list[str]:
    kind, length = struct.unpack_from("<II", body)
    _need(kind == _TLS_KEY_LOG, "not a TLS key log")
    _need(_SECRETS_HEADER_BYTES + _padded(length) == len(body), "secrets of another length")
    return body[_SECRETS_HEADER_BYTES : _SECRETS_HEADER_BYTES + length].decode("ascii").splitlines()


def _padded(length: int) -> int:
    return -(-length // 4) * 4
