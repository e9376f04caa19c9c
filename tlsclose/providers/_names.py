"""Whether a certificate is valid for the name that was asked for (RFC 9525, RFC 5280 4.2.1.6).

Only subjectAltName counts. A wildcard is the whole left-most label and stands for exactly one.
"""

import warnings
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from tlsclose.errors import UsageError

# Peers' certificates break rules that cryptography warns of; what is wrong with them is reported
# by the certificate check and must not appear on standard error as well.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)

_MALFORMED = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

MAX_NAME: Final = 253
"""Characters in a host name (RFC 1035 2.3.4, without the final dot)."""

Address = IPv4Address | IPv6Address


def address_of(name: str) -> Address | None:
    """The IP address that `name` spells (a scope id is dropped), or None for a host name."""
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        return None


def ascii_name(name: str) -> str:
    """`name` as SNI and certificates spell it: A-labels, without the final dot (RFC 6066 3).

    Raises UsageError where it cannot be a host name.
    """
    bare = name.removesuffix(".")
    try:
        spelt = bare if bare.isascii() else bare.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise UsageError(f"{name!r} is not a host name") from error
    if not 0 < len(spelt) <= MAX_NAME or not spelt.isprintable() or " " in spelt:
        raise UsageError(f"{name!r} is not a host name")
    return spelt


def protocol_names(names: tuple[str, ...]) -> list[bytes]:
    """ALPN protocols as the handshake spells them. Raises UsageError for a length of its own."""
    protocols = [name.encode() for name in names]
    if any(not 0 < len(protocol) < 256 for protocol in protocols):
        raise UsageError("an ALPN protocol name has 1 to 255 bytes")
    return protocols


def mismatch(certificate: x509.Certificate, name: str) -> str:
    """Why `certificate` is not valid for `name`, one line; empty where it is."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        address = address_of(name)
        if address is not None:
            valid = address in names.get_values_for_type(x509.IPAddress)
        else:
            valid = any(
                _covers(pattern, name) for pattern in names.get_values_for_type(x509.DNSName)
            )
    except x509.ExtensionNotFound:
        return "certificate names no host (no subjectAltName)"
    except _MALFORMED:
        return "certificate names cannot be read"
    return "" if valid else f"certificate is not valid for {name}"


def _covers(pattern: str, name: str) -> bool:
    pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if not pattern.startswith("*."):
        return pattern == name
    first, _, rest = name.partition(".")
    return bool(first) and rest == pattern[2:] and "." in rest
