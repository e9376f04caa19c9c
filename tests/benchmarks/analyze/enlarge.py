"""A capture of several gigabytes from one of one: the same packets again, as other connections.

Each copy is later than the one before, and its hosts have other addresses: what is added to a word
of the client's address is taken from the server's, so that every checksum still holds. Handshakes
are those of the first copy, so its keys serve all.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from tests.benchmarks.measure import BenchmarkError

FILE_HEADER: Final = struct.Struct("<IHHiIII")
PACKET_HEADER: Final = struct.Struct("<IIII")
MAGIC: Final = 0xA1B2C3D4
PAUSE_S: Final = 1
ETHERNET: Final = 14
WORD: Final = struct.Struct(">H")


def enlarge(source: Path, target: Path, copies: int, clients: set[bytes]) -> int:
    """Write `copies` of a pcap file of Ethernet packets between two hosts; the packets written.

    `clients` are the client's addresses as they are on the wire.
    """
    packets = 0
    between_s = _span_s(source) + PAUSE_S
    with target.open("wb") as output:
        for copy in range(copies):
            with source.open("rb") as capture:
                header = capture.read(FILE_HEADER.size)
                if not copy:
                    output.write(header)
                for seconds, micros, wire, packet in _packets(capture):
                    renumber(packet, copy, clients)
                    moved = seconds + copy * between_s
                    output.write(PACKET_HEADER.pack(moved, micros, len(packet), wire))
                    output.write(packet)
                    packets += 1
    return packets


def _span_s(source: Path) -> int:
    """Whole seconds from the first packet to the last."""
    with source.open("rb") as capture:
        if FILE_HEADER.unpack(capture.read(FILE_HEADER.size))[0] != MAGIC:
            raise BenchmarkError(f"{source} is no pcap file of this machine's tcpdump")
        times = [seconds for seconds, *_ in _packets(capture)]
    return max(times) - min(times) + 1


def _packets(capture: IO[bytes]) -> Iterator[tuple[int, int, int, bytearray]]:
    while header := capture.read(PACKET_HEADER.size):
        seconds, micros, kept, wire = PACKET_HEADER.unpack(header)
        yield seconds, micros, wire, bytearray(capture.read(kept))


def renumber(packet: bytearray, by: int, clients: set[bytes]) -> None:
    """Move both addresses of an Ethernet packet by `by`, in ways that cancel out in its sums."""
    if packet[12:14] == b"\x08\x00":
        first, bytes_long, word = ETHERNET + 12, 4, 0
    else:
        first, bytes_long, word = ETHERNET + 8, 16, 2
    for start in (first, first + bytes_long):
        ours = bytes(packet[start : start + bytes_long]) in clients
        (old,) = WORD.unpack_from(packet, start + word)
        WORD.pack_into(packet, start + word, old + by if ours else old - by)
