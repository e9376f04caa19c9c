"""Processes that read captures side by side, and what they tell, within bounded memory.

They are forked: what was read before, such as the key log, is theirs without being copied. One that
has told more than has been taken of it waits. None outlives the run.
"""

import gc
import os
import pickle
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from multiprocessing import connection, get_context
from threading import Event
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MOST_PROCESSES: Final = 4
MOST_WAITING: Final = 8 * 2**20
"""Bytes that one process has told and nobody has taken."""

_LOOK_EVERY_S: Final = 0.05
"""At `stop`."""
_PICKLE: Final = 5
_FAILED: Final = 1
"""Exit code of a process that told of an error of ours last."""

Told = TypeVar("Told")
Work = Callable[[], Iterable[Told]]


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def can_fork() -> bool:
    """Whether a process may be forked: on macOS the system's own libraries forbid it."""
    return hasattr(os, "fork") and sys.platform != "darwin"


class Stopped(Exception):  # noqa: N818 - no error of ours
    """The run is to end at once."""


class ProcessDied(Exception):  # noqa: N818 - no error of ours
    """A process ended before its work did; how, in words."""


class _Bug(NamedTuple):
    told: str
    trace: str


class _Process(Generic[Told]):
    """One forked process and what it has told."""

    def __init__(self, work: Work[Told], inherited: Iterable["Connection"]) -> None:
        context = get_context("fork")
        self.receiving, sending = context.Pipe(duplex=False)
        self.waiting: deque[bytes] = deque()
        self.size = 0
        """Of `waiting`, in bytes."""
        self.done = False
        foreign = (*inherited, self.receiving)
        self._process = context.Process(target=_run, args=(work, sending, foreign), daemon=True)
        self._process.start()
        sending.close()

    def receive(self) -> None:
        """Take what it tells next."""
        try:
            data = self.receiving.recv_bytes()
        except (EOFError, OSError):
            self.done = True
            self.stop()
            return
        self.waiting.append(data)
        self.size += len(data)

    def pop(self) -> Told:
        """What it told first. Raises RuntimeError where that is an error of ours."""
        data = self.waiting.popleft()
        self.size -= len(data)
        told: Told | _Bug = pickle.loads(data)  # noqa: S301 - from our own process
        if isinstance(told, _Bug):
            error = RuntimeError(told.told)
            error.add_note(told.trace)
            raise error
        return told

    def how_it_ended(self) -> str:
        """In words."""
        code = self._process.exitcode or 0
        if code >= 0:
            return f"ended with code {code}"
        return f"was ended by {signal.Signals(-code).name}"

    def raise_if_failed(self) -> None:
        """Raise as `Crew.next` does where it ended too early and all that it told was taken."""
        code = self._process.exitcode if self.done else 0
        if code == _FAILED and len(self.waiting) == 1:
            self.pop()
        if code and not self.waiting:
            raise ProcessDied(self.how_it_ended())

    def stop(self) -> None:
        """End it at once; harmless when it has ended."""
        if not self.done:
            self._process.kill()
        self._process.join()
        self.receiving.close()


class Crew(Generic[Told]):
    """Runs jobs in order, so many at once. `stop` has to be called in the end.

    Jobs tell things one after the other; `next` has those of one job, in order.
    """

    def __init__(self, most: int, stop: Event) -> None:
        self._most = most
        self._stop = stop
        self._queue: dict[Hashable, Work[Told]] = {}
        self._begun: dict[Hashable, _Process[Told]] = {}

    def add(self, job: Hashable, work: Work[Told]) -> None:
        """Have this done once there is room; `work` yields what there is to tell."""
        self._queue[job] = work

    def next(self, job: Hashable, beside: Iterable[Hashable] = ()) -> Told:
        """What the job tells next; it may wait for those `beside` it.

        Raises Stopped once the run is to end, ProcessDied where the process was ended from outside,
        and RuntimeError where it failed by an error of ours.
        """
        self._move(0)
        while True:
            if self._stop.is_set():
                raise Stopped
            process = self._begun.get(job)
            if process is not None and process.waiting:
                return process.pop()
            if process is not None and process.done:
                raise ProcessDied(process.how_it_ended())
            for other in beside:
                if other in self._begun:
                    self._begun[other].raise_if_failed()
            self._move(_LOOK_EVERY_S)

    def drop(self, job: Hashable) -> None:
        """End a job, begun or not; what it has told and nobody has taken is lost."""
        self._queue.pop(job, None)
        process = self._begun.pop(job, None)
        if process is not None:
            process.stop()

    def _move(self, wait_s: float) -> None:
        """Begin what there is room for; hear the processes out."""
        running = [process for process in self._begun.values() if not process.done]
        while self._queue and len(running) < self._most:
            job = next(iter(self._queue))
            work = self._queue.pop(job)
            open_ = [process.receiving for process in running]
            process = self._begun[job] = _forked(work, open_)
            running.append(process)
        heard = {one.receiving: one for one in running if one.size < MOST_WAITING}
        for ready in connection.wait(list(heard), wait_s):
            heard[ready].receive()  # type: ignore[index]

    def stop(self) -> None:
        """End all jobs."""
        for job in [*self._queue, *self._begun]:
            self.drop(job)


def _forked(work: Work[Told], inherited: Iterable["Connection"]) -> _Process[Told]:
    """What there is now is no garbage, and is not to be copied by looking for some."""
    gc.freeze()
    try:
        return _Process(work, inherited)
    finally:
        gc.unfreeze()


def _run(work: Work[object], sending: "Connection", foreign: Iterable["Connection"]) -> None:
    """The process: Ctrl-C is its parent's to answer, and without a reader it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for end in foreign:
        end.close()
    try:
        for told in _guarded(work):
            sending.send_bytes(pickle.dumps(told, _PICKLE))
            if isinstance(told, _Bug):
                sys.exit(_FAILED)
    except BrokenPipeError:
        return


def _guarded(work: Work[object]) -> Iterator[object]:
    try:
        yield from work()
    except Exception as error:  # noqa: BLE001 - a bug, for the parent to raise
        yield _Bug(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))
