"""One capture followed by several processes: each takes some of the connections.

Every process reads the whole file, which is cheap beside following its connections.
"""

import multiprocessing
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Generic, TypeVar

from tlsclose.errors import CaptureFileError
from tlsclose.wire.capture_connection import FollowedConnection
from tlsclose.wire.capture_file import CaptureFile, open_capture
from tlsclose.wire.capture_follower import LINGER_NS, CaptureFollower, few_collections
from tlsclose.wire.keylog import KeyLog

Result = TypeVar("Result")

_RESULTS_PER_MESSAGE: Final = 64
_PACKETS_WAITING: Final = 256


@dataclass(slots=True)
class Told:
    """What reading a capture told beside its connections."""

    damage: str | None = None
    warnings: tuple[str, ...] = ()
    packets: int = 0
    late: int = 0
    evicted: int = 0


@dataclass(frozen=True, slots=True)
class _End:
    late: int
    evicted: int


def follow_shared(
    path: Path,
    keys: KeyLog,
    *,
    judge: Callable[[FollowedConnection], Result],
    on_result: Callable[[Result], None],
    processes: int = 2,
) -> Told:
    """Follow a regular file; `judge` runs in any process, `on_result` in this one.

    Results come in no particular order; they must be picklable. Where processes cannot be forked
    there is one. Raises CaptureFileError as `follow` does.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        processes = 1
    helpers = [_Helper(path, keys, judge, (at, processes)) for at in range(1, processes)]
    told = Told()
    try:
        with open_capture(path, keys) as capture, few_collections():
            follower = CaptureFollower(
                keys, lambda found: on_result(judge(found)), share=(0, processes)
            )
            for batch in capture:
                follower.take(batch)
                for helper in helpers:
                    helper.deliver(on_result)
            follower.finish()
            _tell(told, capture, follower)
        for helper in helpers:
            end = helper.finish(on_result)
            told.late += end.late
            told.evicted += end.evicted
    finally:
        for helper in helpers:
            helper.stop()
    return told


def _tell(told: Told, capture: CaptureFile, follower: CaptureFollower) -> None:
    told.damage, told.warnings = capture.damage, tuple(capture.warnings)
    told.packets, told.late, told.evicted = capture.packets, follower.late, follower.evicted


class _Helper(Generic[Result]):
    """Another process, and the thread that takes its results off its hands."""

    def __init__(
        self,
        path: Path,
        keys: KeyLog,
        judge: Callable[[FollowedConnection], Result],
        share: tuple[int, int],
    ) -> None:
        context = multiprocessing.get_context("fork")
        self._receiving, sending = context.Pipe(duplex=False)
        self._results: queue.Queue[list[Result] | _End | None] = queue.Queue(_PACKETS_WAITING)
        self._process = context.Process(
            target=_follow_share, args=(path, keys, judge, share, sending), daemon=True
        )
        self._process.start()
        sending.close()
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def deliver(self, on_result: Callable[[Result], None]) -> None:
        """Hand on what has come so far; at most as much as can wait."""
        for _ in range(_PACKETS_WAITING):
            if self._results.empty():
                return
            if not isinstance(self._results.queue[0], list):
                return
            found = self._results.get()
            for result in found if isinstance(found, list) else ():
                on_result(result)

    def finish(self, on_result: Callable[[Result], None]) -> _End:
        """Hand on everything. Raises CaptureFileError where the process died."""
        while True:
            found = self._results.get()
            if found is None:
                raise CaptureFileError("a process that followed a part of the capture has died")
            if isinstance(found, _End):
                return found
            for result in found:
                on_result(result)

    def stop(self) -> None:
        """End the process; harmless when it has ended."""
        self._process.terminate()
        self._process.join()

    def _receive(self) -> None:
        try:
            while True:
                self._results.put(self._receiving.recv())
        except EOFError:
            self._results.put(None)


def _follow_share(
    path: Path,
    keys: KeyLog,
    judge: Callable[[FollowedConnection], Result],
    share: tuple[int, int],
    sending: Connection,
) -> None:
    waiting: list[Result] = []

    def take(found: FollowedConnection) -> None:
        waiting.append(judge(found))
        if len(waiting) >= _RESULTS_PER_MESSAGE:
            sending.send(waiting)
            waiting.clear()

    with open_capture(path, keys) as capture, few_collections():
        follower = CaptureFollower(keys, take, linger_ns=LINGER_NS, share=share)
        for batch in capture:
            follower.take(batch)
        follower.finish()
    sending.send(waiting)
    sending.send(_End(follower.late, follower.evicted))
    sending.close()
