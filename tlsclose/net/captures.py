"""Captures one after the other, with their keys, into an analysis."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Protocol

from tlsclose.errors import CaptureFileError
from tlsclose.net.analysis import Analysis
from tlsclose.net.key_files import KeyFiles
from tlsclose.net.observed import Observed
from tlsclose.wire.keylog import KeyLog


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
    """Reads captures into `analysis`. `on_progress` is told the bytes of files read so far."""

    def __init__(
        self,
        analysis: Analysis,
        *,
        on_warning: Callable[[str], None],
        on_progress: Callable[[int], None],
        stop: Event,
    ) -> None:
        self.analysis = analysis
        self.on_warning = on_warning
        self.on_progress = on_progress
        self.stop = stop

    def read(self, paths: Sequence[Path], keys: KeyFiles) -> None:
        """Follow every capture; one that is damaged or none does not keep the others away."""
        before = 0
        for path in paths:
            if self.stop.is_set():
                return
            try:
                follow(path, keys.keys, _Watcher(self, path, before, keys))
            except CaptureFileError as error:
                self.analysis.broken(str(path), str(error))
            with contextlib.suppress(OSError):
                before += path.stat().st_size


def follow(path: Path, keys: KeyLog, watcher: Watcher) -> None:
    """Follow every connection of one capture; `-` is standard input.

    Raises CaptureFileError once everything before the damage has been handed on.
    """
    from tlsclose.net import following

    following.follow(path, keys, watcher)
