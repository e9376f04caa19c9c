"""Received and sent alerts as SSPI statuses, so that every provider answers in one vocabulary.

Source: "Schannel error codes for TLS and SSL alerts" (Microsoft, win32/secauthn). Alerts that the
page does not list are SEC_E_ILLEGAL_MESSAGE, the answer that Schannel gives by default.
"""

from typing import Final

from tlsclose.core.alert import Alert, AlertDescription
from tlsclose.core.status import SecStatus

_STATUS: Final = {
    AlertDescription.UNEXPECTED_MESSAGE: SecStatus.SEC_E_ILLEGAL_MESSAGE,
    AlertDescription.BAD_RECORD_MAC: SecStatus.SEC_E_MESSAGE_ALTERED,
    AlertDescription.DECRYPTION_FAILED: SecStatus.SEC_E_DECRYPT_FAILURE,
    AlertDescription.RECORD_OVERFLOW: SecStatus.SEC_E_ILLEGAL_MESSAGE,
    AlertDescription.DECOMPRESSION_FAILURE: SecStatus.SEC_E_MESSAGE_ALTERED,
    AlertDescription.HANDSHAKE_FAILURE: SecStatus.SEC_E_ILLEGAL_MESSAGE,
    AlertDescription.BAD_CERTIFICATE: SecStatus.SEC_E_CERT_UNKNOWN,
    AlertDescription.UNSUPPORTED_CERTIFICATE: SecStatus.SEC_E_CERT_UNKNOWN,
    AlertDescription.CERTIFICATE_REVOKED: SecStatus.CRYPT_E_REVOKED,
    AlertDescription.CERTIFICATE_EXPIRED: SecStatus.SEC_E_CERT_EXPIRED,
    AlertDescription.CERTIFICATE_UNKNOWN: SecStatus.SEC_E_CERT_UNKNOWN,
    AlertDescription.ILLEGAL_PARAMETER: SecStatus.SEC_E_ILLEGAL_MESSAGE,
    AlertDescription.UNKNOWN_CA: SecStatus.SEC_E_UNTRUSTED_ROOT,
    AlertDescription.ACCESS_DENIED: SecStatus.SEC_E_LOGON_DENIED,
    AlertDescription.DECODE_ERROR: SecStatus.SEC_E_ILLEGAL_MESSAGE,
    AlertDescription.DECRYPT_ERROR: SecStatus.SEC_E_DECRYPT_FAILURE,
    AlertDescription.EXPORT_RESTRICTION: SecStatus.SEC_E_ILLEGAL_MESSAGE,
    AlertDescription.PROTOCOL_VERSION: SecStatus.SEC_E_UNSUPPORTED_FUNCTION,
    AlertDescription.INSUFFICIENT_SECURITY: SecStatus.SEC_E_ALGORITHM_MISMATCH,
    AlertDescription.INTERNAL_ERROR: SecStatus.SEC_E_INTERNAL_ERROR,
    AlertDescription.USER_CANCELED: SecStatus.SEC_E_UNFINISHED_CONTEXT_DELETED,
    AlertDescription.NO_RENEGOTIATION: SecStatus.SEC_E_ILLEGAL_MESSAGE,
    AlertDescription.UNSUPPORTED_EXTENSION: SecStatus.SEC_E_ILLEGAL_MESSAGE,
    AlertDescription.NO_APPLICATION_PROTOCOL: SecStatus.SEC_E_APPLICATION_PROTOCOL_MISMATCH,
}

_BY_NUMBER: Final = {description.value: status for description, status in _STATUS.items()}


def status_of(alert: Alert) -> SecStatus:
    """The status of a call that an error alert ended."""
    return _BY_NUMBER.get(alert.description, SecStatus.SEC_E_ILLEGAL_MESSAGE)
