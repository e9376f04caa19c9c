"""The raw ABI of crypt32.dll, ncrypt.dll and advapi32.dll, as far as certificates need it.

The rules of `_secur32` hold here too. Source: wincrypt.h and ncrypt.h of the Windows SDK.
"""

from ctypes import POINTER, Structure, c_char_p, c_int32, c_size_t, c_uint32, c_void_p
from functools import cache
from typing import Any, Final

from tlsclose.providers._secur32 import LPCWSTR, library

BOOL = c_int32
DWORD = c_uint32
HCERTSTORE = c_void_p
PCCERT_CONTEXT = c_void_p

X509_ASN_ENCODING: Final = 0x1
PKCS_7_ASN_ENCODING: Final = 0x10000
CERT_STORE_PROV_MEMORY: Final = 2
CERT_STORE_ADD_ALWAYS: Final = 4

CRYPT_USER_KEYSET: Final = 0x1000
PKCS12_ALWAYS_CNG_KSP: Final = 0x200

CERT_KEY_PROV_INFO_PROP_ID: Final = 2
CRYPT_MACHINE_KEYSET: Final = 0x20
CRYPT_DELETEKEYSET: Final = 0x10
NCRYPT_SILENT_FLAG: Final = 0x40

CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL: Final = 0x4
USAGE_MATCH_TYPE_AND: Final = 0
szOID_PKIX_KP_SERVER_AUTH: Final = b"1.3.6.1.5.5.7.3.1"  # noqa: N816
szOID_PKIX_KP_CLIENT_AUTH: Final = b"1.3.6.1.5.5.7.3.2"  # noqa: N816

CERT_TRUST_IS_NOT_TIME_VALID: Final = 0x1
CERT_TRUST_IS_REVOKED: Final = 0x4
CERT_TRUST_IS_NOT_SIGNATURE_VALID: Final = 0x8
CERT_TRUST_IS_NOT_VALID_FOR_USAGE: Final = 0x10
CERT_TRUST_IS_UNTRUSTED_ROOT: Final = 0x20
CERT_TRUST_IS_CYCLIC: Final = 0x80
CERT_TRUST_INVALID_EXTENSION: Final = 0x100
CERT_TRUST_INVALID_POLICY_CONSTRAINTS: Final = 0x200
CERT_TRUST_INVALID_BASIC_CONSTRAINTS: Final = 0x400
CERT_TRUST_INVALID_NAME_CONSTRAINTS: Final = 0x800
CERT_TRUST_HAS_NOT_SUPPORTED_NAME_CONSTRAINT: Final = 0x1000
CERT_TRUST_HAS_NOT_DEFINED_NAME_CONSTRAINT: Final = 0x2000
CERT_TRUST_HAS_NOT_PERMITTED_NAME_CONSTRAINT: Final = 0x4000
CERT_TRUST_HAS_EXCLUDED_NAME_CONSTRAINT: Final = 0x8000
CERT_TRUST_IS_PARTIAL_CHAIN: Final = 0x10000
CERT_TRUST_HAS_WEAK_SIGNATURE: Final = 0x100000
CERT_TRUST_NO_ISSUANCE_CHAIN_POLICY: Final = 0x2000000
CERT_TRUST_IS_EXPLICIT_DISTRUST: Final = 0x4000000
CERT_TRUST_HAS_NOT_SUPPORTED_CRITICAL_EXT: Final = 0x8000000


class CRYPT_DATA_BLOB(Structure):  # noqa: N801
    _fields_ = (("cbData", DWORD), ("pbData", c_void_p))


class CERT_CONTEXT(Structure):  # noqa: N801
    _fields_ = (
        ("dwCertEncodingType", DWORD),
        ("pbCertEncoded", c_void_p),
        ("cbCertEncoded", DWORD),
        ("pCertInfo", c_void_p),
        ("hCertStore", HCERTSTORE),
    )


class CRYPT_KEY_PROV_INFO(Structure):  # noqa: N801
    _fields_ = (
        ("pwszContainerName", LPCWSTR),
        ("pwszProvName", LPCWSTR),
        ("dwProvType", DWORD),
        ("dwFlags", DWORD),
        ("cProvParam", DWORD),
        ("rgProvParam", c_void_p),
        ("dwKeySpec", DWORD),
    )


class CTL_USAGE(Structure):  # noqa: N801
    _fields_ = (("cUsageIdentifier", DWORD), ("rgpszUsageIdentifier", POINTER(c_char_p)))


class CERT_USAGE_MATCH(Structure):  # noqa: N801
    _fields_ = (("dwType", DWORD), ("Usage", CTL_USAGE))


class CERT_CHAIN_PARA(Structure):  # noqa: N801
    _fields_ = (("cbSize", DWORD), ("RequestedUsage", CERT_USAGE_MATCH))


class CERT_TRUST_STATUS(Structure):  # noqa: N801
    _fields_ = (("dwErrorStatus", DWORD), ("dwInfoStatus", DWORD))


class CERT_CHAIN_CONTEXT(Structure):  # noqa: N801
    """Its beginning: what follows is not read here."""

    _fields_ = (("cbSize", DWORD), ("TrustStatus", CERT_TRUST_STATUS), ("cChain", DWORD))


class CERT_CHAIN_ENGINE_CONFIG(Structure):  # noqa: N801
    """As Windows 7 has it; later ones added a field and take this size too."""

    _fields_ = (
        ("cbSize", DWORD),
        ("hRestrictedRoot", HCERTSTORE),
        ("hRestrictedTrust", HCERTSTORE),
        ("hRestrictedOther", HCERTSTORE),
        ("cAdditionalStore", DWORD),
        ("rghAdditionalStore", c_void_p),
        ("dwFlags", DWORD),
        ("dwUrlRetrievalTimeout", DWORD),
        ("MaximumCachedCertificates", DWORD),
        ("CycleDetectionModulus", DWORD),
        ("hExclusiveRoot", HCERTSTORE),
        ("hExclusiveTrustedPeople", HCERTSTORE),
    )


_DWORDS = POINTER(DWORD)
_POINTERS = POINTER(c_void_p)

CRYPT32: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "PFXImportCertStore": (HCERTSTORE, (POINTER(CRYPT_DATA_BLOB), LPCWSTR, DWORD)),
    "CertOpenStore": (HCERTSTORE, (c_size_t, DWORD, c_size_t, DWORD, c_void_p)),
    "CertCloseStore": (BOOL, (HCERTSTORE, DWORD)),
    "CertAddEncodedCertificateToStore": (
        BOOL,
        (HCERTSTORE, DWORD, c_void_p, DWORD, DWORD, _POINTERS),
    ),
    "CertEnumCertificatesInStore": (PCCERT_CONTEXT, (HCERTSTORE, PCCERT_CONTEXT)),
    "CertDuplicateCertificateContext": (PCCERT_CONTEXT, (PCCERT_CONTEXT,)),
    "CertFreeCertificateContext": (BOOL, (PCCERT_CONTEXT,)),
    "CertGetCertificateContextProperty": (BOOL, (PCCERT_CONTEXT, DWORD, c_void_p, _DWORDS)),
    "CertCreateCertificateChainEngine": (BOOL, (POINTER(CERT_CHAIN_ENGINE_CONFIG), _POINTERS)),
    "CertFreeCertificateChainEngine": (None, (c_void_p,)),
    "CertGetCertificateChain": (
        BOOL,
        (
            *(c_void_p, PCCERT_CONTEXT, c_void_p, HCERTSTORE, POINTER(CERT_CHAIN_PARA)),
            *(DWORD, c_void_p, POINTER(POINTER(CERT_CHAIN_CONTEXT))),
        ),
    ),
    "CertFreeCertificateChain": (None, (POINTER(CERT_CHAIN_CONTEXT),)),
}
"""Result and arguments of each function of crypt32.dll."""

NCRYPT: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "NCryptOpenStorageProvider": (DWORD, (POINTER(c_size_t), LPCWSTR, DWORD)),
    "NCryptOpenKey": (DWORD, (c_size_t, POINTER(c_size_t), LPCWSTR, DWORD, DWORD)),
    "NCryptDeleteKey": (DWORD, (c_size_t, DWORD)),
    "NCryptFreeObject": (DWORD, (c_size_t,)),
}

ADVAPI32: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "CryptAcquireContextW": (BOOL, (POINTER(c_size_t), LPCWSTR, LPCWSTR, DWORD, DWORD)),
}


class Functions:
    """The functions of a table as attributes, taken from `dll`."""

    def __init__(self, dll: object, table: dict[str, tuple[Any, tuple[Any, ...]]]) -> None:
        for name, (result, arguments) in table.items():
            function = getattr(dll, name)
            function.argtypes = arguments
            function.restype = result
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        raise AttributeError(f"no {name} here")


@cache
def crypt32() -> Functions:
    """The one that this system has. Raises OSError where there is none."""
    return Functions(library("crypt32"), CRYPT32)


@cache
def ncrypt() -> Functions:
    """The one that this system has. Raises OSError where there is none."""
    return Functions(library("ncrypt"), NCRYPT)


@cache
def advapi32() -> Functions:
    """The one that this system has. Raises OSError where there is none."""
    return Functions(library("advapi32"), ADVAPI32)
