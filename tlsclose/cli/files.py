"""Files that appear whole or not at all, and the check that they can be written."""

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from tlsclose.errors import UsageError


def check_writable(path: Path, option: str) -> None:
    """Raise UsageError where `path` cannot be created or written. Leaves nothing behind."""
    real = _real(path)
    try:
        mode = real.stat().st_mode
    except FileNotFoundError:
        _check_folder(real, option)
        return
    except OSError as error:
        raise _refusal(path, option, error) from None
    if stat.S_ISDIR(mode):
        raise UsageError(f"{option}: {str(path)!r} is a directory; name a file in it")
    if not os.access(real, os.W_OK):
        raise UsageError(f"{option}: {str(path)!r} is not writable")


def check_distinct(paths: Iterable[Path]) -> None:
    """Raise UsageError where two options name the same regular file."""
    seen = set()
    for path in paths:
        real = os.path.realpath(path)
        if real in seen and not _is_device(path):
            raise UsageError(f"{str(path)!r} is named twice; give each option its own file")
        seen.add(real)


def _real(path: Path) -> Path:
    """Where a link leads; a device keeps its name, for behind /dev/stdout there may be none."""
    return path if _is_device(path) else Path(os.path.realpath(path))


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _check_folder(path: Path, option: str) -> None:
    trial = _beside(path)
    try:
        os.close(os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise _refusal(path, option, error) from None
    with contextlib.suppress(OSError):
        trial.unlink()


def _refusal(path: Path, option: str, error: OSError) -> UsageError:
    return UsageError(f"{option}: cannot write {str(path)!r}: {error.strerror or error}")


def _beside(path: Path) -> Path:
    return path.with_name(f".tlsclose-{os.urandom(6).hex()}.part")


class AtomicFile:
    """A text file (UTF-8) that takes its name only when it is complete.

    It is opened at the first `open`. A device or a pipe is written directly, since it
    has no name to take. A symbolic link keeps pointing at the file it names.
    """

    def __init__(self, path: Path, option: str) -> None:
        check_writable(path, option)
        self._option = option
        self._path = _real(path)
        self._direct = _is_device(path)
        self._part: Path | None = None
        self._stream: TextIO | None = None

    def open(self) -> TextIO:
        """The stream to write to, the same one every time."""
        if self._stream is None:
            self._stream = self._create()
        return self._stream

    def _create(self) -> TextIO:
        where = self._path if self._direct else _beside(self._path)
        flags = os.O_WRONLY if self._direct else os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(where, flags, 0o666)
        except OSError as error:
            raise _refusal(self._path, self._option, error) from None
        self._part = None if self._direct else where
        return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n")

    def commit(self) -> None:
        """Complete the file. Raises UsageError where the disk does not take it."""
        try:
            self.open().close()
            if self._part is not None:
                with contextlib.suppress(FileNotFoundError):
                    self._part.chmod(stat.S_IMODE(self._path.stat().st_mode))
                self._part.replace(self._path)
        except OSError as error:
            self.discard()
            raise _refusal(self._path, self._option, error) from None
        self._part = None

    def discard(self) -> None:
        """Leave no trace of what was written so far; harmless after `commit`."""
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)
            self._part = None
