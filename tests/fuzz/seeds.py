"""What each target starts from: the golden captures, in all the shapes that a file can have."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import zstandard

from tests.pcaps import pcapng
from tests.wire import captures
from tlsclose.core.event import Side
from tlsclose.wire.frame import Frame
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import decode

PCAPS = Path(__file__).parents[2] / "pcaps"
SMALL_BYTES = 20_000

_RAW, _SLL = 101, 113


def golden() -> list[Path]:
    """Every recorded capture, by name."""
    return sorted(PCAPS.glob("*.pcapng"))


def shared_keys() -> KeyLog:
    """The keys of all golden captures."""
    keys = KeyLog()
    for path in golden():
        for line in pcapng.read(path).keys:
            keys.add_line(line)
    return keys


def capture_files() -> Iterator[bytes]:
    """Whole files."""
    for path in golden():
        yield path.read_bytes()
    small = [path for path in golden() if path.stat().st_size < SMALL_BYTES][:4]
    for path in small:
        data = path.read_bytes()
        frames = [
            (item.at_ns, item.data, item.original_length) for item in pcapng.read(path).frames
        ]
        yield gzip.compress(data, mtime=0)
        yield zstandard.compress(data)
        yield captures.pcap(frames)
        yield captures.pcap(frames, order=">", nanoseconds=True)
        yield _odd_blocks(frames)


def _odd_blocks(frames: list[tuple[int, bytes, int]]) -> bytes:
    """Two sections, both byte orders, every block that holds packets."""
    out = b""
    for order in "<>":
        out += captures.section(order) + captures.interface(order, resolution=9, offset=1)
        out += captures.interface(order, snap=300)
        for number, (at_ns, data, original) in enumerate(frames):
            match number % 4:
                case 0:
                    out += captures.old(at_ns, data, order)
                case 1:
                    out += captures.simple(data, order)
                case _:
                    out += captures.enhanced(at_ns, data, order, original=original)
        out += captures.block(captures.NAMES, b"names", order) + captures.secrets(b"# no\n", order)
    return out


def frames() -> Iterator[bytes]:
    """A byte for the link type, then a frame: see `targets.decode_frame`."""
    for path in golden()[:8]:
        for item in pcapng.read(path).frames[:6]:
            network = item.data[14:]
            yield bytes([1]) + item.data
            yield bytes([1]) + item.data[:12] + b"\x81\x00\x00\x01" + item.data[12:]
            yield bytes([_RAW]) + network
            yield bytes([_SLL]) + bytes(14) + b"\x08\x00" + network
            yield bytes([0]) + b"\x02\x00\x00\x00" + network


def streams() -> Iterator[bytes]:
    """Flights of both sides: see `targets.flights`."""
    for path in golden():
        frames = pcapng.read(path).frames
        yield packed(_payloads(frames))


def _payloads(frames: list[Frame]) -> Iterator[tuple[Side, bytes]]:
    segments = [segment for frame in frames if (segment := decode(frame)) is not None]
    for segment in segments:
        if segment.payload:
            side = Side.CLIENT if segment.src == segments[0].src else Side.SERVER
            yield side, segment.payload


def packed(flights: Iterator[tuple[Side, bytes]]) -> bytes:
    """A 16-bit head, a side in its first bit and a length in the others, before each flight."""
    out = bytearray()
    for side, data in flights:
        for at in range(0, len(data), 0x7FFF):
            part = data[at : at + 0x7FFF]
            out += ((side is Side.SERVER) << 15 | len(part)).to_bytes(2) + part
    return bytes(out)


def key_logs() -> Iterator[bytes]:
    """Lines, good and bad."""
    for path in golden()[:6]:
        lines = pcapng.read(path).keys
        yield "\n".join(lines).encode()
        yield b"\xef\xbb\xbf" + "\r\n".join(["# comment", "", *lines, "RSA 00 11"]).encode()
