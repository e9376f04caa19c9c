"""SSPI and Win32 codes in words: name, number, what it means, what to do about it.

Source: "COM error codes (Security and setup)" and the pages of the calls (Microsoft, win32).
"""

from typing import Final

from tlsclose.core.frozen import dataclass
from tlsclose.core.status import SecStatus

_FACILITY_WIN32: Final = 0x80070000


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    meaning: str
    advice: str = ""


_OTHERS: Final = {
    0x80090305: _Entry("SEC_E_SECPKG_NOT_FOUND", "this system has no Schannel package"),
    0x8009035D: _Entry("SEC_E_INVALID_PARAMETER", "Schannel refuses an argument of the call"),
    0x80090016: _Entry(
        "NTE_BAD_KEYSET",
        "the private key of the certificate cannot be opened",
        "import the PFX again, or give the certificate and key as PEM files",
    ),
    0x8009000B: _Entry("NTE_BAD_KEY_STATE", "the private key may not be used in this way"),
    0x80090010: _Entry("NTE_PERM", "this user may not use the private key"),
    0x80090029: _Entry("NTE_NOT_SUPPORTED", "the key is of a kind that this system cannot use"),
    0x80092004: _Entry(
        "CRYPT_E_NOT_FOUND",
        "the key in the PFX is of a kind that this system does not import",
        "use an RSA key",
    ),
    0x80092009: _Entry("CRYPT_E_NO_MATCH", "there is no such certificate"),
    0x80093005: _Entry("OSS_BAD_ARG", "this is not a PFX file"),
    0x8009310B: _Entry("CRYPT_E_ASN1_BADTAG", "this is not a PFX file"),
    0x80093102: _Entry("CRYPT_E_ASN1_EOD", "the PFX file is cut off"),
    0x80070005: _Entry("E_ACCESSDENIED", "this user may not store the private key"),
    0x8007000D: _Entry("ERROR_INVALID_DATA", "this is not a PFX file"),
    0x80070056: _Entry(
        "ERROR_INVALID_PASSWORD",
        "wrong password for the PFX file",
        "give its password with --pass, or in $TLSCLOSE_PASS",
    ),
    0x80070057: _Entry("E_INVALIDARG", "the call refuses an argument"),
}

_POLICY: Final = (
    "see which versions and suites this Windows allows (Get-TlsCipherSuite, group policy, "
    r"HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL), or use --provider openssl"
)

_MEANINGS: Final = {
    SecStatus.SEC_E_INSUFFICIENT_MEMORY: ("there is not enough memory", ""),
    SecStatus.SEC_E_INVALID_HANDLE: ("the context does not exist, or no longer", ""),
    SecStatus.SEC_E_UNSUPPORTED_FUNCTION: (
        "the version or function asked for is not supported, or is turned off by policy",
        _POLICY,
    ),
    SecStatus.SEC_E_TARGET_UNKNOWN: ("the server's name is not accepted", "try another --sni"),
    SecStatus.SEC_E_INTERNAL_ERROR: (
        "Schannel failed inside, or no TLS version is left that policy allows",
        _POLICY,
    ),
    SecStatus.SEC_E_INVALID_TOKEN: ("what came is not TLS, or breaks its rules", ""),
    SecStatus.SEC_E_LOGON_DENIED: ("the peer denies access (alert access_denied)", ""),
    SecStatus.SEC_E_UNKNOWN_CREDENTIALS: (
        "the certificate cannot be used: its private key is missing or out of reach",
        "give --cert a PFX file, or PEM with the --key that belongs to it",
    ),
    SecStatus.SEC_E_NO_CREDENTIALS: (
        "there is no certificate that can be used for this",
        "give --cert a PFX file, or PEM with the --key that belongs to it",
    ),
    SecStatus.SEC_E_MESSAGE_ALTERED: ("a record failed its integrity check", ""),
    SecStatus.SEC_E_CONTEXT_EXPIRED: ("nothing may follow our own close_notify", ""),
    SecStatus.SEC_E_INCOMPLETE_MESSAGE: ("a record is not complete yet", ""),
    SecStatus.SEC_E_BUFFER_TOO_SMALL: ("a buffer is too small", ""),
    SecStatus.SEC_E_WRONG_PRINCIPAL: ("the certificate is not valid for this name", ""),
    SecStatus.SEC_E_UNTRUSTED_ROOT: ("the certificate's root is not trusted", "see --cafile"),
    SecStatus.SEC_E_ILLEGAL_MESSAGE: (
        "the peer sent a fatal alert, or a message that breaks the protocol",
        "",
    ),
    SecStatus.SEC_E_CERT_UNKNOWN: ("the certificate could not be processed", ""),
    SecStatus.SEC_E_CERT_EXPIRED: ("the certificate has expired", ""),
    SecStatus.SEC_E_ENCRYPT_FAILURE: ("the data could not be encrypted", ""),
    SecStatus.SEC_E_DECRYPT_FAILURE: ("a record could not be decrypted", ""),
    SecStatus.SEC_E_ALGORITHM_MISMATCH: (
        "client and server have no algorithm in common, or policy has turned it off",
        _POLICY,
    ),
    SecStatus.SEC_E_UNFINISHED_CONTEXT_DELETED: ("the peer gave up (alert user_canceled)", ""),
    SecStatus.SEC_E_APPLICATION_PROTOCOL_MISMATCH: (
        "client and server have no ALPN protocol in common",
        "leave out --alpn, or offer another",
    ),
    SecStatus.CRYPT_E_REVOKED: ("the certificate is revoked", ""),
}

_KNOWN: Final = {status.value: status for status in SecStatus}


class SspiError(Exception):
    """A call that failed before there was a context to tell of it."""

    def __init__(self, call: str, code: int) -> None:
        super().__init__(told(call, code))
        self.code = code


def status_of(code: int) -> SecStatus:
    """The status that a code is; SEC_E_INTERNAL_ERROR stands for errors not among them."""
    known = _KNOWN.get(code)
    if known is not None:
        return known
    return SecStatus.SEC_E_INTERNAL_ERROR if code >= 0x80000000 else SecStatus.SEC_E_OK


def hresult(code: int) -> int:
    """A Win32 error as an HRESULT; other codes as they are."""
    return _FACILITY_WIN32 | code if 0 < code < 0x10000 else code


def named(code: int) -> str:
    """`SEC_E_NO_CREDENTIALS 0x8009030E`; the number alone where the name is not known."""
    known = _KNOWN.get(code)
    name = known.name if known is not None else _OTHERS[code].name if code in _OTHERS else ""
    return f"{name} 0x{code:08X}".strip()


def told(call: str, code: int) -> str:
    """One line: the call, the status by name and number, its meaning, and what to do."""
    meaning, advice = _words(code)
    return (
        f"{call}: {named(code)}"
        + (f": {meaning}" if meaning else "")
        + (f"; {advice}" if advice else "")
    )


def _words(code: int) -> tuple[str, str]:
    known = _KNOWN.get(code)
    if known is not None:
        return _MEANINGS.get(known, ("", ""))
    entry = _OTHERS.get(code, _Entry("", ""))
    return entry.meaning, entry.advice
