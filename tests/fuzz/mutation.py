"""Mutations that keep a capture a capture: packets lost, moved, snapped, changed in a field.

Whatever is no capture of ours is left to the fuzzer's own mutations.
"""

import gzip
import random
import struct
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple

import zstandard

from tests.pcaps import pcapng
from tests.wire import captures

Mutate = Callable[[bytes, int], bytes]
"""The fuzzer's own mutation of bytes, to at most so many."""

MAX_FRAMES: Final = 400
_ETHERNET: Final = 14
_PORTS, _SEQUENCE, _ACKNOWLEDGEMENT, _FLAGS, _WINDOW = 0, 4, 8, 13, 14
_INTERESTING: Final = (
    b"\x15\x03\x03\x00\x02\x01\x00",
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"\x15\x03\x03\x00\x00",
    b"\x17\x03\x03\x00\x00" * 8,
    b"\x17\x03\x03\xff\xff",
    b"\x16\x03\x03\x00\x04\x00\x00\x00\x00",
    b"\x14\x03\x03\x00\x01\x01",
    b"\x16\x03\x03\x40\x00\x01\xff\xff\xff",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"\x1b[2J\x07\r",
    b"\xff" * 40,
)
_FLAG_BYTES: Final = (0, 1, 2, 4, 8, 16, 17, 18, 20, 24, 25, 255)
_STEPS_NS: Final = (-(10**12), -(10**6), 0, 10**6, 20 * 10**9, 10**12, 2**62)


class Packet(NamedTuple):
    """One frame."""

    at_ns: int
    data: bytes
    original: int


def capture(data: bytes, limit: int, seed: int, mutate: Mutate) -> bytes:
    """Mutate a file, by its packets where it is one of ours."""
    chance = random.Random(seed)
    plain = _unpacked(data)
    found = _read(plain) if chance.random() < 0.85 else None
    if found is None:
        return mutate(data, limit)
    packets = [Packet(item.at_ns, item.data, item.original_length) for item in found.frames]
    link = found.frames[0].link_type
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        if packets:
            packets = chance.choice(_OPERATIONS)(packets, chance, mutate)[:MAX_FRAMES]
    made = _written(packets, link, found.keys, chance)
    return made if len(made) <= limit else data


def _unpacked(data: bytes) -> bytes:
    try:
        if data.startswith(b"\x1f\x8b"):
            return gzip.decompress(data)
        if data.startswith(b"\x28\xb5\x2f\xfd"):
            return zstandard.decompress(data, 2**22)
    except (OSError, EOFError, ValueError, zlib.error, zstandard.ZstdError):
        pass
    return data


def _read(data: bytes) -> pcapng.Capture | None:
    try:
        found = pcapng.parsed(data)
    except (ValueError, struct.error, IndexError):
        return None
    return found if found.frames else None


def _written(packets: list[Packet], link: int, keys: list[str], chance: random.Random) -> bytes:
    """Mostly as it was, so that it can be mutated again; now and then in another shape."""
    if chance.random() < 0.9:
        keep = keys if chance.random() < 0.95 else keys[: chance.randrange(len(keys) + 1)]
        out = captures.section() + _interface(link)
        out += captures.secrets("".join(f"{line}\n" for line in keep).encode())
        for at_ns, data, original in packets:
            out += captures.enhanced(at_ns, data, original=original)
        return out
    nanoseconds = chance.random() < 0.5
    plain = [packet._replace(at_ns=min(packet.at_ns, 2**32 * 10**9 - 1)) for packet in packets]
    out = captures.pcap(plain, order=chance.choice("<>"), nanoseconds=nanoseconds, link=link)
    return chance.choice((bytes, gzip.compress, zstandard.compress))(out)


def _interface(link: int) -> bytes:
    """With an end of its options, which the strict reader asks for."""
    options = captures.option(9, b"\x09") + captures.option(0, b"")
    return captures.block(captures.INTERFACE, struct.pack("<HHI", link, 0, 0) + options)


def _lose(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    at = chance.randrange(len(packets))
    return packets[:at] + packets[at + chance.choice((1, 1, 2, 5)) :]


def _begin_late(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    return packets[chance.randrange(len(packets)) :]


def _end_early(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    return packets[: 1 + chance.randrange(len(packets))]


def _one_side(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    ends = chance.choice(packets).data[26:34]
    return [packet for packet in packets if packet.data[26:34] == ends]


def _repeat(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    at, to = chance.randrange(len(packets)), chance.randrange(len(packets) + 1)
    return [*packets[:to], *[packets[at]] * chance.choice((1, 1, 3, 40)), *packets[to:]]


def _again(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    """The whole connection once more, at once or much later."""
    late = chance.choice(_STEPS_NS)
    return packets + [packet._replace(at_ns=_time(packet.at_ns + late)) for packet in packets]


def _move(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    rest = list(packets)
    packet = rest.pop(chance.randrange(len(rest)))
    rest.insert(chance.randrange(len(rest) + 1), packet)
    return rest


def _clock(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    at, step = chance.randrange(len(packets)), chance.choice(_STEPS_NS)
    return packets[:at] + [
        packet._replace(at_ns=_time(packet.at_ns + step)) for packet in packets[at:]
    ]


def _time(at_ns: int) -> int:
    return min(max(at_ns, 0), 2**63)


def _snap(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    if chance.random() < 0.3:
        keep = chance.randrange(54, 120)
        return [packet._replace(data=packet.data[:keep]) for packet in packets]
    return _changed(
        packets, chance, lambda packet: packet._replace(data=packet.data[: _cut(packet, chance)])
    )


def _cut(packet: Packet, chance: random.Random) -> int:
    return chance.randrange(len(packet.data) + 1)


def _changed(
    packets: list[Packet], chance: random.Random, change: Callable[[Packet], Packet]
) -> list[Packet]:
    at = chance.randrange(len(packets))
    return [*packets[:at], change(packets[at]), *packets[at + 1 :]]


def _field(packets: list[Packet], chance: random.Random, _: Mutate) -> list[Packet]:
    def change(packet: Packet) -> Packet:
        tcp = _tcp_at(packet.data)
        if tcp is None:
            return packet
        data = bytearray(packet.data)
        match chance.choice((_PORTS, _SEQUENCE, _ACKNOWLEDGEMENT, _FLAGS, _FLAGS, _WINDOW)):
            case 0:
                data[tcp + chance.choice((1, 3))] ^= 1 << chance.randrange(8)
            case 13:
                data[tcp + _FLAGS] = chance.choice(_FLAG_BYTES)
            case 14:
                data[tcp + _WINDOW : tcp + _WINDOW + 2] = chance.choice((b"\0\0", b"\xff\xff"))
            case at:
                old = int.from_bytes(data[tcp + at : tcp + at + 4])
                step = chance.choice((1, -1, 100, 2**16, 2**30, 2**31, chance.randrange(2**32)))
                data[tcp + at : tcp + at + 4] = ((old + step) % 2**32).to_bytes(4)
        return packet._replace(data=bytes(data))

    return _changed(packets, chance, change)


def _payload(packets: list[Packet], chance: random.Random, mutate: Mutate) -> list[Packet]:
    def change(packet: Packet) -> Packet:
        tcp = _tcp_at(packet.data)
        if tcp is None:
            return packet
        head = tcp + (packet.data[tcp + 12] >> 4) * 4
        old = packet.data[head:]
        new = _new_payload(old, chance, mutate)
        return _fitted(packet, head, new[:3000])

    return _changed(packets, chance, change)


def _new_payload(old: bytes, chance: random.Random, mutate: Mutate) -> bytes:
    insert = chance.choice(_INTERESTING)
    at = chance.randrange(len(old) + 1)
    match chance.randrange(5):
        case 0:
            return insert
        case 1:
            return old + insert
        case 2:
            return old[:at] + insert + old[at:]
        case 3:
            return old[:at] + insert + old[at + len(insert) :]
        case _:
            return mutate(old, 3000) if old else insert


def _fitted(packet: Packet, head: int, payload: bytes) -> Packet:
    """With another payload, and the lengths that go with it."""
    data = bytearray(packet.data[:head] + payload)
    if data[_ETHERNET] >> 4 == 4:
        data[16:18] = (len(data) - _ETHERNET).to_bytes(2)
    else:
        data[18:20] = (len(data) - _ETHERNET - 40).to_bytes(2)
    return packet._replace(data=bytes(data), original=len(data))


def _tcp_at(data: bytes) -> int | None:
    """Where the TCP header stands in an Ethernet frame."""
    match data[12:14]:
        case b"\x08\x00" if len(data) > _ETHERNET:
            at = _ETHERNET + (data[_ETHERNET] & 0x0F) * 4
        case b"\x86\xdd":
            at = _ETHERNET + 40
        case _:
            return None
    return at if len(data) >= at + 20 else None


_OPERATIONS: Final = (
    _lose, _begin_late, _end_early, _one_side, _repeat, _again, _move, _clock, _snap,
    _field, _field, _field, _payload, _payload, _payload, _payload,
)  # fmt: skip
