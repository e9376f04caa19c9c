"""Opening protected records: one `Protection` for each side and each set of keys.

Only the record's place in the stream is needed, not the records before it: the nonce of an AEAD
and the input of a MAC are made from a count. So records that nobody wants to read are passed over
with `skip`. The exception is CBC in TLS 1.0, where one record's IV is the end of the one before.
"""

from abc import ABC, abstractmethod
from dataclasses import field
from enum import StrEnum
from typing import NamedTuple

from tlsclose.core.frozen import dataclass
from tlsclose.core.record import TlsVersion


class Epoch(StrEnum):
    """Which keys of TLS 1.3 (RFC 9846 section 7.1). Up to TLS 1.2 the last two are the same."""

    EARLY = "early"
    HANDSHAKE = "handshake"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What the two hellos settled, as far as record protection depends on it."""

    version: TlsVersion
    suite: int
    """IANA code point."""
    client_random: bytes = field(repr=False)
    """32 bytes, of the first ClientHello: TLS 1.3 repeats it after a HelloRetryRequest.

    Empty where the capture lacks the ClientHello; no key is found then.
    """
    server_random: bytes = field(repr=False)
    extended_master_secret: bool = False
    """Known to the report only: the logged master secret already is the extended one."""
    encrypt_then_mac: bool = False
    """RFC 7366; means something for CBC suites alone."""


class Opened(NamedTuple):
    """The inside of a record."""

    content_type: int
    """The inner type in TLS 1.3; 0 for a record of padding alone, which is a protocol error."""
    plaintext: bytes


class Protection(ABC):
    """One direction under one set of keys."""

    sequence: int = 0
    """Number of the next record, from 0."""

    @abstractmethod
    def open(self, content_type: int, version: int, body: bytes) -> Opened | None:
        """Open the next record, given its header's type and version and its body.

        None if it does not authenticate, for whatever reason; nothing has changed then. On success
        the sequence number advances.
        """

    def skip(self, count: int = 1) -> None:
        """Pass over so many records unread."""
        self.sequence += count

    @abstractmethod
    def updated(self) -> "Protection | None":
        """The next generation, after this side's KeyUpdate. None where there is none."""
