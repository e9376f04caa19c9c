"""TLS alerts by number and name (RFC 9846 section 6, RFC 5246 section 7.2)."""

from enum import IntEnum
from typing import Final

from tlsclose.core.frozen import dataclass


class AlertLevel(IntEnum):
    """The level byte. In TLS 1.3 it carries no meaning (RFC 9846 section 6)."""

    WARNING = 1
    FATAL = 2


class AlertDescription(IntEnum):
    """The IANA TLS Alerts registry."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    BAD_RECORD_MAC = 20
    DECRYPTION_FAILED = 21
    RECORD_OVERFLOW = 22
    DECOMPRESSION_FAILURE = 30
    HANDSHAKE_FAILURE = 40
    NO_CERTIFICATE = 41
    BAD_CERTIFICATE = 42
    UNSUPPORTED_CERTIFICATE = 43
    CERTIFICATE_REVOKED = 44
    CERTIFICATE_EXPIRED = 45
    CERTIFICATE_UNKNOWN = 46
    ILLEGAL_PARAMETER = 47
    UNKNOWN_CA = 48
    ACCESS_DENIED = 49
    DECODE_ERROR = 50
    DECRYPT_ERROR = 51
    TOO_MANY_CIDS_REQUESTED = 52
    EXPORT_RESTRICTION = 60
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INTERNAL_ERROR = 80
    INAPPROPRIATE_FALLBACK = 86
    USER_CANCELED = 90
    NO_RENEGOTIATION = 100
    MISSING_EXTENSION = 109
    UNSUPPORTED_EXTENSION = 110
    CERTIFICATE_UNOBTAINABLE = 111
    UNRECOGNIZED_NAME = 112
    BAD_CERTIFICATE_STATUS_RESPONSE = 113
    BAD_CERTIFICATE_HASH_VALUE = 114
    UNKNOWN_PSK_IDENTITY = 115
    CERTIFICATE_REQUIRED = 116
    GENERAL_ERROR = 117
    NO_APPLICATION_PROTOCOL = 120
    ECH_REQUIRED = 121


_NAMES: Final = {item.value: item.name.lower() for item in AlertDescription}
_LEVELS: Final = {item.value: item.name.lower() for item in AlertLevel}
_NEVER_ERRORS: Final = frozenset({AlertDescription.CLOSE_NOTIFY, AlertDescription.USER_CANCELED})


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as it stood on the wire: two bytes, not validated."""

    level: int
    description: int

    @property
    def level_name(self) -> str:
        return _LEVELS.get(self.level, f"level-{self.level}")

    @property
    def name(self) -> str:
        return _NAMES.get(self.description, f"alert-{self.description}")

    @property
    def is_close_notify(self) -> bool:
        """A closure alert, whatever its level (RFC 9846 section 6.1)."""
        return self.description == AlertDescription.CLOSE_NOTIFY

    def is_error(self, *, tls13: bool) -> bool:
        """Whether this alert ends the connection.

        In TLS 1.3 every alert but close_notify and user_canceled does, unknown ones included
        (RFC 9846 section 6.2); up to TLS 1.2 the level decides (RFC 5246 section 7.2).
        """
        if self.description in _NEVER_ERRORS:
            return False
        return tls13 or self.level != AlertLevel.WARNING

    def __str__(self) -> str:
        return f"{self.level_name} {self.name}"
