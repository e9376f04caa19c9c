"""AcquireCredentialsHandle: SCH_CREDENTIALS, and SCHANNEL_CRED where Windows is older than that."""

from collections.abc import Iterator
from ctypes import Structure, addressof, byref, c_void_p, pointer
from typing import Any, Final

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.record import TlsVersion
from tlsclose.providers import _secur32 as abi
from tlsclose.providers._ledger import Owned
from tlsclose.providers._schannel_identity import OwnCertificate
from tlsclose.providers._schannel_words import SspiError, named

NO_HANDLE: Final = (1 << 64) - 1

_PROTOCOLS: Final = {
    TlsVersion.TLS12: abi.SP_PROT_TLS1_2,
    TlsVersion.TLS13: abi.SP_PROT_TLS1_3,
}
_EVERY: Final = (
    abi.SP_PROT_SSL2
    | abi.SP_PROT_SSL3
    | abi.SP_PROT_TLS1_0
    | abi.SP_PROT_TLS1_1
    | abi.SP_PROT_TLS1_2
    | abi.SP_PROT_TLS1_3
)
_FLAGS: Final = {
    Side.CLIENT: abi.SCH_CRED_MANUAL_CRED_VALIDATION
    | abi.SCH_CRED_NO_DEFAULT_CREDS
    | abi.SCH_USE_STRONG_CRYPTO,
    Side.SERVER: abi.SCH_CRED_MANUAL_CRED_VALIDATION
    | abi.SCH_CRED_NO_SYSTEM_MAPPER
    | abi.SCH_USE_STRONG_CRYPTO,
}
_DIRECTION: Final = {
    Side.CLIENT: abi.SECPKG_CRED_OUTBOUND,
    Side.SERVER: abi.SECPKG_CRED_INBOUND,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a credential is to be good for."""

    side: Side
    version: TlsVersion | None = None
    """Only this version; None lets TLS 1.2 and 1.3."""
    certificate: OwnCertificate | None = None

    @property
    def protocols(self) -> int:
        if self.version is None:
            return abi.SP_PROT_TLS1_2 | abi.SP_PROT_TLS1_3
        return _PROTOCOLS[self.version]


class Credential:
    """A credential handle, freed by `release`. Its certificate's key lives as long as this does."""

    def __init__(
        self,
        handle: abi.SecHandle,
        functions: abi.Secur32,
        certificate: OwnCertificate | None = None,
    ) -> None:
        self.handle = handle
        self._certificate = certificate
        free = functions.FreeCredentialsHandle
        self._owned = Owned("credential", lambda: free(byref(handle)))

    def release(self) -> int | None:
        """What FreeCredentialsHandle returned; None where it was called before."""
        code = self._owned.release()
        self._certificate = None
        return code if isinstance(code, int) else None


def acquire(functions: abi.Secur32, wish: Wish) -> Credential:
    """Raises SspiError with the status of each attempt."""
    refused: list[str] = []
    code = 0
    for form in _forms(wish):
        handle, expiry = abi.SecHandle(NO_HANDLE, NO_HANDLE), abi.TimeStamp()
        code = functions.AcquireCredentialsHandleW(
            None,
            abi.wide(abi.UNISP_NAME),
            _DIRECTION[wish.side],
            None,
            addressof(form),
            None,
            None,
            byref(handle),
            byref(expiry),
        )
        if code == 0:
            return Credential(handle, functions, wish.certificate)
        refused.append(f"{type(form).__name__} {named(code)}")
    raise SspiError(f"AcquireCredentialsHandle ({', then '.join(refused)})", code)


def _forms(wish: Wish) -> Iterator[Structure]:
    """What to ask with: the newer first; the older has no TLS 1.3 to offer."""
    own = wish.certificate
    certificates = None if own is None else (c_void_p * 1)(own.context)
    common: dict[str, Any] = {
        "cCreds": 0 if certificates is None else 1,
        "paCred": certificates,
        "dwFlags": _FLAGS[wish.side],
    }
    refused = abi.TLS_PARAMETERS(grbitDisabledProtocols=_EVERY & ~wish.protocols)
    yield abi.SCH_CREDENTIALS(
        dwVersion=abi.SCH_CREDENTIALS_VERSION,
        cTlsParameters=1,
        pTlsParameters=pointer(refused),
        **common,
    )
    older = wish.protocols & ~abi.SP_PROT_TLS1_3
    if older:
        yield abi.SCHANNEL_CRED(
            dwVersion=abi.SCHANNEL_CRED_VERSION, grbitEnabledProtocols=older, **common
        )
