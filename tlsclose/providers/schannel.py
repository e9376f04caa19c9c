"""Schannel, Windows' own TLS, through secur32: the provider that the procedure comes from.

How the calls correspond:

    handshake            InitializeSecurityContext (client), AcceptSecurityContext (server); once
                         the shutdown is armed the same with empty buffers
    apply_control_token  ApplyControlToken with SCHANNEL_SHUTDOWN
    encrypt, decrypt     EncryptMessage, DecryptMessage
    delete               DeleteSecurityContext, FreeCredentialsHandle

Every connection has a credential of its own: nothing of it is left when it is deleted, and no
session is resumed unasked.
"""

from typing import Final

from tlsclose.core.event import Side
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import ProviderInfo
from tlsclose.errors import UsageError
from tlsclose.providers import _secur32 as abi
from tlsclose.providers._names import address_of, ascii_name, protocol_names
from tlsclose.providers._schannel_channel import Channel, Terms
from tlsclose.providers._schannel_context import SchannelContext
from tlsclose.providers._schannel_credential import Credential, Wish, acquire
from tlsclose.providers._schannel_facts import Inspector, engine_name
from tlsclose.providers._schannel_identity import OwnCertificate
from tlsclose.providers._schannel_trust import Roots
from tlsclose.providers._schannel_words import SspiError
from tlsclose.providers.base import KeyLogSink, Provider, TlsSettings

_VERSIONS: Final = frozenset({None, TlsVersion.TLS12, TlsVersion.TLS13})


class SchannelProvider(Provider):
    """Contexts of this Windows' Schannel.

    Raises UsageError for what Schannel cannot do or refuses, when it is made and not later.
    """

    def __init__(self, settings: TlsSettings) -> None:
        _check(settings)
        self._settings = settings
        self._alpn = tuple(protocol_names(settings.alpn))
        try:
            self._functions = abi.secur32()
        except OSError as error:
            raise UsageError(f"schannel: {error}") from error
        self._own = None if settings.identity is None else OwnCertificate(settings.identity)
        self._roots = None if settings.cafile is None else Roots(settings.cafile)
        self.info = ProviderInfo(name="schannel", version=engine_name())

    def client(self, server_name: str | None, keylog: KeyLogSink) -> SchannelContext:  # noqa: ARG002
        """A client context. Schannel exports no keys: `keylog` hears nothing."""
        name = server_name
        if name is not None and address_of(name) is None:
            name = ascii_name(name)
        asked = None if name is None or address_of(name) else name
        return self._context(Terms(side=Side.CLIENT, name=asked, alpn=self._alpn), name)

    def server(self, keylog: KeyLogSink) -> SchannelContext:  # noqa: ARG002
        """A server context. Schannel exports no keys: `keylog` hears nothing."""
        if self._own is None:
            raise UsageError("a TLS server needs a certificate and its key")
        mutual = self._roots is not None
        return self._context(Terms(side=Side.SERVER, alpn=self._alpn, mutual=mutual), None)

    def _context(self, terms: Terms, name: str | None) -> SchannelContext:
        return SchannelContext(
            Channel(self._functions, self._credential(terms.side), terms),
            side=terms.side,
            sni=terms.name,
            examiner=Inspector(side=terms.side, name=name, roots=self._roots),
            verify=self._settings.verify and (terms.side is Side.CLIENT or terms.mutual),
        )

    def _credential(self, side: Side) -> Credential:
        wish = Wish(side=side, version=self._settings.version, certificate=self._own)
        try:
            return acquire(self._functions, wish)
        except SspiError as error:
            raise UsageError(f"schannel gives no credentials: {error}") from error


def _check(settings: TlsSettings) -> None:
    """Refuse what Schannel has no way to do."""
    if settings.ciphers:
        raise UsageError(
            "schannel takes no --ciphers: Windows' own order of suites applies "
            "(Get-TlsCipherSuite); use --provider openssl"
        )
    if settings.version not in _VERSIONS:
        raise UsageError(f"schannel is used with TLS 1.2 and 1.3 here, not {settings.version}")
