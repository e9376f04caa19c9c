"""The key logs that a capture has embedded (pcapng's Decryption Secrets Blocks)."""

from typing import Final

from tlsclose.wire.keylog import MAX_WARNINGS, KeyLog

MAX_EMBEDDED_BYTES: Final = 2**26
"""Of all key logs in one capture: some 80 000 connections of TLS 1.3."""


class EmbeddedKeys:
    """Adds a capture's own secrets to `keys`; lines that are none become `warnings`."""

    def __init__(self, name: str, keys: KeyLog) -> None:
        self.warnings: list[str] = []
        self._name = name
        self._keys = keys
        self._malformed = 0
        self._left = MAX_EMBEDDED_BYTES
        self._full = False

    def add(self, text: bytes) -> None:
        """Take the text of one key log; past `MAX_EMBEDDED_BYTES` in all no more is taken."""
        if self._full:
            return
        if len(text) > self._left:
            self._full = True
            size = f"{MAX_EMBEDDED_BYTES >> 20} MiB"
            self.warnings.append(f"{self._name}: more than {size} of keys, the rest ignored")
            return
        self._left -= len(text)
        for number, line in enumerate(text.decode("ascii", "replace").splitlines(), 1):
            if not self._keys.add_line(line):
                self._malformed += 1
                if self._malformed <= MAX_WARNINGS:
                    place = f"embedded key log, line {number}"
                    self.warnings.append(f"{self._name}: {place}: not a key log line, ignored")
