"""Targets: `host`, `host:port`, `[v6]:port` or a URL."""

import re
from typing import Final

from tlsclose.core.frozen import dataclass
from tlsclose.errors import UsageError

DEFAULT_PORT: Final = 443
LONGEST: Final = 8192
"""Characters of a target, path and query included."""
LONGEST_NAME: Final = 253
"""Octets of a host name without the final dot (RFC 1035 section 2.3.4)."""

PORTS: Final = {"https": 443, "tls": 443}
"""Schemes that speak TLS from the first byte, and their ports."""

UPGRADING: Final = frozenset(
    {"smtp", "imap", "pop3", "ftp", "ldap", "postgres", "postgresql", "mysql", "xmpp"}
)
"""Schemes that start in the clear and upgrade."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)\Z")
_BRACKETED: Final = re.compile(r"\[([^\[\]]*)\](?::(.*))?\Z")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_ZONE: Final = re.compile(r"[A-Za-z0-9_.~-]{1,64}\Z")
_SHAPE: Final = "write host, host:port, [v6]:port or https://host/path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a probe goes."""

    host: str
    port: int
    path: str | None = None
    """The URL's path and query; None where no URL named one."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse(text: str) -> Target:
    """The target that a user wrote. Host names come out in lower case and ASCII (IDNA 2003).

    Raises UsageError, in one line that says what to write instead.
    """
    _refuse_characters(text)
    match = _SCHEME.match(text)
    if match is None:
        return _plain(text)
    scheme, rest = match[1].lower(), match[2]
    if scheme in UPGRADING:
        raise UsageError(
            f"target {_shown(text)}: STARTTLS is not supported yet; use a TLS-only port"
        )
    if scheme not in PORTS:
        raise UsageError(
            f"target {_shown(text)}: scheme {scheme!r} is not known; use https:// or tls://"
        )
    authority, path = _split_authority(text, rest)
    host, port = _split_port(text, authority)
    return Target(host=_host(text, host), port=_port(text, port, PORTS[scheme]), path=path)


def _shown(text: str) -> str:
    return ascii(text) if len(text) <= 80 else f"{text[:80]!a}..."


def _plain(text: str) -> Target:
    if "/" in text or "?" in text:
        raise UsageError(f"target {_shown(text)}: write https:// in front of a path")
    host, port = _split_port(text, text)
    return Target(host=_host(text, host), port=_port(text, port, DEFAULT_PORT))


def _refuse_characters(text: str) -> None:
    if not text:
        raise UsageError(f"target is empty; {_SHAPE}")
    if len(text) > LONGEST:
        raise UsageError(f"target is longer than {LONGEST} characters; {_SHAPE}")
    if not text.isprintable() or any(character.isspace() for character in text):
        raise UsageError(f"target {_shown(text)}: leave out spaces and control characters")
    if "#" in text:
        raise UsageError(f"target {_shown(text)}: leave out the fragment after '#'")


def _split_authority(text: str, rest: str) -> tuple[str, str | None]:
    ends = [at for at in (rest.find("/"), rest.find("?")) if at >= 0]
    if not ends:
        return rest, None
    authority, path = rest[: min(ends)], rest[min(ends) :]
    if not path.isascii():
        raise UsageError(f"target {_shown(text)}: percent-encode what is not ASCII in the path")
    return authority, path if path.startswith("/") else f"/{path}"


def _split_port(text: str, authority: str) -> tuple[str, str | None]:
    if "@" in authority:
        raise UsageError("leave out the user name before '@' in the target")
    if match := _BRACKETED.match(authority):
        if ":" not in match[1]:
            raise UsageError(f"target {_shown(text)}: only an IPv6 address goes in brackets")
        return match[1], match[2]
    if authority.count(":") > 1:
        return authority, None
    host, colon, port = authority.partition(":")
    return host, port if colon else None


def _port(text: str, port: str | None, default: int) -> int:
    if port is None:
        return default
    if port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= 65535:
        return int(port)
    raise UsageError(f"target {_shown(text)}: the port must be a number from 1 to 65535")


def _host(text: str, host: str) -> str:
    if not host:
        raise UsageError(f"target {_shown(text)} names no host; {_SHAPE}")
    if ":" in host:
        return _v6(text, host)
    try:
        return ascii_name(host)
    except UsageError as error:
        raise UsageError(f"target {_shown(text)}: {error}") from None


def _v6(text: str, host: str) -> str:
    from ipaddress import AddressValueError, IPv6Address

    address, percent, zone = host.partition("%")
    try:
        compressed = IPv6Address(address).compressed
    except AddressValueError:
        raise UsageError(f"target {_shown(text)} is no IPv6 address; {_SHAPE}") from None
    if percent and not _ZONE.match(zone):
        raise UsageError(f"target {_shown(text)}: the zone after '%' must be an interface name")
    return compressed + percent + zone


def ascii_name(name: str) -> str:
    """A host name in lower-case ASCII without a final dot, or an IPv4 address as it is.

    Raises UsageError where it is neither.
    """
    try:
        encoded = (
            name.encode("idna").decode("ascii").lower() if not name.isascii() else name.lower()
        )
    except UnicodeError:
        raise UsageError(f"{_shown(name)} is not a host name") from None
    encoded = encoded.removesuffix(".")
    labels = encoded.split(".")
    if len(encoded) > LONGEST_NAME or not all(_LABEL.match(label) for label in labels):
        raise UsageError(f"{_shown(name)} is not a host name")
    if labels[-1].isdigit():
        return _v4(encoded)
    return encoded


def _v4(name: str) -> str:
    from ipaddress import AddressValueError, IPv4Address

    try:
        return str(IPv4Address(name))
    except AddressValueError:
        raise UsageError(f"{_shown(name)} is not an IPv4 address") from None
