"""Our own certificate for Schannel: from PFX or PEM into a store in memory, with its key.

Schannel signs in another process (LSA), which only finds keys that have a container; so the import
makes one and `release` deletes it again. PEM goes through a PFX in memory. The issuers of a chain
are found by Windows itself, in its own stores.
"""

import ctypes
import secrets
from collections.abc import Iterator
from ctypes import addressof, byref, c_char, c_size_t, c_void_p, cast, string_at, wstring_at
from getpass import getuser
from typing import TYPE_CHECKING, Any, Final

from tlsclose.errors import UsageError
from tlsclose.providers import _crypt32 as abi
from tlsclose.providers._ledger import Owned
from tlsclose.providers._schannel_words import hresult, told
from tlsclose.providers._secur32 import wide
from tlsclose.providers.base import Identity

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12PrivateKeyTypes

_IMPORTS: Final = (abi.CRYPT_USER_KEYSET | abi.PKCS12_ALWAYS_CNG_KSP, abi.CRYPT_USER_KEYSET)
"""Ways to import, the better first: TLS 1.3 signs with CNG keys only; not every system has them."""

_NO_REASON: Final = (
    "NULL, and no error code: a wrong password (see --pass), or a key that this system does not "
    "import (RSA is imported by all)"
)


class OwnCertificate:
    """A PCCERT_CONTEXT whose key Schannel can use. Raises UsageError where there is none."""

    def __init__(self, identity: Identity) -> None:
        pfx, password = _pfx(identity)
        self._store = _imported(pfx, password)
        try:
            self._certificate = _with_key(self._store)
        except UsageError:
            self._store.release()
            raise
        self.context = self._certificate.context

    def release(self) -> None:
        """Free the certificate, its store and its key; harmless when repeated."""
        self._certificate.release()
        self._store.release()


class _Store(Owned):
    """A certificate store; freeing it deletes the keys that came with it."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        super().__init__("certificate store", lambda: _close(handle))


class Certificate(Owned):
    """A certificate context of our own reference."""

    def __init__(self, context: int) -> None:
        self.context = context
        free = abi.crypt32().CertFreeCertificateContext
        super().__init__("certificate", lambda: free(context))


def _pfx(identity: Identity) -> tuple[bytes, str]:
    """The identity as PFX and its password. Raises UsageError where PEM cannot be read."""
    if identity.pfx:
        return identity.pfx, identity.password
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        own, *chain = x509.load_pem_x509_certificates(identity.certificate)
        key = serialization.load_pem_private_key(identity.key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError("the certificate and key are not usable PEM") from error
    password = secrets.token_hex(16)
    return _packed(own, chain, key, password), password  # type: ignore[arg-type]


def _packed(own: Any, chain: list[Any], key: "PKCS12PrivateKeyTypes", password: str) -> bytes:  # noqa: ANN401
    """PKCS #12 in the one encryption that every Windows imports; it never leaves memory."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303
        .build(password.encode())
    )
    try:
        return pkcs12.serialize_key_and_certificates(None, key, own, chain, encryption)
    except (ValueError, TypeError) as error:
        raise UsageError(f"the key does not fit the certificate: {error}") from error


def _imported(pfx: bytes, password: str) -> _Store:
    memory = (c_char * len(pfx)).from_buffer_copy(pfx)
    blob = abi.CRYPT_DATA_BLOB(len(pfx), addressof(memory))
    secret, code = wide(password), 0
    for flags in _IMPORTS:
        _forget_error()
        handle = abi.crypt32().PFXImportCertStore(byref(blob), secret, flags)
        if handle:
            return _Store(handle)
        code = hresult(last_error())
    why = told("PFXImportCertStore", code) if code else f"PFXImportCertStore: {_NO_REASON}"
    raise UsageError(f"no usable certificate: {why}")


def _with_key(store: _Store) -> Certificate:
    """The certificate that has a private key."""
    for context in certificates(store.handle):
        if _property(context, abi.CERT_KEY_PROV_INFO_PROP_ID) is not None:
            return Certificate(abi.crypt32().CertDuplicateCertificateContext(context))
    raise UsageError("no usable certificate: the PFX has no certificate with a private key")


def certificates(store: int) -> Iterator[int]:
    """The contexts in a store, each valid until the next one is asked for."""
    functions = abi.crypt32()
    context = functions.CertEnumCertificatesInStore(store, None)
    try:
        while context:
            yield context
            context = functions.CertEnumCertificatesInStore(store, context)
    finally:
        if context:
            functions.CertFreeCertificateContext(context)


def _property(context: int, number: int) -> "ctypes.Array[c_char] | None":
    size = abi.DWORD()
    query = abi.crypt32().CertGetCertificateContextProperty
    if not query(context, number, None, byref(size)):
        return None
    memory = (c_char * size.value)()
    return memory if query(context, number, addressof(memory), byref(size)) else None


def _close(store: int) -> int:
    for context in certificates(store):
        held = _property(context, abi.CERT_KEY_PROV_INFO_PROP_ID)
        info = None if held is None else abi.CRYPT_KEY_PROV_INFO.from_buffer(held)
        if info is not None and _is_ours(info):
            _delete_key(info)
    closed: int = abi.crypt32().CertCloseStore(store, 0)
    return closed


def _is_ours(info: abi.CRYPT_KEY_PROV_INFO) -> bool:
    """Whether the import made the container: the one named after the user is for all programs."""
    return wstring_at(info.pwszContainerName).casefold() != getuser().casefold()


def _delete_key(info: abi.CRYPT_KEY_PROV_INFO) -> None:
    """Delete the container: `dwProvType` 0 is a CNG key, others are of the older kind."""
    if info.dwProvType:
        handle = c_size_t()
        flags = abi.CRYPT_DELETEKEYSET | (info.dwFlags & abi.CRYPT_MACHINE_KEYSET)
        abi.advapi32().CryptAcquireContextW(
            byref(handle), info.pwszContainerName, info.pwszProvName, info.dwProvType, flags
        )
        return
    provider, key = c_size_t(), c_size_t()
    functions = abi.ncrypt()
    if functions.NCryptOpenStorageProvider(byref(provider), info.pwszProvName, 0):
        return
    flags = abi.NCRYPT_SILENT_FLAG | (info.dwFlags & abi.CRYPT_MACHINE_KEYSET)
    if not functions.NCryptOpenKey(provider, byref(key), info.pwszContainerName, 0, flags):
        functions.NCryptDeleteKey(key, abi.NCRYPT_SILENT_FLAG)
    functions.NCryptFreeObject(provider)


def encoded(context: int) -> bytes:
    """The DER of a certificate context."""
    fields = cast(c_void_p(context), ctypes.POINTER(abi.CERT_CONTEXT)).contents
    return string_at(fields.pbCertEncoded, fields.cbCertEncoded)


def _forget_error() -> None:
    """A call that fails without an error code must not be told by that of an earlier one."""
    write: Any = getattr(ctypes, "set_last_error", lambda _: 0)
    write(0)


def last_error() -> int:
    """GetLastError of the last call that was made through ctypes on this thread."""
    read: Any = getattr(ctypes, "get_last_error", lambda: 0)
    return int(read()) & 0xFFFFFFFF
