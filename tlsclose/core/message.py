"""The application message whose end a close must not hide (RFC 9112 sections 6 and 8)."""

from enum import StrEnum

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass


class Framing(StrEnum):
    """How the receiver learns where the message ends."""

    CONTENT_LENGTH = "content-length"
    CHUNKED = "chunked"
    NO_BODY = "no-body"
    """HEAD, 1xx, 204, 304, or a request without a body: complete with its header section."""
    CLOSE_DELIMITED = "close-delimited"
    """Ends when the connection does: only a close_notify proves that nothing is missing."""
    UNKNOWN = "unknown"
    """Not a protocol that tlsclose can frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The last application message of one side, as far as it came."""

    sender: Side
    protocol: str
    """`http/1.1`, `http/1.0` or `raw`."""
    framing: Framing
    complete: bool | None
    """True or False by the message's own framing; None where only the close can tell."""
    bytes: int
    """Body bytes that arrived (chunk framing not counted)."""
    expected: int | None = None
    """Body bytes that Content-Length announced; None for every other framing."""
    status: int | None = None
    """HTTP status code of a response."""
    note: str = ""
    """Why it is malformed or incomplete, in a few words."""
