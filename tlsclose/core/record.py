"""The TLS record header and what its length gives away (RFC 9846 5.1, RFC 5246 6.2)."""

from enum import IntEnum, StrEnum
from typing import Final

HEADER_BYTES: Final = 5
MAX_CIPHERTEXT_BYTES: Final = 2**14 + 2048
"""Largest body that any version allows (TLS 1.2; TLS 1.3 stops at 2**14 + 256)."""

ALERT_BYTES: Final = 2


class ContentType(IntEnum):
    """The first byte of a record."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23
    HEARTBEAT = 24


class TlsVersion(StrEnum):
    """A negotiated version, as reports and the command line write it."""

    SSL3 = "3.0"
    TLS10 = "1.0"
    TLS11 = "1.1"
    TLS12 = "1.2"
    TLS13 = "1.3"


VERSION_BY_CODE: Final = {
    0x0300: TlsVersion.SSL3,
    0x0301: TlsVersion.TLS10,
    0x0302: TlsVersion.TLS11,
    0x0303: TlsVersion.TLS12,
    0x0304: TlsVersion.TLS13,
}


def may_be_sealed_alert(*, tls13: bool, content_type: int, length: int) -> bool:
    """Whether a record that cannot be opened has the shape of one encrypted alert.

    `length` is the body's length in bytes. Up to TLS 1.2 the content type is in the clear and
    decides. In TLS 1.3 an alert without padding is 2 bytes, the inner type and the tag: 19 bytes
    with a 16-byte tag, 11 with CCM_8. Two bytes of application data look the same, so the answer
    is an inference and never a proof.
    """
    if not tls13:
        return content_type == ContentType.ALERT
    return content_type == ContentType.APPLICATION_DATA and length in (
        ALERT_BYTES + 1 + 16,
        ALERT_BYTES + 1 + 8,
    )
