"""The key logs that a capture has embedded (pcapng's Decryption Secrets Blocks)."""

from tlsclose.wire.keylog import MAX_WARNINGS, KeyLog


class EmbeddedKeys:
    """Adds a capture's own secrets to `keys`; lines that are none become `warnings`."""

    def __init__(self, name: str, keys: KeyLog) -> None:
        self.warnings: list[str] = []
        self._name = name
        self._keys = keys
        self._malformed = 0

    def add(self, text: bytes) -> None:
        """Take the text of one key log."""
        for number, line in enumerate(text.decode("ascii", "replace").splitlines(), 1):
            if not self._keys.add_line(line):
                self._malformed += 1
                if self._malformed <= MAX_WARNINGS:
                    place = f"embedded key log, line {number}"
                    self.warnings.append(f"{self._name}: {place}: not a key log line, ignored")
