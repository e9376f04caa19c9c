"""Follow one capture: number its connections, hand each on once it is over.

Numbers are those of tshark's `tcp.stream`: in the order of first packets. The follower meets
connections in another order within a batch, so numbers are given out behind each batch.

There is one follower and there are two ways to feed it. `wire.capture_file` makes columns of a
batch's packets, and needs numpy; a small file's are decoded one by one (`wire.small_capture`),
because loading numpy alone takes longer than that. Both lead to the same numbers, order and events.

The connections of a large file are followed in `PARTS` parts, each with its share of every limit,
so that it makes no difference to what comes out which process follows which part.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from tlsclose.errors import CaptureFileError
from tlsclose.net.captures import LARGE_BYTES
from tlsclose.net.observed import Observed
from tlsclose.wire.capture_connection import FollowedConnection
from tlsclose.wire.capture_follower import (
    LINGER_NS,
    LIVE_LINGER_NS,
    CaptureFollower,
    few_collections,
    take_together,
)
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.small_capture import SmallCapture, small_capture

if TYPE_CHECKING:
    from tlsclose.net.captures import Watcher
    from tlsclose.wire.batch import Batch
    from tlsclose.wire.capture_file import CaptureFile
    from tlsclose.wire.windows import SharedFile

PARTS: Final = 4
"""Processes have as many each, so there are 1, 2 or 4 of them."""

Item = TypeVar("Item")
Take = Callable[[FollowedConnection], Item]


class Found(NamedTuple, Generic[Item]):
    """What one batch of packets came to, or the end of the capture."""

    packets: int
    size: int
    """Bytes on the wire."""
    bytes_read: int
    """Of the file, up to and with this batch."""
    begun: Sequence[int]
    """First packets of the connections that began."""
    over: list[tuple[int, Item]]
    """Those that are over, by first packet."""


class End(NamedTuple):
    """What reading a capture told beside its connections."""

    warnings: tuple[str, ...]
    damage: str | None


class Numbering:
    """Gives numbers in the order of first packets, batch after batch."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        """By first packet, of connections that are open."""
        self._count = 0

    def numbered(
        self, begun: Iterable[int], over: Iterable[tuple[int, Item]]
    ) -> Iterator[tuple[int, Item]]:
        """Number what began; what is over, in the order of numbers."""
        for first in sorted(begun):
            self._numbers[first] = self._count
            self._count += 1
        for first, item in sorted(over, key=lambda one: one[0]):
            yield self._numbers.pop(first), item


def parts_of(path: Path) -> int:
    """In how many parts a capture's connections are followed."""
    try:
        return PARTS if path.is_file() and path.stat().st_size >= LARGE_BYTES else 1
    except OSError:
        return 1


def follow(path: Path, keys: KeyLog, watcher: "Watcher", *, brief: bool = False) -> None:
    """Follow every connection of one capture in this process; `-` is standard input.

    `brief`: nobody asks for events.
    Raises CaptureFileError once everything before the damage has been handed on.
    """
    numbering = Numbering()
    shares = [(part, parts_of(path)) for part in range(parts_of(path))]
    with few_collections():
        for told in findings(path, keys, shares, lambda seen: seen, watcher, brief=brief):
            if isinstance(told, End):
                tell_end(told, watcher)
                return
            tell_progress(told, watcher)
            for number, seen in numbering.numbered(told.begun, told.over):
                watcher.connection(observed(seen, number))


def tell_progress(found: Found[Item], watcher: "Watcher") -> None:
    """How far a capture has been read."""
    watcher.read(found.packets, found.size)
    watcher.progress(found.bytes_read)


def tell_end(end: End, watcher: "Watcher") -> None:
    """What was wrong with a capture. Raises CaptureFileError where it is damaged."""
    for warning in end.warnings:
        watcher.warn(warning)
    if end.damage is not None and not watcher.stopped:
        raise CaptureFileError(end.damage)


def observed(seen: FollowedConnection, stream: int) -> Observed:
    """A connection and its number in the file."""
    return Observed(
        client=seen.client,
        server=seen.server,
        stream=stream,
        started_ns=seen.started_at_ns,
        followed=seen.followed,
    )


def findings(
    path: Path,
    keys: KeyLog,
    shares: Sequence[tuple[int, int]],
    take: Take[Item],
    watcher: "Watcher | None" = None,
    *,
    size: int | None = None,
    shared: "SharedFile | None" = None,
    brief: bool = False,
) -> Iterator[Found[Item] | End]:
    """Follow these shares (which, of how many) of a capture's connections.

    `size`: read no more bytes of a file that may grow. `shared`: it, where others read it too.
    Raises CaptureFileError where the file is no capture.
    """
    small = small_capture(path, keys) if len(shares) == shares[0][1] else None
    if small is not None:
        followers = _Followers(keys, [(0, 1)], take, LINGER_NS, brief=brief)
        yield from _small(small, followers)
        yield _end(small, followers)
        return
    from tlsclose.wire.capture_file import open_capture

    with open_capture(path, keys, size=size, shared=shared) as capture:
        linger_ns = LIVE_LINGER_NS if capture.live else LINGER_NS
        followers = _Followers(keys, shares, take, linger_ns, brief=brief)
        for batch in capture:
            if capture.live and watcher is not None:
                watcher.read_keys()
            followers.take(batch)
            yield followers.found(len(batch), int(batch.original.sum()), capture.bytes_read)
            if watcher is not None and watcher.stopped:
                break
        yield followers.finish(capture.bytes_read)
        yield _end(capture, followers)


def _small(capture: SmallCapture, followers: "_Followers[Item]") -> Iterator[Found[Item]]:
    frames = capture.frames
    followers.one.take_few(frames)
    size = sum(frame.original_length for frame in frames)
    yield followers.found(len(frames), size, capture.bytes_read)
    yield followers.finish(capture.bytes_read)


def _end(capture: "SmallCapture | CaptureFile", followers: "_Followers[Item]") -> End:
    """Each follower has counted what it could not read for all of the capture: one is enough."""
    return End((*capture.warnings, *followers.one.warnings), capture.damage)


class _Followers(Generic[Item]):
    """One follower for each share, and what they have to tell."""

    def __init__(
        self,
        keys: KeyLog,
        shares: Sequence[tuple[int, int]],
        take: Take[Item],
        linger_ns: int,
        *,
        brief: bool,
    ) -> None:
        self._begun = array("q")
        self._over: list[tuple[int, Item]] = []
        over = self._over
        self._shares = shares

        def is_over(seen: FollowedConnection) -> None:
            over.append((seen.first_packet, take(seen)))

        self._followers = [
            _Follower(
                keys, is_over, self._begun.append, share=share, linger_ns=linger_ns, brief=brief
            )
            for share in shares
        ]

    @property
    def one(self) -> CaptureFollower:
        """The first."""
        return self._followers[0]

    def take(self, batch: "Batch") -> None:
        take_together(self._followers, batch)

    def found(self, packets: int, size: int, bytes_read: int) -> Found[Item]:
        """What there is to tell since the last time."""
        found = Found(packets, size, bytes_read, self._begun[:], self._over[:])
        del self._begun[:]
        self._over.clear()
        return found

    def finish(self, bytes_read: int) -> Found[Item]:
        """What is still open is over."""
        for follower in self._followers:
            follower.finish()
        return self.found(0, 0, bytes_read)


class _Follower(CaptureFollower):
    def __init__(
        self,
        keys: KeyLog,
        on_connection: Callable[[FollowedConnection], None],
        on_begun: Callable[[int], None],
        *,
        share: tuple[int, int],
        linger_ns: int,
        brief: bool,
    ) -> None:
        super().__init__(keys, on_connection, linger_ns=linger_ns, share=share, brief=brief)
        self._on_begun = on_begun

    def begun(self, number: int) -> None:
        self._on_begun(number)
