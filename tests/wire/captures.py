"""Capture files written byte by byte, in every shape that the readers know."""

import struct

ETHERNET = 1
SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, NAMES, ENHANCED_PACKET, SECRETS = (
    0x0A0D0D0A,
    1,
    2,
    3,
    4,
    6,
    10,
)
SECOND = 1_000_000_000
AT = 1_700_000_000 * SECOND + 123_456_000


def pcap(frames, *, order="<", nanoseconds=False, link=ETHERNET, snap=262_144):
    """Frames as (at_ns, data, original length)."""
    magic, unit = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    out = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap, link)
    for at_ns, data, original in frames:
        seconds, rest = divmod(at_ns, SECOND)
        out += struct.pack(f"{order}IIII", seconds, rest // unit, len(data), original) + data
    return out


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order="<"):
    return block(SECTION, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def option(code, value, order="<"):
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(order="<", *, link=ETHERNET, snap=0, resolution=None, offset=None):
    body = struct.pack(f"{order}HHI", link, 0, snap)
    if resolution is not None:
        body += option(9, bytes([resolution]), order)
    if offset is not None:
        body += option(14, struct.pack(f"{order}q", offset), order)
    return block(INTERFACE, body, order)


def enhanced(ticks, data, order="<", *, original=None, number=0):
    original = len(data) if original is None else original
    head = (number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), original)
    return block(ENHANCED_PACKET, struct.pack(f"{order}IIIII", *head) + data, order)


def simple(data, order="<", *, original=None):
    original = len(data) if original is None else original
    return block(SIMPLE_PACKET, struct.pack(f"{order}I", original) + data, order)


def old(ticks, data, order="<", *, number=0):
    head = (number, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(OLD_PACKET, struct.pack(f"{order}HHIIII", *head) + data, order)


def secrets(text, order="<"):
    return block(SECRETS, struct.pack(f"{order}II", 0x544C534B, len(text)) + text, order)


def sack_option(edges):
    """Where blocks begin and end (RFC 2018)."""
    blocks = struct.pack(f"!{len(edges)}I", *(edge % 2**32 for edge in edges))
    return bytes([1, 1, 5, len(blocks) + 2]) + blocks


def ethernet(segment):
    """An IPv4 `Segment` as a frame."""
    options = sack_option(segment.sack) if segment.sack else b""
    tcp = struct.pack(
        "!HHIIBBHHH",
        segment.src[1],
        segment.dst[1],
        segment.seq % 2**32,
        segment.ack % 2**32,
        0x50 + (len(options) << 2),
        segment.flags,
        segment.window,
        0,
        0,
    )
    tcp += options
    whole = len(options) + len(segment.payload) + segment.truncated
    ends = b"".join(bytes(map(int, end[0].split("."))) for end in (segment.src, segment.dst))
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + whole, 0, 0, 64, 6, 0) + ends
    return bytes(12) + b"\x08\x00" + ip + tcp + segment.payload
