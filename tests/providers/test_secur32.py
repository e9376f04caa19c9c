"""The raw ABI against a table written down from the SDK's headers, on any 64-bit system."""

import ctypes

import pytest

from tlsclose.providers import _crypt32 as crypt
from tlsclose.providers import _secur32 as sspi

LAYOUT = {
    sspi.SecHandle: (16, {"dwLower": 0, "dwUpper": 8}),
    sspi.TimeStamp: (8, {"LowPart": 0, "HighPart": 4}),
    sspi.SecBuffer: (16, {"cbBuffer": 0, "BufferType": 4, "pvBuffer": 8}),
    sspi.SecBufferDesc: (16, {"ulVersion": 0, "cBuffers": 4, "pBuffers": 8}),
    sspi.TLS_PARAMETERS: (
        40,
        {
            "cAlpnIds": 0,
            "rgstrAlpnIds": 8,
            "grbitDisabledProtocols": 16,
            "cDisabledCrypto": 20,
            "pDisabledCrypto": 24,
            "dwFlags": 32,
        },
    ),
    sspi.SCH_CREDENTIALS: (
        72,
        {
            "dwVersion": 0,
            "dwCredFormat": 4,
            "cCreds": 8,
            "paCred": 16,
            "hRootStore": 24,
            "cMappers": 32,
            "aphMappers": 40,
            "dwSessionLifespan": 48,
            "dwFlags": 52,
            "cTlsParameters": 56,
            "pTlsParameters": 64,
        },
    ),
    sspi.SCHANNEL_CRED: (
        80,
        {
            "dwVersion": 0,
            "cCreds": 4,
            "paCred": 8,
            "hRootStore": 16,
            "cMappers": 24,
            "aphMappers": 32,
            "cSupportedAlgs": 40,
            "palgSupportedAlgs": 48,
            "grbitEnabledProtocols": 56,
            "dwMinimumCipherStrength": 60,
            "dwMaximumCipherStrength": 64,
            "dwSessionLifespan": 68,
            "dwFlags": 72,
            "dwCredFormat": 76,
        },
    ),
    sspi.SCHANNEL_ALERT_TOKEN: (12, {"dwTokenType": 0, "dwAlertType": 4, "dwAlertNumber": 8}),
    sspi.SecPkgContext_StreamSizes: (
        20,
        {"cbHeader": 0, "cbTrailer": 4, "cbMaximumMessage": 8, "cBuffers": 12, "cbBlockSize": 16},
    ),
    sspi.SecPkgContext_CipherInfo: (
        680,
        {
            "dwVersion": 0,
            "dwProtocol": 4,
            "dwCipherSuite": 8,
            "dwBaseCipherSuite": 12,
            "szCipherSuite": 16,
            "szCipher": 144,
            "dwCipherLen": 272,
            "dwCipherBlockLen": 276,
            "szHash": 280,
            "dwHashLen": 408,
            "szExchange": 412,
            "dwMinExchangeLen": 540,
            "dwMaxExchangeLen": 544,
            "szCertificate": 548,
            "dwKeyType": 676,
        },
    ),
    sspi.SecPkgContext_SessionInfo: (40, {"dwFlags": 0, "cbSessionId": 4, "rgbSessionId": 8}),
    sspi.SecPkgContext_ApplicationProtocol: (
        264,
        {"ProtoNegoStatus": 0, "ProtoNegoExt": 4, "ProtocolIdSize": 8, "ProtocolId": 9},
    ),
    crypt.CRYPT_DATA_BLOB: (16, {"cbData": 0, "pbData": 8}),
    crypt.CERT_CONTEXT: (
        40,
        {
            "dwCertEncodingType": 0,
            "pbCertEncoded": 8,
            "cbCertEncoded": 16,
            "pCertInfo": 24,
            "hCertStore": 32,
        },
    ),
    crypt.CRYPT_KEY_PROV_INFO: (
        48,
        {
            "pwszContainerName": 0,
            "pwszProvName": 8,
            "dwProvType": 16,
            "dwFlags": 20,
            "cProvParam": 24,
            "rgProvParam": 32,
            "dwKeySpec": 40,
        },
    ),
    crypt.CTL_USAGE: (16, {"cUsageIdentifier": 0, "rgpszUsageIdentifier": 8}),
    crypt.CERT_USAGE_MATCH: (24, {"dwType": 0, "Usage": 8}),
    crypt.CERT_CHAIN_PARA: (32, {"cbSize": 0, "RequestedUsage": 8}),
    crypt.CERT_TRUST_STATUS: (8, {"dwErrorStatus": 0, "dwInfoStatus": 4}),
    crypt.CERT_CHAIN_CONTEXT: (16, {"cbSize": 0, "TrustStatus": 4, "cChain": 12}),
    crypt.CERT_CHAIN_ENGINE_CONFIG: (
        80,
        {
            "cbSize": 0,
            "hRestrictedRoot": 8,
            "hRestrictedTrust": 16,
            "hRestrictedOther": 24,
            "cAdditionalStore": 32,
            "rghAdditionalStore": 40,
            "dwFlags": 48,
            "dwUrlRetrievalTimeout": 52,
            "MaximumCachedCertificates": 56,
            "CycleDetectionModulus": 60,
            "hExclusiveRoot": 64,
            "hExclusiveTrustedPeople": 72,
        },
    ),
}
"""Size and offsets in bytes on 64-bit Windows."""

CONSTANTS = {
    "SECBUFFER_EMPTY": 0,
    "SECBUFFER_DATA": 1,
    "SECBUFFER_TOKEN": 2,
    "SECBUFFER_MISSING": 4,
    "SECBUFFER_EXTRA": 5,
    "SECBUFFER_STREAM_TRAILER": 6,
    "SECBUFFER_STREAM_HEADER": 7,
    "SECBUFFER_ALERT": 17,
    "SECBUFFER_APPLICATION_PROTOCOLS": 18,
    "ISC_REQ_STREAM": 32768,
    "ISC_REQ_ALLOCATE_MEMORY": 256,
    "ISC_REQ_EXTENDED_ERROR": 16384,
    "ISC_REQ_USE_SUPPLIED_CREDS": 128,
    "ISC_REQ_MANUAL_CRED_VALIDATION": 524288,
    "ASC_REQ_STREAM": 65536,
    "ASC_REQ_MUTUAL_AUTH": 2,
    "ASC_REQ_EXTENDED_ERROR": 32768,
    "SECPKG_ATTR_STREAM_SIZES": 4,
    "SECPKG_ATTR_APPLICATION_PROTOCOL": 35,
    "SECPKG_ATTR_REMOTE_CERT_CONTEXT": 83,
    "SECPKG_ATTR_CONNECTION_INFO": 90,
    "SECPKG_ATTR_SESSION_INFO": 93,
    "SECPKG_ATTR_CIPHER_INFO": 100,
    "SCHANNEL_CRED_VERSION": 4,
    "SCH_CREDENTIALS_VERSION": 5,
    "SCHANNEL_SHUTDOWN": 1,
    "SCHANNEL_ALERT": 2,
    "SP_PROT_TLS1_2": 0x400 | 0x800,
    "SP_PROT_TLS1_3": 0x1000 | 0x2000,
}


@pytest.mark.parametrize("structure", LAYOUT, ids=lambda structure: structure.__name__)
def test_layout(structure):
    size, offsets = LAYOUT[structure]
    assert ctypes.sizeof(structure) == size
    assert {name: getattr(structure, name).offset for name, *_ in structure._fields_} == offsets


def test_every_structure_is_in_the_table():
    declared = {
        item
        for module in (sspi, crypt)
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, ctypes.Structure)
    } - {ctypes.Structure}
    assert declared - set(LAYOUT) == {sspi.SecPkgContext_ConnectionInfo}
    assert ctypes.sizeof(sspi.SecPkgContext_ConnectionInfo) == 28


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants(name):
    assert getattr(sspi, name) == CONSTANTS[name]


ARGUMENTS = {
    "AcquireCredentialsHandleW": 9,
    "InitializeSecurityContextW": 12,
    "AcceptSecurityContext": 9,
    "ApplyControlToken": 2,
    "EncryptMessage": 4,
    "DecryptMessage": 4,
    "QueryContextAttributesW": 3,
    "FreeContextBuffer": 1,
    "DeleteSecurityContext": 1,
    "FreeCredentialsHandle": 1,
}
"""How many arguments each function of sspi.h has."""


def test_prototypes():
    assert {name: len(types) for name, types in sspi.PROTOTYPES.items()} == ARGUMENTS


class _Dll:
    """Stands in for a DLL: its functions only take declarations."""

    def __init__(self) -> None:
        self.functions = {}

    def __getattr__(self, name):
        return self.functions.setdefault(name, type("Function", (), {})())


def test_every_function_is_declared_before_use():
    dll = _Dll()
    functions = sspi.Secur32(dll)
    for name, types in sspi.PROTOTYPES.items():
        assert getattr(functions, name).argtypes == types
        assert getattr(functions, name).restype is ctypes.c_uint32
    with pytest.raises(AttributeError, match="SspiGetTargetHostName"):
        functions.SspiGetTargetHostName  # noqa: B018


@pytest.mark.parametrize("table", [crypt.CRYPT32, crypt.NCRYPT, crypt.ADVAPI32])
def test_certificate_functions_are_declared_before_use(table):
    functions = crypt.Functions(_Dll(), table)
    for name, (result, arguments) in table.items():
        assert getattr(functions, name).argtypes == arguments
        assert getattr(functions, name).restype is result


def test_wide_text_ends_with_a_zero():
    assert list(sspi.wide("aé")) == [0x61, 0xE9, 0]
    assert bytes(sspi.wide("")) == b"\x00\x00"
