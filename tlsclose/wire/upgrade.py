"""Where protocols that begin in plaintext turn to TLS: the unit behind which its first byte comes.

Each side of a dialogue has its own: the client's asks for TLS, the server's answers. A unit is
found wherever the stream is cut, so half a unit is none; behind it TLS begins or it does not.

SMTP RFC 3207, IMAP RFC 9051 6.2.1, POP3 and ACAP RFC 2595, FTP RFC 4217, NNTP RFC 4642, ManageSieve
RFC 5804 2.2, XMPP RFC 6120 5.4, HTTP CONNECT RFC 9110 9.3.6; the binary ones are in
`upgrade_binary`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from tlsclose.core.event import Side
from tlsclose.wire import upgrade_binary as binary
from tlsclose.wire.upgrade_names import Mark, Protocol

_LINE: Final = rb"(?:\A|(?<=\n))"
_ASKING: Final = re.compile(
    _LINE + rb"(?:(?P<imap>[^\s*+]{1,64}[ ]STARTTLS)|(?P<smtp>STARTTLS)|(?P<pop3>STLS)"
    rb"|(?P<ftp>AUTH[ ](?:TLS(?:-[CP])?|SSL)))[ \t]*\r?\n",
    re.IGNORECASE,
)
_CODES: Final = {
    b"220": Protocol.SMTP,
    b"234": Protocol.FTP,
    b"334": Protocol.FTP,
    b"382": Protocol.NNTP,
}
_WORDS: Final = {b"OK": True, b"+OK": True, b"NO": False, b"BAD": False, b"-ERR": False}
_ANSWER: Final = re.compile(
    _LINE + rb"(?:(?P<code>\d{3})(?:[ ][^\n]*|\r)?|(?P<pop3>\+OK|-ERR)\b[^\n]*"
    rb"|[^\s*+]{1,64}[ ](?P<imap>OK|NO|BAD)\b[^\n]*|(?P<sieve>OK|NO)\b[^\n]*)\n"
)
_XMPP_ASKING: Final = re.compile(
    rb"<(?:\w{1,32}:)?starttls\b[^<>]{0,256}(?:/>|>\s{0,16}</(?:\w{1,32}:)?starttls\s{0,16}>)"
)
_XMPP_ANSWER: Final = re.compile(
    rb"<(?:\w{1,32}:)?(proceed|failure)\b[^<>]{0,256}"
    rb"(?:/>|>\s{0,16}</(?:\w{1,32}:)?(?:proceed|failure)\s{0,16}>)"
)
_HTTP_END: Final = re.compile(rb"\r?\n\r?\n")
_HTTP_ANSWER: Final = re.compile(
    rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n", re.DOTALL
)
_CONNECT: Final = b"CONNECT "


class Reading(NamedTuple):
    """A part of one side's plaintext."""

    data: bytes
    whole: bool
    """It begins where the side's stream does."""
    head: bytes
    """How the stream begins, as far as it is remembered."""


def marks(side: Side, reading: Reading) -> list[Mark]:
    """The units in it behind which TLS may begin, in order."""
    finders = _FINDERS[side]
    found = [mark for finder in finders for mark in finder(reading)]
    return sorted(found, key=lambda mark: mark.end)


def _found(pattern: re.Pattern[bytes], reading: Reading) -> Iterator[re.Match[bytes]]:
    """A part from inside a stream has no first line: it would be the rest of one."""
    return pattern.finditer(reading.data, 0 if reading.whole else 1)


def _lines_asking(reading: Reading) -> Iterator[Mark]:
    for found in _found(_ASKING, reading):
        yield Mark(found.end(), Protocol(str(found.lastgroup)))


def _lines_answering(reading: Reading) -> Iterator[Mark]:
    for found in _found(_ANSWER, reading):
        kind = str(found.lastgroup)
        word: bytes = found[kind]
        if kind != "code":
            yield Mark(found.end(), Protocol(kind), granted=_WORDS[word], word=word.decode())
        elif word[:1] in b"23":
            yield Mark(found.end(), _CODES.get(word), granted=True, word=word.decode())
        else:
            yield Mark(found.end(), None, granted=False, word=word.decode())


def _xmpp_asking(reading: Reading) -> Iterator[Mark]:
    for found in _XMPP_ASKING.finditer(reading.data):
        yield Mark(found.end(), Protocol.XMPP)


def _xmpp_answering(reading: Reading) -> Iterator[Mark]:
    for found in _XMPP_ANSWER.finditer(reading.data):
        word = found[1].decode()
        yield Mark(found.end(), Protocol.XMPP, granted=word == "proceed", word=word)


def _connect_asking(reading: Reading) -> Iterator[Mark]:
    if reading.head.startswith(_CONNECT):
        for found in _HTTP_END.finditer(reading.data):
            yield Mark(found.end(), Protocol.HTTP_CONNECT)


def _connect_answering(reading: Reading) -> Iterator[Mark]:
    for found in _HTTP_ANSWER.finditer(reading.data):
        granted = found[1].startswith(b"2")
        yield Mark(found.end(), Protocol.HTTP_CONNECT, granted=granted, word=found[1].decode())


_FINDERS: Final[dict[Side, tuple[Callable[[Reading], Iterator[Mark]], ...]]] = {
    Side.CLIENT: (
        _lines_asking,
        _xmpp_asking,
        _connect_asking,
        lambda reading: binary.ldap_asking(reading.data),
        lambda reading: binary.first(Side.CLIENT, reading.data) if reading.whole else iter(()),
    ),
    Side.SERVER: (
        _lines_answering,
        _xmpp_answering,
        _connect_answering,
        lambda reading: binary.ldap_answering(reading.data),
        lambda reading: binary.first(Side.SERVER, reading.data) if reading.whole else iter(()),
    ),
}
