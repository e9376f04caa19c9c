"""Captures read by several processes: the same connections, numbers and order as by one.

A file that is large beside the others is read by every process, each following its parts of the
connections; where it can be mapped, each scans a window of it in turn for all. Other files are
read side by side, a few in a row by each, and what later ones tell waits. A process judges what it
follows. Secrets embedded in one file serve the files behind it, which are then read again.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from tlsclose.errors import CaptureFileError
from tlsclose.net.analysis import Judge, Judged
from tlsclose.net.captures import LARGE_BYTES
from tlsclose.net.crew import Crew, ProcessDied
from tlsclose.net.following import (
    PARTS,
    End,
    Found,
    Numbering,
    findings,
    observed,
    tell_end,
    tell_progress,
)
from tlsclose.wire.capture_follower import few_collections
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.relay import Member, Relay
from tlsclose.wire.windows import SharedFile, mapped

if TYPE_CHECKING:
    from tlsclose.net.captures import Watcher
    from tlsclose.wire.capture_connection import FollowedConnection


_TURNS: Final = 4
"""Of each process, where many files are read side by side."""


class _Ended(NamedTuple):
    end: End
    secrets: tuple[str, ...]
    """Lines of key logs that the capture had embedded."""


class _Job(NamedTuple):
    first: int
    """The file that it begins with."""
    at: int
    """Which, of those on this file."""


_Told = Found[Judged] | _Ended
Take = Callable[[Judged, int, str], None]
"""What was judged, its number in its file, and that file."""


class Together:
    """Reads files by so many processes. A context manager: none is left behind."""

    def __init__(
        self, paths: Sequence[Path], keys: KeyLog, judge: Judge, processes: int, stop: Event
    ) -> None:
        self._paths = paths
        self._keys = keys
        self._judge = judge
        self._processes = processes
        self._crew: Crew[_Told] = Crew(processes, stop)
        self._sizes = [path.stat().st_size for path in paths]
        self._jobs: dict[int, list[_Job]] = {}
        """Of each file that somebody was given."""
        self._embedded = False
        """Whether a file had secrets: then each waits for those before it."""

    def follow(self, file: int, watcher: "Watcher", take: Take) -> None:
        """Follow one of the files, in their order; `take` hears of each connection.

        Raises Stopped, and CaptureFileError as `following.follow` does.
        """
        self._begin(file)
        jobs, numbering, ended = self._jobs.pop(file), Numbering(), False
        try:
            for told in self._merged(file, jobs):
                if isinstance(told, _Ended):
                    ended = True
                    self._learn(told.secrets, jobs)
                    tell_end(told.end, watcher)
                else:
                    tell_progress(told, watcher)
                    for number, judged in numbering.numbered(told.begun, told.over):
                        take(judged, number, str(self._paths[file]))
        finally:
            if not ended or jobs not in self._jobs.values():
                self._drop(jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._crew.stop()

    def _begin(self, file: int) -> None:
        """Have this file read, and the later ones as soon as there is room."""
        behind = file + 1 if self._embedded else len(self._paths)
        for each in range(file, behind):
            if each not in self._jobs:
                self._add(each)

    def _add(self, first: int) -> None:
        ways = self._ways(first)
        files = self._row(first) if ways == 1 else [first]
        jobs = [_Job(first, at) for at in range(ways)]
        shared = self._shared(first, ways) if ways > 1 else None
        for job in jobs:
            part = shared[job.at] if shared else None
            self._crew.add(job, partial(self._work, files, job.at, ways, part))
        self._jobs |= dict.fromkeys(files, jobs)

    def _shared(self, file: int, ways: int) -> list[SharedFile] | None:
        """Each process's part in scanning a file; None for one that cannot be mapped."""
        path = self._paths[file]
        pages = mapped(path, self._sizes[file])
        if pages is None:
            return None
        relay = Relay(ways, str(path))
        return [SharedFile(pages, Member(relay, at)) for at in range(ways)]

    def _ways(self, file: int) -> int:
        """How many processes read it."""
        size = self._sizes[file]
        beside = 0 if self._embedded else sum(self._sizes) // self._processes
        if size < LARGE_BYTES or size <= beside:
            return 1
        return PARTS if self._processes >= PARTS else PARTS // 2

    def _row(self, first: int) -> list[int]:
        """The files from this one on that one process reads: to begin one costs time as well."""
        total = sum(self._sizes)
        most = total if self._embedded else total // (self._processes * _TURNS)
        files, size = [first], self._sizes[first]
        for file in range(first + 1, len(self._paths)):
            size += self._sizes[file]
            if size > most or file in self._jobs or self._ways(file) > 1:
                break
            files.append(file)
        return files

    def _merged(self, file: int, jobs: Sequence[_Job]) -> Iterator[_Told]:
        """What the processes on one file tell, batch by batch."""
        path = self._paths[file]
        while True:
            try:
                told = [self._crew.next(job, jobs[at:]) for at, job in enumerate(jobs, 1)]
            except ProcessDied as error:
                raise CaptureFileError(f"{path}: a process that read it {error}") from None
            ended = [one for one in told if isinstance(one, _Ended)]
            if len(ended) == len(told):
                yield ended[0]
                return
            found = [one for one in told if isinstance(one, Found)]
            if ended or len({one.bytes_read for one in found}) > 1:
                raise CaptureFileError(f"{path}: changed while it was read")
            begun = chain.from_iterable(one.begun for one in found)
            over = chain.from_iterable(one.over for one in found)
            yield found[0]._replace(begun=list(begun), over=list(over))

    def _learn(self, secrets: Sequence[str], knowing: Sequence[_Job]) -> None:
        """Have later files read, or read again, with the secrets of an earlier one."""
        for line in secrets:
            self._keys.add_line(line)
        if secrets:
            self._embedded = True
            for jobs in list(self._jobs.values()):
                if jobs is not knowing:
                    self._drop(jobs)

    def _drop(self, jobs: list[_Job]) -> None:
        """End jobs; their files are nobody's."""
        for job in jobs:
            self._crew.drop(job)
        self._jobs = {file: those for file, those in self._jobs.items() if those is not jobs}

    def _work(
        self, files: Sequence[int], at: int, ways: int, shared: SharedFile | None
    ) -> Iterator[_Told]:
        """What a process does."""
        keys = _Recording(self._keys)
        with few_collections():
            for file in files:
                parts = PARTS if self._sizes[file] >= LARGE_BYTES else 1
                keys.added.clear()
                shares = [(part, parts) for part in range(at, parts, ways)]
                yield from self._read(file, keys, shares, shared)
        if shared is not None:
            shared.member.leave()

    def _read(
        self,
        file: int,
        keys: "_Recording",
        shares: Sequence[tuple[int, int]],
        shared: SharedFile | None,
    ) -> Iterator[_Told]:
        path = self._paths[file]

        def judged(seen: "FollowedConnection") -> Judged:
            return self._judge.judged(observed(seen, 0), str(path))

        try:
            size, brief = self._sizes[file], self._judge.brief
            for told in findings(path, keys, shares, judged, size=size, shared=shared, brief=brief):
                yield _Ended(told, tuple(keys.added)) if isinstance(told, End) else told
        except CaptureFileError as error:
            yield _Ended(End((), str(error)), tuple(keys.added))


class _Recording(KeyLog):
    """A key log that knows which lines were added to it here."""

    def __init__(self, keys: KeyLog) -> None:
        super().__init__()
        self._keys = keys
        self.added: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add_line(self, line: str) -> bool:
        self.added.append(line)
        return self._keys.add_line(line)

    def secret(self, client_random: bytes, label: str) -> bytes | None:
        return self._keys.secret(client_random, label)

    def lines(self, client_random: bytes | None = None) -> tuple[str, ...]:
        return self._keys.lines(client_random)
