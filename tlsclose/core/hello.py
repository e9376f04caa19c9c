"""ClientHello, ServerHello and EncryptedExtensions: what record protection and the report need.

RFC 9846 section 4.1, RFC 5246 section 7.4.1; extension numbers from the IANA registry. Input is a
message body without its four-byte header. A malformed one parses to None.
"""

from dataclasses import dataclass, field
from typing import Final

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
_RANDOM: Final = 32
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


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise _ShortError
        taken, self._at = self._data[self._at : end], end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> bytes:
        """A vector behind a length of `size` bytes."""
        return self.take(self.number(size))


def parse_client_hello(body: bytes) -> ClientHello | None:
    """The parts of a ClientHello that matter here."""
    cursor = _Cursor(body)
    try:
        cursor.take(2)
        random = cursor.take(_RANDOM)
        cursor.vector(1)
        cursor.vector(2)
        cursor.vector(1)
        extensions = _extensions(cursor)
        sni = _host_name(extensions.get(_SERVER_NAME))
    except _ShortError:
        return None
    return ClientHello(random=random, sni=sni, early_data=_EARLY_DATA in extensions)


def parse_server_hello(body: bytes) -> ServerHello | None:
    """The parts of a ServerHello or HelloRetryRequest that matter here."""
    cursor = _Cursor(body)
    try:
        legacy_version = cursor.number(2)
        random = cursor.take(_RANDOM)
        cursor.vector(1)
        suite = cursor.number(2)
        cursor.take(1)
        extensions = _extensions(cursor)
        alpn = _first_protocol(extensions.get(_ALPN))
    except _ShortError:
        return None
    selected = extensions.get(_SUPPORTED_VERSIONS)
    return ServerHello(
        random=random,
        version=_version(legacy_version if selected is None else int.from_bytes(selected)),
        suite=suite,
        alpn=alpn,
        pre_shared_key=_PRE_SHARED_KEY in extensions,
        extended_master_secret=_EXTENDED_MASTER_SECRET in extensions,
        encrypt_then_mac=_ENCRYPT_THEN_MAC in extensions,
    )


def parse_encrypted_alpn(body: bytes) -> str | None:
    """The protocol that EncryptedExtensions chose; None where it chose none."""
    try:
        return _first_protocol(_extensions(_Cursor(body)).get(_ALPN))
    except _ShortError:
        return None


def _version(code: int) -> TlsVersion | None:
    return TlsVersion.TLS13 if code in _TLS13_DRAFTS else VERSION_BY_CODE.get(code)


def _extensions(cursor: _Cursor) -> dict[int, bytes]:
    if not cursor:
        return {}
    block = _Cursor(cursor.vector(2))
    found: dict[int, bytes] = {}
    while block:
        kind = block.number(2)
        found.setdefault(kind, block.vector(2))
    return found


def _host_name(extension: bytes | None) -> str | None:
    if not extension:
        return None
    names = _Cursor(_Cursor(extension).vector(2))
    while names:
        kind, name = names.number(1), names.vector(2)
        if kind == _HOST_NAME:
            return _text(name)
    return None


def _first_protocol(extension: bytes | None) -> str | None:
    if not extension:
        return None
    return _text(_Cursor(_Cursor(extension).vector(2)).vector(1))


def _text(value: bytes) -> str:
    return value[:_MAX_NAME].decode("ascii", "backslashreplace")
