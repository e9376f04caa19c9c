"""Follow one capture: number its connections, hand each on once it is over.

Numbers are those of tshark's `tcp.stream`: in the order of first packets. The follower meets
connections in another order within a batch, so numbers are given out behind each batch.

There is one follower and there are two ways to feed it. `wire.capture_file` makes columns of a
batch's packets, and needs numpy; a small file's are decoded one by one (`wire.small_capture`),
because loading numpy alone takes longer than that. Both lead to the same numbers, order and events.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from tlsclose.errors import CaptureFileError
from tlsclose.net.observed import Observed
from tlsclose.wire.capture_connection import FollowedConnection
from tlsclose.wire.capture_follower import (
    LINGER_NS,
    LIVE_LINGER_NS,
    CaptureFollower,
    few_collections,
)
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.small_capture import SmallCapture, small_capture

if TYPE_CHECKING:
    from tlsclose.net.captures import Watcher
    from tlsclose.wire.capture_file import CaptureFile


def follow(path: Path, keys: KeyLog, watcher: "Watcher") -> None:
    """Follow every connection of one capture; `-` is standard input.

    Raises CaptureFileError once everything before the damage has been handed on.
    """
    with few_collections():
        small = small_capture(path, keys)
        if small is not None:
            _follow_small(small, keys, watcher)
            _tell(small, watcher)
        else:
            _follow_batches(path, keys, watcher)


def _follow_small(capture: SmallCapture, keys: KeyLog, watcher: "Watcher") -> None:
    follower = _NumberedFollower(keys, linger_ns=LINGER_NS)
    follower.take_few(capture.frames)
    watcher.read(len(capture.frames), sum(frame.original_length for frame in capture.frames))
    watcher.progress(capture.bytes_read)
    follower.hand_over(watcher)
    follower.finish()
    follower.hand_over(watcher)


def _follow_batches(path: Path, keys: KeyLog, watcher: "Watcher") -> None:
    from tlsclose.wire.capture_file import open_capture

    with open_capture(path, keys) as capture:
        linger_ns = LIVE_LINGER_NS if capture.live else LINGER_NS
        follower = _NumberedFollower(keys, linger_ns=linger_ns)
        for batch in capture:
            if capture.live:
                watcher.read_keys()
            follower.take(batch)
            watcher.read(len(batch), int(batch.original.sum()))
            watcher.progress(capture.bytes_read)
            follower.hand_over(watcher)
            if watcher.stopped:
                break
        follower.finish()
        follower.hand_over(watcher)
        _tell(capture, watcher)


def _tell(capture: "SmallCapture | CaptureFile", watcher: "Watcher") -> None:
    for warning in capture.warnings:
        watcher.warn(warning)
    if capture.damage is not None and not watcher.stopped:
        raise CaptureFileError(capture.damage)


class _NumberedFollower(CaptureFollower):
    """Keeps what is over until it is numbered."""

    def __init__(self, keys: KeyLog, *, linger_ns: int) -> None:
        self._begun: list[int] = []
        """First packets of connections without a number yet."""
        self._over_now: list[FollowedConnection] = []
        self._numbers: dict[int, int] = {}
        """By first packet, of connections that are open."""
        self._count = 0
        super().__init__(keys, self._over_now.append, linger_ns=linger_ns)

    def begun(self, number: int) -> None:
        self._begun.append(number)

    def hand_over(self, watcher: "Watcher") -> None:
        """Hand on what is over, in the order of numbers."""
        for number in sorted(self._begun):
            self._numbers[number] = self._count
            self._count += 1
        self._begun.clear()
        for seen in sorted(self._over_now, key=lambda seen: seen.first_packet):
            watcher.connection(_observed(seen, self._numbers.pop(seen.first_packet)))
        self._over_now.clear()


def _observed(seen: FollowedConnection, stream: int) -> Observed:
    return Observed(
        client=seen.client,
        server=seen.server,
        stream=stream,
        started_ns=seen.started_at_ns,
        followed=seen.followed,
    )
