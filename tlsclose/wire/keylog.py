"""The key log: secrets of connections, by client random (RFC 9850, the SSLKEYLOGFILE format).

A line is `<label> <client random> <secret>`, the last two in hexadecimal. Blank lines and lines
that start with `#` mean nothing. Labels not known here are kept, so that a capture written with
these lines loses none; the old `RSA` label names no client random and is malformed today.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from sys import intern
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Final, Self

from tlsclose.errors import KeyLogError

CLIENT_RANDOM: Final = "CLIENT_RANDOM"
"""The master secret of a connection up to TLS 1.2."""

MAX_LINE_BYTES: Final = 16_384
"""An ECH configuration is the longest secret in use; the others take fewer than 250 bytes."""
MAX_FILE_BYTES: Final = 256 << 20
"""Some 300 000 connections of TLS 1.3, held in memory."""
MAX_WARNINGS: Final = 20
MAX_LABELS: Final = 64
"""Of one connection; a TLS 1.3 connection has six."""

_LINE: Final = re.compile(r"([A-Z0-9_]{1,64}) ([0-9A-Fa-f]{64}) ([0-9A-Fa-f]+)", re.ASCII)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_OWNER_ONLY: Final = 0o600


_Secret = tuple[str, bytes]
"""Label and secret: a dictionary for each connection would take three times the memory."""


class KeyLog:
    """Secrets in memory. One thread may add while others look up."""

    def __init__(self) -> None:
        self._secrets: dict[bytes, tuple[_Secret, ...]] = {}
        self._lock = Lock()

    def add_line(self, line: str) -> bool:
        """Take one line, with or without its newline. False for a malformed one; never raises.

        A repeated label replaces the secret that was there.
        """
        text = line.strip()
        if not text or text.startswith("#"):
            return True
        match = _LINE.fullmatch(text) if len(text) <= MAX_LINE_BYTES else None
        if match is None:
            return False
        label, client_random, secret = match.groups()
        if len(secret) % 2:
            return False
        self._add(bytes.fromhex(client_random), intern(label), bytes.fromhex(secret))
        return True

    def _add(self, client_random: bytes, label: str, secret: bytes) -> None:
        with self._lock:
            known = self._secrets.get(client_random, ())
            if label in [name for name, _ in known]:
                known = tuple(dict([*known, (label, secret)]).items())
            elif len(known) < MAX_LABELS:
                known = (*known, (label, secret))
            self._secrets[client_random] = known

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def secret(self, client_random: bytes, label: str) -> bytes | None:
        """The secret logged under this label for the connection with this client random."""
        for name, secret in self._secrets.get(client_random, ()):
            if name == label:
                return secret
        return None

    def lines(self, client_random: bytes | None = None) -> tuple[str, ...]:
        """Canonical lines in the order they came, of one connection or of all.

        Without newlines, hexadecimal in lower case: the content of a Decryption Secrets Block.
        """
        with self._lock:
            if client_random is None:
                chosen = self._secrets
            else:
                chosen = {client_random: self._secrets.get(client_random, ())}
            return tuple(
                f"{label} {random.hex()} {secret.hex()}"
                for random, secrets in chosen.items()
                for label, secret in secrets
            )

    @classmethod
    def read(cls, path: Path) -> tuple["KeyLog", tuple[str, ...]]:
        """Read a file: the secrets, and the warnings of `take`."""
        keys = cls()
        return keys, keys.take(path)

    def take(self, path: Path) -> tuple[str, ...]:
        """Add a file's secrets; return a warning `path:line: ...` for each malformed line.

        Raises KeyLogError where it cannot be read or is larger than `MAX_FILE_BYTES`.
        """
        warnings: list[str] = []
        malformed = 0
        try:
            with path.open("rb") as file:
                for number, line in _numbered(file, path):
                    if not self.add_line(line):
                        malformed += 1
                        if malformed <= MAX_WARNINGS:
                            warnings.append(f"{path}:{number}: not a key log line, ignored")
        except OSError as error:
            raise KeyLogError(f"cannot read key log {path}: {_reason(error)}") from error
        if malformed > MAX_WARNINGS:
            warnings.append(f"{path}: {malformed - MAX_WARNINGS} more malformed lines ignored")
        return tuple(warnings)


def _numbered(file: BinaryIO, path: Path) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1; of one that is too long, the beginning, still too long."""
    number = size = 0
    starts = True
    while line := file.readline(MAX_LINE_BYTES + 2):
        size += len(line)
        if size > MAX_FILE_BYTES:
            raise KeyLogError(f"key log {path} is larger than {MAX_FILE_BYTES >> 20} MiB")
        if starts:
            number += 1
            text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            yield number, text.decode("ascii", "replace")
        starts = line.endswith(b"\n")


class KeyLogWriter:
    """Appends lines to a file that the user asked for. Any thread may write.

    The file is created readable by its owner only; one that exists keeps its mode. `add_line` is
    called from inside a handshake, where raising would help nobody: a failed write ends the
    writing and `close` raises it.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. Raises KeyLogError where that fails."""
        self._path = path
        self._lock = Lock()
        self._failure: OSError | None = None
        try:
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _OWNER_ONLY)
        except OSError as error:
            raise KeyLogError(f"cannot write key log {path}: {_reason(error)}") from error
        self._file = os.fdopen(fd, "ab", buffering=0)

    def add_line(self, line: str) -> None:
        """Append one line, newline added, and hand it to the system at once."""
        data = line.strip().encode("ascii", "replace") + b"\n"
        with self._lock:
            if self._failure is not None or self._file.closed:
                return
            try:
                while data:
                    data = data[self._file.write(data) :]
            except OSError as error:
                self._failure = error

    def close(self) -> None:
        """Close the file; harmless when repeated. Raises KeyLogError where a write had failed."""
        with self._lock:
            failure, self._failure = self._failure, None
            self._file.close()
        if failure is not None:
            raise KeyLogError(f"cannot write key log {self._path}: {_reason(failure)}") from failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
