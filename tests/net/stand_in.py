"""A stand-in for the engine that follows captures: the strict reader, one follower a connection."""

from dataclasses import dataclass
from types import SimpleNamespace

from tests.pcaps import pcapng
from tlsclose.errors import CaptureFileError
from tlsclose.wire.follower import ConnectionFollower, Followed
from tlsclose.wire.packets import Address, decode, flow


@dataclass(frozen=True, kw_only=True)
class Seen:
    client: Address = ("192.0.2.1", 51000)
    server: Address = ("192.0.2.7", 443)
    stream: int = 0
    started_ns: int = 0
    packets: int = 0
    followed: Followed


def follow(path, keys, watcher):
    try:
        capture = pcapng.read(path)
    except (ValueError, OSError) as error:
        raise CaptureFileError(f"{path}: {error}") from None
    for line in capture.keys:
        keys.add_line(line)
    found = {}
    for number, frame in enumerate(capture.frames, 1):
        segment = decode(frame)
        state = found.setdefault(
            flow(segment),
            SimpleNamespace(
                ends=(segment.src, segment.dst),
                started_ns=frame.at_ns,
                packets=0,
                follower=ConnectionFollower(keys),
            ),
        )
        state.packets += 1
        state.follower.segment(frame.at_ns - state.started_ns, number, segment)
        watcher.read(1, frame.original_length)
    for stream, state in enumerate(found.values()):
        watcher.connection(
            Seen(
                client=state.ends[0],
                server=state.ends[1],
                stream=stream,
                started_ns=state.started_ns,
                packets=state.packets,
                followed=state.follower.finish(),
            )
        )
