"""What is fuzzed: each target takes any bytes and raises only where tlsclose is wrong."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from tests.fuzz import seeds
from tests.fuzz.invariants import Outputs, check_report
from tests.wire.in_memory import Bytes
from tlsclose import api
from tlsclose.core.event import Event, Side
from tlsclose.core.precedent import Precedents
from tlsclose.errors import CaptureFileError, KeyLogError
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.net.following import observed
from tlsclose.net.key_files import KeyFiles
from tlsclose.net.line import Line, line_of
from tlsclose.net.observed import Observed, assemble_observed, spoke_tls
from tlsclose.wire.batch import Batch
from tlsclose.wire.capture_connection import FollowedConnection
from tlsclose.wire.capture_file import CaptureFile
from tlsclose.wire.capture_follower import CaptureFollower
from tlsclose.wire.columns import Columns, address, tcp_columns
from tlsclose.wire.follower import ConnectionFollower, Followed
from tlsclose.wire.frame import Frame
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import Segment, decode
from tlsclose.wire.small_capture import SmallCapture, small_capture

BUFFERS: Final = (100, 1500, 2**20)
FIRST_FLIGHTS: Final = 4000
"""Bytes in which a connection begins and does not end."""
ENDLESS_NS: Final = 2**63
CLIENT, SERVER = ("192.0.2.1", 50000), ("198.51.100.2", 443)


_Followed = tuple[list[FollowedConnection], str | None, int]
"""Connections, what is wrong with the file, and how many warnings there were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`run` takes any bytes; `seeds` are good ones."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    captures: bool = False
    """Mutate packets rather than bytes."""


@cache
def _folder() -> Path:
    shared = Path("/dev/shm")
    found = tempfile.mkdtemp(prefix="tlsclose-fuzz", dir=shared if shared.is_dir() else None)
    return Path(found)


@cache
def _keys() -> KeyLog:
    return seeds.shared_keys()


def analyze_file(data: bytes) -> None:
    """A file, through everything that `analyze` does with it."""
    path = _folder() / "capture"
    path.write_bytes(data)
    outputs = Outputs()
    summary = api.analyze([path], AnalyzeSettings(), on_report=outputs.add)
    outputs.finish(summary)


def columns_and_packets(data: bytes) -> None:
    """The fast way through a capture against the slow one, and columns against `decode`."""
    slow = _followed(data, BUFFERS[-1], fast=False)
    for size in BUFFERS:
        assert _followed(data, size, fast=True) == slow, "the fast way and the slow way differ"
    path = _folder() / "small"
    path.write_bytes(data)
    keys = KeyLog()
    if (small := small_capture(path, keys)) is not None:
        assert _followed_alone(small, keys) == slow, "a small file's way and the slow way differ"


def _followed_alone(small: SmallCapture, keys: KeyLog) -> _Followed:
    found: list[FollowedConnection] = []
    follower = CaptureFollower(keys, found.append, linger_ns=ENDLESS_NS)
    follower.take_few(small.frames)
    follower.finish()
    damage = small.damage and small.damage.partition(": ")[2]
    return sorted(found, key=lambda item: item.first_packet), damage, len(small.warnings)


def _followed(data: bytes, buffer_bytes: int, *, fast: bool) -> _Followed:
    found: list[FollowedConnection] = []
    keys = KeyLog()
    follower = CaptureFollower(keys, found.append, fast=fast, linger_ns=ENDLESS_NS)
    capture = CaptureFile("it", Bytes(data), keys, buffer_bytes=buffer_bytes)
    try:
        for batch in capture:
            if not fast:
                _check_columns(batch)
            follower.take(batch)
    except CaptureFileError:
        return [], None, 0
    follower.finish()
    damage = capture.damage and capture.damage.partition(": ")[2]
    return sorted(found, key=lambda item: item.first_packet), damage, len(capture.warnings)


def in_brief(data: bytes) -> None:
    """What is told of connections in brief against what their events say."""
    for size in (FIRST_FLIGHTS, BUFFERS[-1]):
        full = _lines(data, size, brief=False)
        assert _lines(data, size, brief=True) == full, "told in brief, it is something else"


def _lines(data: bytes, buffer_bytes: int, *, brief: bool) -> list[tuple[int, bool, Line]]:
    """Of each connection its first packet, whether it is TLS, and its line."""
    found: list[FollowedConnection] = []
    keys = KeyLog()
    follower = CaptureFollower(keys, found.append, brief=brief)
    try:
        for batch in CaptureFile("it", Bytes(data), keys, buffer_bytes=buffer_bytes):
            follower.take(batch)
    except CaptureFileError:
        return []
    follower.finish()
    precedents = Precedents()
    lines = []
    for item in sorted(found, key=lambda item: item.first_packet):
        seen = observed(item, 0)
        lines.append((item.first_packet, spoke_tls(item.followed), line_of(seen, precedents)))
    return lines


def _check_columns(batch: Batch) -> None:
    columns = tcp_columns(batch)
    found = dict(_segments(batch, columns))
    for row in range(len(batch)):
        alone = decode(batch.frame(row))
        expected = alone and alone._replace(sack=())  # options have no columns
        assert found.get(row) == expected, "columns and packets differ"


def _segments(batch: Batch, columns: Columns) -> Iterator[tuple[int, Segment]]:
    for row in range(len(columns)):
        index, start = int(columns.index[row]), int(columns.start[row])
        if index in columns.single:
            yield index, columns.single[index]._replace(sack=())
            continue
        source = (columns.src_high, columns.src, columns.src_port)
        target = (columns.dst_high, columns.dst, columns.dst_port)
        yield (
            index,
            Segment(
                src=address(*(int(column[row]) for column in source)),
                dst=address(*(int(column[row]) for column in target)),
                seq=int(columns.seq[row]),
                ack=int(columns.ack[row]),
                flags=int(columns.flags[row]),
                payload=bytes(batch.buffer[start : start + int(columns.size[row])]),
                window=int(columns.window[row]),
                truncated=int(columns.truncated[row]),
            ),
        )


def tls_streams(data: bytes) -> None:
    """Bytes of both sides; how they are cut into segments must not matter."""
    cut = list(flights(data))
    together = _events(_joined(cut), _keys())
    assert _events(cut, _keys()) == together, "segmentation matters"
    if len(data) < 2000:
        single = [(side, part[at : at + 1]) for side, part in cut for at in range(len(part))]
        assert _events(single, _keys()) == together, "segmentation matters, byte by byte"


def flights(data: bytes) -> Iterator[tuple[Side, bytes]]:
    """A 16-bit head before each: the side in its first bit, the length in the others."""
    at = 0
    while at + 2 <= len(data):
        head = int.from_bytes(data[at : at + 2])
        part = data[at + 2 : at + 2 + (head & 0x7FFF)]
        if part:
            yield (Side.SERVER if head >> 15 else Side.CLIENT), part
        at += 2 + len(part)


def _joined(cut: list[tuple[Side, bytes]]) -> list[tuple[Side, bytes]]:
    out: list[tuple[Side, bytes]] = []
    for side, part in cut:
        before = out.pop()[1] if out and out[-1][0] is side else b""
        out.append((side, before + part))
    return out


def _events(cut: list[tuple[Side, bytes]], keys: KeyLog) -> tuple[tuple[Event, ...], set[str]]:
    follower = ConnectionFollower(keys)
    for side, part in cut:
        follower.extent(0, side, part)
    followed = follower.finish()
    _judge(followed)
    return followed.events, set(followed.notes)


def _judge(followed: Followed) -> None:
    seen = Observed(client=CLIENT, server=SERVER, stream=0, started_ns=0, followed=followed)
    check_report(assemble_observed(seen, path="it"))


def key_log(data: bytes) -> None:
    """A key log as a file, and what is read of it again."""
    path = _folder() / "keys"
    path.write_bytes(data)
    try:
        keys, warnings = KeyLog.read(path)
        files = KeyFiles([path], lambda _: None)
    except KeyLogError:
        return
    lines = keys.lines()
    again = KeyLog()
    assert all(again.add_line(line) for line in lines), "a line of ours is malformed"
    assert again.lines() == lines == files.keys.lines()
    assert all("\n" not in warning for warning in warnings)


def decode_frame(data: bytes) -> None:
    """One frame behind a byte for its link type, whole and alone in a batch."""
    if not data:
        return
    link, body = data[0], data[1:]
    for length in (len(body), len(body) + 1000):
        frame = Frame(at_ns=0, link_type=link, data=body, original_length=length)
        batch = _batch_of(frame)
        found = dict(_segments(batch, tcp_columns(batch)))
        assert found.get(0) == decode(frame), "columns and packets differ"


def _batch_of(frame: Frame) -> Batch:
    one = np.ones(1, np.int64)
    return Batch(
        buffer=bytearray(frame.data + b"\xff" * 128),
        start=one * 0,
        captured=one * len(frame.data),
        original=one * frame.original_length,
        at_ns=one * 0,
        link=one * frame.link_type,
        first=1,
    )


TARGETS: Final = {
    "capture": Target(run=analyze_file, seeds=seeds.capture_files, captures=True),
    "columns": Target(run=columns_and_packets, seeds=seeds.capture_files, captures=True),
    "brief": Target(run=in_brief, seeds=seeds.capture_files, captures=True),
    "streams": Target(run=tls_streams, seeds=seeds.streams),
    "keylog": Target(run=key_log, seeds=seeds.key_logs),
    "decode": Target(run=decode_frame, seeds=seeds.frames),
}
