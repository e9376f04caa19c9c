"""What came instead of TLS, in a few safe words, and where TLS begins after a preamble."""

import re
from typing import Final

from tlsclose.core.event import Side
from tlsclose.core.record import ContentType
from tlsclose.wire.records import plausible_header

EXAMINED_BYTES: Final = 16
"""As much as the description needs."""
HELLO_BYTES: Final = 11
"""As much as `hello_at` needs to recognise a beginning."""

_UNKNOWN: Final = "bytes"
_BAD_RECORD: Final = "TLS record of"
_STATUS_LINE: Final = re.compile(rb"(HTTP/\d\.\d) (\d{3})")
_REQUEST: Final = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PRI) ")
_BEGINNINGS: Final = (
    (re.compile(rb"220[ -]"), "SMTP or FTP greeting"),
    (re.compile(rb"\* (OK|PREAUTH|BYE)"), "IMAP greeting"),
    (re.compile(rb"\+OK"), "POP3 greeting"),
    (re.compile(rb"SSH-\d"), "SSH greeting"),
    (re.compile(rb"<\?xml|<stream"), "XMPP stream"),
    (re.compile(rb"<(!doctype )?html", re.IGNORECASE), "HTML without HTTP"),
    (re.compile(rb"([!-~]{1,8} )?STARTTLS", re.IGNORECASE), "STARTTLS command"),
    (re.compile(rb"(EHLO|HELO) ", re.IGNORECASE), "SMTP command"),
    (re.compile(rb"\x00\x00\x00\x08\x04\xd2\x16\x2f", re.DOTALL), "PostgreSQL SSLRequest"),
    (re.compile(rb"[\x80-\xff].\x01\x00\x02", re.DOTALL), "SSLv2 hello"),
    (re.compile(rb"[\x80-\xff].\x01\x03[\x00-\x03]", re.DOTALL), "SSLv2-compatible hello"),
    (re.compile(rb"[\x80-\xff].\x04[\x00\x01].\x00\x02", re.DOTALL), "SSLv2 hello"),
    (re.compile(rb".{3}\x00\x0a\d", re.DOTALL), "MySQL greeting"),
)
_HELLOS: Final = {
    Side.CLIENT: re.compile(
        rb"\x16\x03[\x00-\x04][\x00-\x47].\x01\x00..\x03[\x00-\x04]", re.DOTALL
    ),
    Side.SERVER: re.compile(
        rb"\x16\x03[\x00-\x04][\x00-\x47].\x02\x00..\x03[\x00-\x04]"
        rb"|\x15\x03[\x00-\x04]\x00\x02[\x01\x02].",
        re.DOTALL,
    ),
}
_FIRST_TYPES: Final = (ContentType.HANDSHAKE, ContentType.ALERT)


def describe(data: bytes) -> str:
    """A short description of a stream's first bytes that is safe to print."""
    if found := _STATUS_LINE.match(data):
        return b" ".join(found.groups()).decode("ascii")
    if _REQUEST.match(data):
        return "HTTP request"
    for pattern, name in _BEGINNINGS:
        if pattern.match(data):
            return name
    if data[1:2] == b"\x03" and data[:1] in b"\x14\x15\x16\x17\x18" and len(data) >= 5:
        return f"{_BAD_RECORD} {int.from_bytes(data[3:5])} bytes, too long"
    return f"{_UNKNOWN} {data[:8].hex(' ')}"


def recognised(data: bytes) -> bool:
    """Whether a stream's first bytes belong to a known protocol."""
    return not describe(data).startswith((_UNKNOWN, _BAD_RECORD))


def begins_tls(header: bytes) -> bool:
    """Whether these five bytes can be the first of a side that speaks TLS."""
    return header[0] in _FIRST_TYPES and any(header[3:]) and plausible_header(header)


def hello_at(data: bytes, side: Side, since: int = 0) -> int | None:
    """Where a side's hello, or the server's alert, begins in plaintext; None where none does."""
    found = _HELLOS[side].search(data, max(since, 0))
    return None if found is None else found.start()
