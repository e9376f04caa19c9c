"""Captures one after the other, with their keys, into an analysis."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Final, Protocol

from tlsclose.errors import CaptureFileError
from tlsclose.net.analysis import Analysis
from tlsclose.net.key_files import KeyFiles
from tlsclose.net.observed import Observed
from tlsclose.wire.keylog import KeyLog

LARGE_BYTES: Final = 32 * 2**20
"""From here on a capture is worth sharing."""


class Watcher(Protocol):
    """Whom an engine tells what it reads."""

    def connection(self, seen: Observed) -> None:
        """One connection, as it closes or as the capture ends."""
        ...

    def read(self, packets: int, size: int) -> None:
        """So many more packets, of so many bytes on the wire."""
        ...

    def warn(self, text: str) -> None: ...
    def progress(self, done: int) -> None:
        """So many bytes of the file are read."""
        ...

    def read_keys(self) -> None:
        """Take the keys that were logged since: the capture is still being written."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether to end here, as if the capture did."""
        ...


class _Watcher:
    """One capture of a run."""

    def __init__(self, run: "CaptureReader", path: Path, before: int, keys: KeyFiles) -> None:
        self._run = run
        self._path = str(path)
        self._before = before
        self._keys = keys

    def connection(self, seen: Observed) -> None:
        self._run.analysis.connection(seen, self._path)

    def read(self, packets: int, size: int) -> None:
        self._run.analysis.read(packets, size)

    def warn(self, text: str) -> None:
        self._run.on_warning(text)

    def progress(self, done: int) -> None:
        self._run.on_progress(self._before + done)

    def read_keys(self) -> None:
        self._keys.read_on()

    @property
    def stopped(self) -> bool:
        return self._run.stop.is_set()


class CaptureReader:
    """Reads captures into `analysis`. `on_progress` is told the bytes of files read so far.

    `processes`: at most so many share the work, where it is worth it; None: one per processor.
    """

    def __init__(
        self,
        analysis: Analysis,
        *,
        on_warning: Callable[[str], None],
        on_progress: Callable[[int], None],
        stop: Event,
        processes: int | None = 1,
    ) -> None:
        self.analysis = analysis
        self.on_warning = on_warning
        self.on_progress = on_progress
        self.stop = stop
        self._processes = processes

    def read(self, paths: Sequence[Path], keys: KeyFiles) -> None:
        """Follow every capture; one that is damaged or none does not keep the others away."""
        processes = 1 if self._processes == 1 else usable(paths, self._processes)
        if processes > 1:
            self._read_together(paths, keys, processes)
        else:
            brief = self.analysis.judge.brief

            def engine(at: int, watcher: Watcher) -> None:
                follow(paths[at], keys.keys, watcher, brief=brief)

            self._read(paths, keys, engine)

    def _read_together(self, paths: Sequence[Path], keys: KeyFiles, processes: int) -> None:
        from tlsclose.net.crew import Stopped
        from tlsclose.net.together import Together

        judge, take = self.analysis.judge, self.analysis.take
        with (
            contextlib.suppress(Stopped),
            Together(paths, keys.keys, judge, processes, self.stop) as together,
        ):
            self._read(paths, keys, lambda at, watcher: together.follow(at, watcher, take))

    def _read(
        self, paths: Sequence[Path], keys: KeyFiles, engine: Callable[[int, Watcher], None]
    ) -> None:
        before = 0
        for at, path in enumerate(paths):
            if self.stop.is_set():
                return
            try:
                engine(at, _Watcher(self, path, before, keys))
            except CaptureFileError as error:
                self.analysis.broken(str(path), str(error))
            with contextlib.suppress(OSError):
                before += path.stat().st_size


def usable(paths: Sequence[Path], wanted: int | None) -> int:
    """How many processes it is worth to read these with: only files that are whole are shared."""
    try:
        sizes = [path.stat().st_size if path.is_file() else -1 for path in paths]
    except OSError:
        return 1
    if min(sizes, default=-1) < 0 or sum(sizes) < LARGE_BYTES:
        return 1
    from tlsclose.net.crew import MOST_PROCESSES, can_fork, processors

    return min(wanted or processors(), MOST_PROCESSES) if can_fork() else 1


def follow(path: Path, keys: KeyLog, watcher: Watcher, *, brief: bool = False) -> None:
    """Follow every connection of one capture; `-` is standard input.

    Raises CaptureFileError once everything before the damage has been handed on.
    """
    from tlsclose.net import following

    following.follow(path, keys, watcher, brief=brief)
