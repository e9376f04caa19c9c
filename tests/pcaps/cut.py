"""A capture made from another one by leaving blocks out; every other byte stays."""

import struct
from collections.abc import Container
from typing import Final

from tests.pcaps.pcapng import Block

EVERY: Final = range(1, 2**32)


def cut(data: bytes, *, keys: bool, packets: Container[int] = EVERY) -> bytes:
    """Keep the packets of these numbers, from 1, and the embedded secrets or not."""
    kept = []
    at = number = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        number += kind == Block.PACKET
        if _stays(kind, number, keys, packets):
            kept.append(data[at : at + length])
        at += length
    return b"".join(kept)


def _stays(kind: int, number: int, keys: bool, packets: Container[int]) -> bool:
    match kind:
        case Block.PACKET:
            return number in packets
        case Block.SECRETS:
            return keys
        case _:
            return True
