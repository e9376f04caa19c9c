"""The certificate check that Schannel leaves to us: chain by crypt32, name by our own rules.

Revocation is not looked up and nothing is fetched: a check must not wait for the network. Only the
system's own update of its root list may.
"""

import ctypes
from ctypes import addressof, byref, c_char, c_char_p, c_void_p, sizeof
from pathlib import Path
from typing import Final

from tlsclose.core.alert import AlertDescription
from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.report import CertificateCheck
from tlsclose.core.status import SecStatus
from tlsclose.errors import UsageError
from tlsclose.providers import _crypt32 as abi
from tlsclose.providers._ledger import Owned
from tlsclose.providers._names import mismatch
from tlsclose.providers._schannel_identity import encoded, last_error
from tlsclose.providers._schannel_words import hresult, named, told

_ENCODING: Final = abi.X509_ASN_ENCODING | abi.PKCS_7_ASN_ENCODING

_USAGE: Final = {
    Side.SERVER: abi.szOID_PKIX_KP_SERVER_AUTH,
    Side.CLIENT: abi.szOID_PKIX_KP_CLIENT_AUTH,
}

_FAULTS: Final = (
    (
        abi.CERT_TRUST_IS_EXPLICIT_DISTRUST,
        "certificate is distrusted",
        SecStatus.SEC_E_CERT_UNKNOWN,
    ),
    (abi.CERT_TRUST_IS_REVOKED, "certificate is revoked", SecStatus.CRYPT_E_REVOKED),
    (
        abi.CERT_TRUST_IS_NOT_SIGNATURE_VALID,
        "certificate signature is wrong",
        SecStatus.SEC_E_CERT_UNKNOWN,
    ),
    (
        abi.CERT_TRUST_IS_NOT_TIME_VALID,
        "certificate has expired or is not yet valid",
        SecStatus.SEC_E_CERT_EXPIRED,
    ),
    (
        abi.CERT_TRUST_IS_UNTRUSTED_ROOT,
        "certificate chain ends in a root that is not trusted",
        SecStatus.SEC_E_UNTRUSTED_ROOT,
    ),
    (
        abi.CERT_TRUST_IS_PARTIAL_CHAIN,
        "certificate chain is not complete",
        SecStatus.SEC_E_UNTRUSTED_ROOT,
    ),
    (
        abi.CERT_TRUST_IS_NOT_VALID_FOR_USAGE,
        "certificate is not meant for this use",
        SecStatus.SEC_E_CERT_UNKNOWN,
    ),
    (
        abi.CERT_TRUST_HAS_WEAK_SIGNATURE,
        "certificate signature is too weak",
        SecStatus.SEC_E_CERT_UNKNOWN,
    ),
    (
        abi.CERT_TRUST_IS_CYCLIC
        | abi.CERT_TRUST_INVALID_EXTENSION
        | abi.CERT_TRUST_INVALID_POLICY_CONSTRAINTS
        | abi.CERT_TRUST_INVALID_BASIC_CONSTRAINTS
        | abi.CERT_TRUST_INVALID_NAME_CONSTRAINTS
        | abi.CERT_TRUST_HAS_NOT_SUPPORTED_NAME_CONSTRAINT
        | abi.CERT_TRUST_HAS_NOT_DEFINED_NAME_CONSTRAINT
        | abi.CERT_TRUST_HAS_NOT_PERMITTED_NAME_CONSTRAINT
        | abi.CERT_TRUST_HAS_EXCLUDED_NAME_CONSTRAINT
        | abi.CERT_TRUST_NO_ISSUANCE_CHAIN_POLICY
        | abi.CERT_TRUST_HAS_NOT_SUPPORTED_CRITICAL_EXT,
        "certificate chain breaks a constraint",
        SecStatus.SEC_E_CERT_UNKNOWN,
    ),
)
"""Bits of CERT_TRUST_STATUS, the gravest first, in words and as a status; no bit is harmless."""

ALERTS: Final = {
    SecStatus.SEC_E_UNTRUSTED_ROOT: AlertDescription.UNKNOWN_CA,
    SecStatus.SEC_E_CERT_EXPIRED: AlertDescription.CERTIFICATE_EXPIRED,
    SecStatus.CRYPT_E_REVOKED: AlertDescription.CERTIFICATE_REVOKED,
}
"""What to tell the peer of a refused certificate; `bad_certificate` of the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the check of a peer's certificate said."""

    check: CertificateCheck = CertificateCheck(ok=None)
    status: SecStatus = SecStatus.SEC_E_OK
    """The status to end with where a failed check is fatal."""


class Roots:
    """The roots of a CA file instead of the system's. Raises UsageError for a bad file."""

    def __init__(self, cafile: Path) -> None:
        functions = abi.crypt32()
        store = functions.CertOpenStore(abi.CERT_STORE_PROV_MEMORY, 0, 0, 0, None)
        if not store:
            raise _unusable(cafile, "CertOpenStore")
        self._store = Owned("root store", lambda: functions.CertCloseStore(store, 0))
        for der in _read(cafile):
            if not _add(store, der):
                raise _unusable(cafile, "CertAddEncodedCertificateToStore")
        config = abi.CERT_CHAIN_ENGINE_CONFIG(
            cbSize=sizeof(abi.CERT_CHAIN_ENGINE_CONFIG), hExclusiveRoot=store
        )
        engine = c_void_p()
        if not functions.CertCreateCertificateChainEngine(byref(config), byref(engine)):
            raise _unusable(cafile, "CertCreateCertificateChainEngine")
        self.engine = engine.value
        handle = engine.value
        self._engine = Owned(
            "chain engine", lambda: functions.CertFreeCertificateChainEngine(handle)
        )


def judge(context: int | None, peer: Side, name: str | None, roots: Roots | None) -> Trust:
    """Check the peer's certificate; None means that it sent none, which is no outcome."""
    if context is None:
        return Trust()
    chain, status = _chain(context, peer, roots)
    wrong_name = "" if name is None else _name(encoded(context), name)
    errors = [error for error in (chain, wrong_name) if error]
    if not errors:
        return Trust(check=CertificateCheck(ok=True))
    return Trust(
        check=CertificateCheck(ok=False, error="; ".join(errors)),
        status=status if chain else SecStatus.SEC_E_WRONG_PRINCIPAL,
    )


def _chain(context: int, peer: Side, roots: Roots | None) -> tuple[str, SecStatus]:
    """What is wrong with the chain, in words and as a status."""
    functions = abi.crypt32()
    usages = (c_char_p * 1)(_USAGE[peer])
    wanted = abi.CERT_CHAIN_PARA(
        cbSize=sizeof(abi.CERT_CHAIN_PARA),
        RequestedUsage=abi.CERT_USAGE_MATCH(abi.USAGE_MATCH_TYPE_AND, abi.CTL_USAGE(1, usages)),
    )
    fields = ctypes.cast(c_void_p(context), ctypes.POINTER(abi.CERT_CONTEXT)).contents
    built = ctypes.POINTER(abi.CERT_CHAIN_CONTEXT)()
    done = functions.CertGetCertificateChain(
        None if roots is None else roots.engine,
        *(context, None, fields.hCertStore, byref(wanted)),
        *(abi.CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL, None, byref(built)),
    )
    if not done:
        code = named(hresult(last_error()))
        return f"certificate chain cannot be built ({code})", SecStatus.SEC_E_CERT_UNKNOWN
    held = Owned("chain", lambda: functions.CertFreeCertificateChain(built))
    try:
        return _fault(built.contents.TrustStatus.dwErrorStatus)
    finally:
        held.release()


def _fault(bits: int) -> tuple[str, SecStatus]:
    for mask, words, status in _FAULTS:
        if bits & mask:
            return words, status
    if bits:
        return f"certificate chain is not trusted (0x{bits:08X})", SecStatus.SEC_E_CERT_UNKNOWN
    return "", SecStatus.SEC_E_OK


def _name(der: bytes, name: str) -> str:
    from cryptography import x509

    try:
        return mismatch(x509.load_der_x509_certificate(der), name)
    except ValueError:
        return "certificate cannot be read"


def _read(cafile: Path) -> list[bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = x509.load_pem_x509_certificates(cafile.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read CA file {cafile}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"no PEM certificate in CA file {cafile}") from error
    return [certificate.public_bytes(Encoding.DER) for certificate in found]


def _add(store: int, der: bytes) -> bool:
    memory = (c_char * len(der)).from_buffer_copy(der)
    added = abi.crypt32().CertAddEncodedCertificateToStore(
        store, _ENCODING, addressof(memory), len(der), abi.CERT_STORE_ADD_ALWAYS, None
    )
    return bool(added)


def _unusable(cafile: Path, call: str) -> UsageError:
    return UsageError(f"CA file {cafile}: {told(call, hresult(last_error()))}")
