"""What a connection that came up has settled: version, suite, protocol, name, certificate."""

import platform
from ctypes import Array, c_void_p
from typing import Final

from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.record import VERSION_BY_CODE, TlsVersion
from tlsclose.core.report import TlsInfo
from tlsclose.providers import _crypt32
from tlsclose.providers import _secur32 as abi
from tlsclose.providers._hello_watch import HelloWatch
from tlsclose.providers._ledger import Owned
from tlsclose.providers._schannel_channel import Channel
from tlsclose.providers._schannel_trust import Roots, Trust, judge

_SUITES: Final = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
}
"""The suites of TLS 1.3 (RFC 9846 B.4): there are no others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is known once the connection is up."""

    tls: TlsInfo
    trust: Trust = Trust()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspector:
    """Asks a connection's channel for its facts and checks the peer's certificate."""

    side: Side
    name: str | None = None
    """What the peer's certificate has to be valid for."""
    roots: Roots | None = None

    def settled(self, channel: Channel, watch: HelloWatch) -> Settled:
        trust = self._trust(channel)
        version, suite = negotiated(channel, watch)
        return Settled(
            tls=TlsInfo(
                version=version,
                cipher=suite,
                alpn=_alpn(channel),
                sni=None if watch.client is None else watch.client.sni,
                resumed=_resumed(channel),
                certificate=trust.check,
            ),
            trust=trust,
        )

    def _trust(self, channel: Channel) -> Trust:
        context = c_void_p()
        code = channel.query(abi.SECPKG_ATTR_REMOTE_CERT_CONTEXT, context)
        if code or context.value is None:
            return Trust()
        handle, free = context.value, _crypt32.crypt32().CertFreeCertificateContext
        held = Owned("peer certificate", lambda: free(handle))
        try:
            return judge(handle, self.side.other, self.name, self.roots)
        finally:
            held.release()


def negotiated(channel: Channel, watch: HelloWatch) -> tuple[TlsVersion | None, str | None]:
    """Version and suite: Schannel's word, unless the ServerHello chose another version."""
    info = abi.SecPkgContext_CipherInfo(dwVersion=abi.SECPKGCONTEXT_CIPHERINFO_V1)
    known = channel.query(abi.SECPKG_ATTR_CIPHER_INFO, info) == 0
    told = VERSION_BY_CODE.get(info.dwProtocol) if known else None
    name = text(info.szCipherSuite) if known else ""
    hello = watch.server
    if hello is None or hello.version in (None, told):
        return told, name or None
    return hello.version, _SUITES.get(hello.suite, f"0x{hello.suite:04X}")


def text(units: "Array[abi.WCHAR]") -> str:
    """A WCHAR array up to its zero."""
    return bytes(units).decode("utf-16-le", "replace").partition("\0")[0]


def _alpn(channel: Channel) -> str | None:
    info = abi.SecPkgContext_ApplicationProtocol()
    if channel.query(abi.SECPKG_ATTR_APPLICATION_PROTOCOL, info):
        return None
    if info.ProtoNegoStatus != abi.SEC_APPLICATION_PROTOCOL_NEGOTIATION_STATUS_SUCCESS:
        return None
    name = bytes(info.ProtocolId)[: info.ProtocolIdSize]
    return name.decode("ascii", "backslashreplace") or None


def _resumed(channel: Channel) -> bool:
    info = abi.SecPkgContext_SessionInfo()
    if channel.query(abi.SECPKG_ATTR_SESSION_INFO, info):
        return False
    return bool(info.dwFlags & abi.SSL_SESSION_RECONNECT)


def engine_name() -> str:
    """`Schannel 10.0.26100`; under Wine, whose secur32 is another program, that is said."""
    try:
        wine = abi.library("ntdll").wine_get_version
    except (AttributeError, OSError):
        return f"Schannel {platform.version()}"
    from ctypes import c_char_p

    wine.restype = c_char_p
    return f"Schannel of Wine {(wine() or b'').decode('ascii', 'replace')}"
