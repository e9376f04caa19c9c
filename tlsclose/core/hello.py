"""ClientHello, ServerHello and EncryptedExtensions: what record protection and the report need.

RFC 9846 section 4.1, RFC 5246 section 7.4.1; extension numbers from the IANA registry. Input is a
message body without its four-byte header. A malformed one parses to None.
"""

import struct
from dataclasses import field
from typing import Final

from tlsclose.core.frozen import dataclass
from tlsclose.core.record import VERSION_BY_CODE, TlsVersion

RETRY_RANDOM: Final = bytes.fromhex(
    "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
)
"""The server random of a HelloRetryRequest (RFC 9846 section 4.1.3)."""

_SERVER_NAME: Final = 0
_ALPN: Final = 16
_ENCRYPT_THEN_MAC: Final = 22
_EXTENDED_MASTER_SECRET: Final = 23
_PRE_SHARED_KEY: Final = 41
_EARLY_DATA: Final = 42
_SUPPORTED_VERSIONS: Final = 43
_HOST_NAME: Final = 0
_MAX_NAME: Final = 255
_READ: Final = frozenset(
    {
        _SERVER_NAME,
        _ALPN,
        _ENCRYPT_THEN_MAC,
        _EXTENDED_MASTER_SECRET,
        _PRE_SHARED_KEY,
        _EARLY_DATA,
        _SUPPORTED_VERSIONS,
    }
)
_EXTENSION: Final = struct.Struct("!HH")
"""Type and length."""
_CHOSEN: Final = struct.Struct("!HB")
"""Cipher suite and compression method."""
_RANDOM_AT: Final = 2
_RANDOM_END: Final = _RANDOM_AT + 32
_TLS13_DRAFTS: Final = range(0x7F17, 0x7F1D)
"""Drafts 23 to 28, whose key schedule and record layer are those of the final version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    random: bytes = field(repr=False)
    sni: str | None
    """The first host name asked for, as sent."""
    early_data: bool
    """0-RTT data may follow at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHello:
    random: bytes = field(repr=False)
    version: TlsVersion | None
    """None for a number that no TLS version has."""
    suite: int
    alpn: str | None
    pre_shared_key: bool
    """In TLS 1.3: the session is resumed (or its key was agreed on beforehand)."""
    extended_master_secret: bool
    encrypt_then_mac: bool

    @property
    def retry(self) -> bool:
        """A HelloRetryRequest."""
        return self.random == RETRY_RANDOM


class _ShortError(ValueError):
    """A length points past the end."""


_MALFORMED: Final = (_ShortError, IndexError, struct.error)


def parse_client_hello(body: bytes) -> ClientHello | None:
    """The parts of a ClientHello that matter here."""
    try:
        suites = _behind_short_vector(body, _RANDOM_END)
        compressions = suites + 2 + _number(body, suites)
        extensions = _extensions(body, _behind_short_vector(body, compressions))
        sni = _host_name(extensions.get(_SERVER_NAME))
    except _MALFORMED:
        return None
    return ClientHello(
        random=body[_RANDOM_AT:_RANDOM_END], sni=sni, early_data=_EARLY_DATA in extensions
    )


def parse_server_hello(body: bytes) -> ServerHello | None:
    """The parts of a ServerHello or HelloRetryRequest that matter here."""
    try:
        chosen = _behind_short_vector(body, _RANDOM_END)
        suite, _compression = _CHOSEN.unpack_from(body, chosen)
        extensions = _extensions(body, chosen + _CHOSEN.size)
        alpn = _first_protocol(extensions.get(_ALPN))
    except _MALFORMED:
        return None
    selected = extensions.get(_SUPPORTED_VERSIONS)
    version = body[:_RANDOM_AT] if selected is None else selected
    return ServerHello(
        random=body[_RANDOM_AT:_RANDOM_END],
        version=_version(int.from_bytes(version)),
        suite=suite,
        alpn=alpn,
        pre_shared_key=_PRE_SHARED_KEY in extensions,
        extended_master_secret=_EXTENDED_MASTER_SECRET in extensions,
        encrypt_then_mac=_ENCRYPT_THEN_MAC in extensions,
    )


def parse_encrypted_alpn(body: bytes) -> str | None:
    """The protocol that EncryptedExtensions chose; None where it chose none."""
    try:
        return _first_protocol(_extensions(body, 0).get(_ALPN))
    except _MALFORMED:
        return None


def _version(code: int) -> TlsVersion | None:
    return TlsVersion.TLS13 if code in _TLS13_DRAFTS else VERSION_BY_CODE.get(code)


def _number(data: bytes, at: int) -> int:
    """Two bytes."""
    return data[at] << 8 | data[at + 1]


def _behind_short_vector(data: bytes, at: int) -> int:
    """Where a vector with one byte of length ends."""
    return at + 1 + data[at]


def _extensions(data: bytes, at: int) -> dict[int, bytes]:
    """The block that begins here, if anything does; of a repeated extension the first counts."""
    found: dict[int, bytes] = {}
    if at == len(data):
        return found
    end = at + 2 + _number(data, at)
    at += 2
    if end > len(data):
        raise _ShortError
    while at < end:
        kind, size = _EXTENSION.unpack_from(data, at)
        body = at + _EXTENSION.size
        at = body + size
        if at > end:
            raise _ShortError
        if kind in _READ:
            found.setdefault(kind, data[body:at])
    return found


def _host_name(extension: bytes | None) -> str | None:
    if not extension:
        return None
    end = 2 + _number(extension, 0)
    at = 2
    while at < end:
        name = at + 3
        behind = name + _number(extension, at + 1)
        if behind > end or end > len(extension):
            raise _ShortError
        if extension[at] == _HOST_NAME:
            return _text(extension[name:behind])
        at = behind
    if end > len(extension):
        raise _ShortError
    return None


def _first_protocol(extension: bytes | None) -> str | None:
    if not extension:
        return None
    end = 2 + _number(extension, 0)
    behind = _behind_short_vector(extension, 2)
    if behind > end or end > len(extension):
        raise _ShortError
    return _text(extension[3:behind])


def _text(value: bytes) -> str:
    return value[:_MAX_NAME].decode("ascii", "backslashreplace")
