"""The binary protocols among those that turn to TLS: their units, by length and not by line.

LDAP RFC 4511 4.14, PostgreSQL 55.2.10 (SSLRequest), MySQL (SSLRequest within the handshake
response), RDP [MS-RDPBCGR] 2.2.1.1 and 2.2.1.2 (X.224 in TPKT, RFC 1006), SOCKS4, SOCKS5 RFC 1928
and 1929, the PROXY protocol of HAProxy.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from tlsclose.core.event import Side
from tlsclose.wire.upgrade_names import Mark, Protocol

_LENGTH: Final = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)"
_MESSAGE: Final = rb"\x30(" + _LENGTH + rb")\x02(?:\x01.|\x02..|\x03...|\x04....)"
_LDAP_ASKING: Final = re.compile(
    _MESSAGE + rb"\x77" + _LENGTH + rb"\x80\x161\.3\.6\.1\.4\.1\.1466\.20037", re.DOTALL
)
_LDAP_ANSWER: Final = re.compile(_MESSAGE + rb"\x78" + _LENGTH + rb"\x0a\x01(.)", re.DOTALL)

_POSTGRES_ASKING: Final = re.compile(
    rb"(?:\x00\x00\x00\x08\x04\xd2\x16\x30)?\x00\x00\x00\x08\x04\xd2\x16\x2f"
)
_MYSQL_GREETING: Final = re.compile(rb"..\x00\x00\x0a\d", re.DOTALL)
_MYSQL_ASKING: Final = re.compile(
    rb"\x20\x00\x00\x01(?P<new>....).{28}|\x05\x00\x00\x01(?P<old>..)...", re.DOTALL
)
_MYSQL_SSL: Final = 0x0800
_TPKT: Final = re.compile(rb"\x03\x00(..).(.)", re.DOTALL)
_TPKT_LEAST: Final = 11
_X224_REQUEST, _X224_CONFIRM = 0xE0, 0xD0
_RDP_REQUEST: Final = re.compile(rb"\x01.\x08\x00(....)", re.DOTALL)
_RDP_ANSWER: Final = re.compile(rb"([\x02\x03]).\x08\x00(....)\Z", re.DOTALL)
_SOCKS4_ASKING: Final = re.compile(
    rb"\x04\x01..(?:\x00\x00\x00[^\x00][^\x00]{0,255}\x00[!-~]{1,255}|.{4}[^\x00]{0,255})\x00",
    re.DOTALL,
)
_SOCKS4_ANSWER: Final = re.compile(rb"\x00([\x5a-\x5d]).{6}", re.DOTALL)
_SOCKS_NAME: Final = 3
_SOCKS_ADDRESS: Final = {1: 4, 4: 16}
_PROXY_LINE: Final = re.compile(rb"PROXY (?:TCP[46]|UNKNOWN)[^\r\n]{0,90}\r\n")
_PROXY_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_PROXY_HEADER_BYTES: Final = 16


def ldap_asking(data: bytes) -> Iterator[Mark]:
    """StartTLS, wherever the client's stream has it."""
    for found in _LDAP_ASKING.finditer(data):
        end = _message_end(found)
        if found.end() <= end <= len(data):
            yield Mark(end, Protocol.LDAP)


def ldap_answering(data: bytes) -> Iterator[Mark]:
    """Extended responses."""
    for found in _LDAP_ANSWER.finditer(data):
        end = _message_end(found)
        if found.end() <= end <= len(data):
            code = found[2][0]
            yield Mark(end, Protocol.LDAP, granted=code == 0, word=f"result {code}")


def _message_end(found: re.Match[bytes]) -> int:
    """Of the LDAPMessage: lengths in BER are short or, with one byte before them, long."""
    length = found[1]
    size = length[0] if len(length) == 1 else int.from_bytes(length[1:])
    return found.end(1) + size


def first(side: Side, data: bytes) -> Iterator[Mark]:
    """What can only stand at the beginning of a stream, which `data` is."""
    for reader in _FIRST[side]:
        mark = reader(data)
        if mark is not None and mark.end <= len(data):
            yield mark


def _postgres_asking(data: bytes) -> Mark | None:
    found = _POSTGRES_ASKING.match(data)
    return None if found is None else Mark(found.end(), Protocol.POSTGRES)


def _postgres_answering(data: bytes) -> Mark | None:
    """The last of one or two letters: encryption by GSSAPI may have been asked for before."""
    at = 1 if data[:1] == b"N" and data[1:2] in (b"S", b"N") else 0
    word = data[at : at + 1]
    if word not in (b"S", b"N"):
        return None
    return Mark(at + 1, Protocol.POSTGRES, granted=word == b"S", word=word.decode())


def _mysql_asking(data: bytes) -> Mark | None:
    found = _MYSQL_ASKING.match(data)
    if found is None:
        return None
    capabilities = int.from_bytes(found["new"] or found["old"], "little")
    return Mark(found.end(), Protocol.MYSQL) if capabilities & _MYSQL_SSL else None


def _mysql_greeting(data: bytes) -> Mark | None:
    if not _MYSQL_GREETING.match(data):
        return None
    return Mark(4 + int.from_bytes(data[:3], "little"), Protocol.MYSQL)


def _connection_unit(data: bytes, kind: int) -> bytes | None:
    """The X.224 unit that opens a connection, with its TPKT header; None while it is not whole."""
    found = _TPKT.match(data)
    if found is None or found[2][0] & 0xF0 != kind:
        return None
    size = int.from_bytes(found[1])
    return data[:size] if _TPKT_LEAST <= size <= len(data) else None


def _rdp_asking(data: bytes) -> Mark | None:
    unit = _connection_unit(data, _X224_REQUEST)
    found = None if unit is None else _RDP_REQUEST.search(unit, _TPKT_LEAST)
    if unit is None or found is None or not any(found[1]):
        return None
    return Mark(len(unit), Protocol.RDP)


def _rdp_answering(data: bytes) -> Mark | None:
    unit = _connection_unit(data, _X224_CONFIRM)
    if unit is None:
        return None
    found = _RDP_ANSWER.search(unit, _TPKT_LEAST)
    if found is None:
        return Mark(len(unit), Protocol.RDP, granted=False, word="standard security")
    number = int.from_bytes(found[2], "little")
    if found[1] == b"\x02":
        return Mark(len(unit), Protocol.RDP, granted=number > 0, word="standard security")
    return Mark(len(unit), Protocol.RDP, granted=False, word=f"failure {number}")


def _socks4_asking(data: bytes) -> Mark | None:
    found = _SOCKS4_ASKING.match(data)
    return None if found is None else Mark(found.end(), Protocol.SOCKS4)


def _socks4_answering(data: bytes) -> Mark | None:
    found = _SOCKS4_ANSWER.match(data)
    if found is None:
        return None
    return Mark(found.end(), Protocol.SOCKS4, granted=found[1] == b"\x5a")


def _socks5_asking(data: bytes) -> Mark | None:
    """Methods offered, perhaps name and password, then the request: RFC 1928, RFC 1929."""
    if len(data) < 2 or data[0] != 5:
        return None
    at = 2 + data[1]
    if data[at : at + 1] == b"\x01":
        name = at + 2 + _byte(data, at + 1)
        at = name + 1 + _byte(data, name)
    end = _socks5_unit_end(data, at)
    return None if end is None or data[at + 1] != 1 else Mark(end, Protocol.SOCKS5)


def _socks5_answering(data: bytes) -> Mark | None:
    if len(data) < 2 or data[0] != 5:
        return None
    at = 4 if data[1] == 2 else 2
    end = _socks5_unit_end(data, at)
    return None if end is None else Mark(end, Protocol.SOCKS5, granted=data[at + 1] == 0)


def _socks5_unit_end(data: bytes, at: int) -> int | None:
    if len(data) < at + 5 or data[at] != 5 or data[at + 2]:
        return None
    kind = data[at + 3]
    size = 1 + data[at + 4] if kind == _SOCKS_NAME else _SOCKS_ADDRESS.get(kind)
    return None if size is None else at + 4 + size + 2


def _byte(data: bytes, at: int) -> int:
    return data[at] if at < len(data) else len(data)


def _proxy_header(data: bytes) -> Mark | None:
    found = _PROXY_LINE.match(data)
    if found is not None:
        return Mark(found.end(), Protocol.PROXY)
    if not data.startswith(_PROXY_SIGNATURE) or len(data) < _PROXY_HEADER_BYTES:
        return None
    return Mark(_PROXY_HEADER_BYTES + int.from_bytes(data[14:16]), Protocol.PROXY)


_FIRST: Final[dict[Side, tuple[Callable[[bytes], Mark | None], ...]]] = {
    Side.CLIENT: (
        _postgres_asking,
        _mysql_asking,
        _rdp_asking,
        _socks4_asking,
        _socks5_asking,
        _proxy_header,
    ),
    Side.SERVER: (
        _postgres_answering,
        _mysql_greeting,
        _rdp_answering,
        _socks4_answering,
        _socks5_answering,
    ),
}
