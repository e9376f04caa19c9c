"""The answer to a half-close: kept, for whether it was cut off shows in its framing alone.

A client of TLS 1.3 may send close_notify with its request and read on (RFC 9846 6.1); some servers
then stop writing. Only for this rare close application data is read at all, and only its beginning
is kept: enough for the header section of an HTTP response, or for a short one whole.
"""

from typing import Final

KEPT_BYTES: Final = 2**14


class Answer:  # noqa: PLW1641 - it grows
    """What the server sent after the close_notify of a client that had had nothing from it."""

    __slots__ = ("begins", "size")

    def __init__(self, begins: bytes = b"", size: int = 0) -> None:
        self.begins = begins
        """The first `KEPT_BYTES` of plaintext, or up to the first record that was not opened."""
        self.size = size
        """Bytes of plaintext in all."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answer) and (self.begins, self.size) == (other.begins, other.size)

    @property
    def whole(self) -> bool:
        """Whether `begins` is all of it."""
        return len(self.begins) == self.size

    def take(self, data: bytes) -> None:
        """More plaintext."""
        if self.whole:
            self.begins += data[: KEPT_BYTES - len(self.begins)]
        self.size += len(data)

    def skip(self, size: int) -> None:
        """More that was not opened."""
        self.size += size
