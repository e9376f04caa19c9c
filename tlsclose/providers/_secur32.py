"""The raw ABI of secur32.dll as Schannel uses it: structures, constants, prototypes. No logic.

Structures mirror Win32 one to one, in dependency order, and can be laid out on any 64-bit system:
ULONG, DWORD and SECURITY_STATUS are `c_uint32` (a C long is longer elsewhere), ULONG_PTR is
`c_size_t`, WCHAR is `c_uint16`. Every pointer argument is declared: without that a pointer above
4 GB is cut in half. Source: sspi.h and schannel.h of the Windows SDK.
"""

import ctypes
import sys
from ctypes import POINTER, Structure, c_int32, c_size_t, c_uint8, c_uint16, c_uint32, c_void_p
from functools import cache
from typing import Any, Final

SECURITY_STATUS = c_uint32
ULONG = c_uint32
DWORD = c_uint32
WCHAR = c_uint16
LPCWSTR = c_void_p
"""A pointer to WCHARs that end with a zero; `wide` makes what it points to."""

UNISP_NAME: Final = "Microsoft Unified Security Protocol Provider"
SECPKG_CRED_INBOUND: Final = 0x1
SECPKG_CRED_OUTBOUND: Final = 0x2

SECBUFFER_VERSION: Final = 0
SECBUFFER_EMPTY: Final = 0
SECBUFFER_DATA: Final = 1
SECBUFFER_TOKEN: Final = 2
SECBUFFER_MISSING: Final = 4
SECBUFFER_EXTRA: Final = 5
SECBUFFER_STREAM_TRAILER: Final = 6
SECBUFFER_STREAM_HEADER: Final = 7
SECBUFFER_ALERT: Final = 17
SECBUFFER_APPLICATION_PROTOCOLS: Final = 18

ISC_REQ_REPLAY_DETECT: Final = 0x4
ISC_REQ_SEQUENCE_DETECT: Final = 0x8
ISC_REQ_CONFIDENTIALITY: Final = 0x10
ISC_REQ_USE_SUPPLIED_CREDS: Final = 0x80
ISC_REQ_ALLOCATE_MEMORY: Final = 0x100
ISC_REQ_EXTENDED_ERROR: Final = 0x4000
ISC_REQ_STREAM: Final = 0x8000
ISC_REQ_MANUAL_CRED_VALIDATION: Final = 0x80000

ASC_REQ_MUTUAL_AUTH: Final = 0x2
ASC_REQ_REPLAY_DETECT: Final = 0x4
ASC_REQ_SEQUENCE_DETECT: Final = 0x8
ASC_REQ_CONFIDENTIALITY: Final = 0x10
ASC_REQ_ALLOCATE_MEMORY: Final = 0x100
ASC_REQ_EXTENDED_ERROR: Final = 0x8000
ASC_REQ_STREAM: Final = 0x10000

SECPKG_ATTR_STREAM_SIZES: Final = 0x4
SECPKG_ATTR_APPLICATION_PROTOCOL: Final = 0x23
SECPKG_ATTR_REMOTE_CERT_CONTEXT: Final = 0x53
SECPKG_ATTR_CONNECTION_INFO: Final = 0x5A
SECPKG_ATTR_SESSION_INFO: Final = 0x5D
SECPKG_ATTR_CIPHER_INFO: Final = 0x64
SECPKGCONTEXT_CIPHERINFO_V1: Final = 1
SSL_SESSION_RECONNECT: Final = 0x1

SCHANNEL_CRED_VERSION: Final = 4
SCH_CREDENTIALS_VERSION: Final = 5
SCH_CRED_NO_SYSTEM_MAPPER: Final = 0x2
SCH_CRED_MANUAL_CRED_VALIDATION: Final = 0x8
SCH_CRED_NO_DEFAULT_CREDS: Final = 0x10
SCH_USE_STRONG_CRYPTO: Final = 0x400000

SP_PROT_SSL2: Final = 0xC
SP_PROT_SSL3: Final = 0x30
SP_PROT_TLS1_0: Final = 0xC0
SP_PROT_TLS1_1: Final = 0x300
SP_PROT_TLS1_2: Final = 0xC00
SP_PROT_TLS1_3: Final = 0x3000

SCHANNEL_SHUTDOWN: Final = 1
SCHANNEL_ALERT: Final = 2

SEC_APPLICATION_PROTOCOL_NEGOTIATION_EXT_ALPN: Final = 2
SEC_APPLICATION_PROTOCOL_NEGOTIATION_STATUS_SUCCESS: Final = 1


class SecHandle(Structure):
    """A credential or a context. Both halves all ones: none."""

    _fields_ = (("dwLower", c_size_t), ("dwUpper", c_size_t))


class TimeStamp(Structure):
    _fields_ = (("LowPart", DWORD), ("HighPart", c_int32))


class SecBuffer(Structure):
    _fields_ = (("cbBuffer", ULONG), ("BufferType", ULONG), ("pvBuffer", c_void_p))


class SecBufferDesc(Structure):
    _fields_ = (("ulVersion", ULONG), ("cBuffers", ULONG), ("pBuffers", POINTER(SecBuffer)))


class TLS_PARAMETERS(Structure):  # noqa: N801
    _fields_ = (
        ("cAlpnIds", DWORD),
        ("rgstrAlpnIds", c_void_p),
        ("grbitDisabledProtocols", DWORD),
        ("cDisabledCrypto", DWORD),
        ("pDisabledCrypto", c_void_p),
        ("dwFlags", DWORD),
    )


class SCH_CREDENTIALS(Structure):  # noqa: N801
    """Windows 10 1809 and later. What may be spoken is told by what may not."""

    _fields_ = (
        ("dwVersion", DWORD),
        ("dwCredFormat", DWORD),
        ("cCreds", DWORD),
        ("paCred", POINTER(c_void_p)),
        ("hRootStore", c_void_p),
        ("cMappers", DWORD),
        ("aphMappers", c_void_p),
        ("dwSessionLifespan", DWORD),
        ("dwFlags", DWORD),
        ("cTlsParameters", DWORD),
        ("pTlsParameters", POINTER(TLS_PARAMETERS)),
    )


class SCHANNEL_CRED(Structure):  # noqa: N801
    """Before that; knows no TLS 1.3."""

    _fields_ = (
        ("dwVersion", DWORD),
        ("cCreds", DWORD),
        ("paCred", POINTER(c_void_p)),
        ("hRootStore", c_void_p),
        ("cMappers", DWORD),
        ("aphMappers", c_void_p),
        ("cSupportedAlgs", DWORD),
        ("palgSupportedAlgs", c_void_p),
        ("grbitEnabledProtocols", DWORD),
        ("dwMinimumCipherStrength", DWORD),
        ("dwMaximumCipherStrength", DWORD),
        ("dwSessionLifespan", DWORD),
        ("dwFlags", DWORD),
        ("dwCredFormat", DWORD),
    )


class SCHANNEL_ALERT_TOKEN(Structure):  # noqa: N801
    _fields_ = (("dwTokenType", DWORD), ("dwAlertType", DWORD), ("dwAlertNumber", DWORD))


class SecPkgContext_StreamSizes(Structure):  # noqa: N801
    _fields_ = (
        ("cbHeader", ULONG),
        ("cbTrailer", ULONG),
        ("cbMaximumMessage", ULONG),
        ("cBuffers", ULONG),
        ("cbBlockSize", ULONG),
    )


class SecPkgContext_ConnectionInfo(Structure):  # noqa: N801
    _fields_ = (
        ("dwProtocol", DWORD),
        ("aiCipher", DWORD),
        ("dwCipherStrength", DWORD),
        ("aiHash", DWORD),
        ("dwHashStrength", DWORD),
        ("aiExch", DWORD),
        ("dwExchStrength", DWORD),
    )


class SecPkgContext_CipherInfo(Structure):  # noqa: N801
    _fields_ = (
        ("dwVersion", DWORD),
        ("dwProtocol", DWORD),
        ("dwCipherSuite", DWORD),
        ("dwBaseCipherSuite", DWORD),
        ("szCipherSuite", WCHAR * 64),
        ("szCipher", WCHAR * 64),
        ("dwCipherLen", DWORD),
        ("dwCipherBlockLen", DWORD),
        ("szHash", WCHAR * 64),
        ("dwHashLen", DWORD),
        ("szExchange", WCHAR * 64),
        ("dwMinExchangeLen", DWORD),
        ("dwMaxExchangeLen", DWORD),
        ("szCertificate", WCHAR * 64),
        ("dwKeyType", DWORD),
    )


class SecPkgContext_SessionInfo(Structure):  # noqa: N801
    _fields_ = (("dwFlags", DWORD), ("cbSessionId", DWORD), ("rgbSessionId", c_uint8 * 32))


class SecPkgContext_ApplicationProtocol(Structure):  # noqa: N801
    _fields_ = (
        ("ProtoNegoStatus", c_int32),
        ("ProtoNegoExt", c_int32),
        ("ProtocolIdSize", c_uint8),
        ("ProtocolId", c_uint8 * 255),
    )


_HANDLE = POINTER(SecHandle)
_DESC = POINTER(SecBufferDesc)
_ULONGS = POINTER(ULONG)
_TIME = POINTER(TimeStamp)

PROTOTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "AcquireCredentialsHandleW": (
        *(LPCWSTR, LPCWSTR, ULONG, c_void_p, c_void_p, c_void_p, c_void_p),
        *(_HANDLE, _TIME),
    ),
    "InitializeSecurityContextW": (
        *(_HANDLE, _HANDLE, LPCWSTR, ULONG, ULONG, ULONG, _DESC, ULONG),
        *(_HANDLE, _DESC, _ULONGS, _TIME),
    ),
    "AcceptSecurityContext": (
        *(_HANDLE, _HANDLE, _DESC, ULONG, ULONG),
        *(_HANDLE, _DESC, _ULONGS, _TIME),
    ),
    "ApplyControlToken": (_HANDLE, _DESC),
    "EncryptMessage": (_HANDLE, ULONG, _DESC, ULONG),
    "DecryptMessage": (_HANDLE, _DESC, ULONG, _ULONGS),
    "QueryContextAttributesW": (_HANDLE, ULONG, c_void_p),
    "FreeContextBuffer": (c_void_p,),
    "DeleteSecurityContext": (_HANDLE,),
    "FreeCredentialsHandle": (_HANDLE,),
}
"""Arguments of each function; all of them return SECURITY_STATUS."""


def wide(text: str) -> Any:  # noqa: ANN401
    """The WCHARs of `text` with the zero behind them, in memory of Python's."""
    encoded = text.encode("utf-16-le") + b"\x00\x00"
    return (WCHAR * (len(encoded) // 2)).from_buffer_copy(encoded)


class Secur32:
    """The functions of `PROTOTYPES` as attributes, taken from `dll`."""

    def __init__(self, dll: object) -> None:
        for name, arguments in PROTOTYPES.items():
            function = getattr(dll, name)
            function.argtypes = arguments
            function.restype = SECURITY_STATUS
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        raise AttributeError(f"secur32 has no {name} here")


def library(name: str) -> Any:  # noqa: ANN401
    """A system DLL by its name. Raises OSError where there is none, as on any other system."""
    if sys.platform == "win32":
        return ctypes.WinDLL(name, use_last_error=True)
    raise OSError(f"{name}.dll: this is not Windows")


@cache
def secur32() -> Secur32:
    """The one that this system has. Raises OSError where there is none."""
    return Secur32(library("secur32"))
