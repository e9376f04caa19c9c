"""Which providers there are, and where each lives. A provider's module is imported on use."""

import sys
from importlib import import_module
from typing import Final, cast

from tlsclose.errors import UsageError
from tlsclose.providers.base import Identity, Provider, TlsSettings

_FACTORIES: Final = {
    "openssl": ("tlsclose.providers.openssl", "OpenSSLProvider"),
    "schannel": ("tlsclose.providers.schannel", "SchannelProvider"),
}

_WINDOWS_ONLY: Final = frozenset({"schannel"})

NAMES: Final = tuple(_FACTORIES)
"""Every name that `--provider` takes."""

DEFAULT: Final = "schannel" if sys.platform == "win32" else "openssl"

KEYLESS: Final = frozenset({"schannel"})
"""Those that export no keys: their connections stay sealed on the wire."""

_RSA: Final = frozenset({"schannel"})
"""Those that are given an RSA key: not every secur32 imports others."""


def provider(name: str, settings: TlsSettings) -> Provider:
    """Make the provider `name`, with its credentials and settings prepared.

    Raises UsageError for an unknown name, one that this system does not have, and settings that
    the engine refuses.
    """
    if name in _WINDOWS_ONLY and sys.platform != "win32":
        raise UsageError(f"{name} needs Windows; use the openssl provider here")
    if name not in _FACTORIES:
        raise UsageError(f"no provider {name!r} in this version; there is: {', '.join(_FACTORIES)}")
    module, factory = _FACTORIES[name]
    return cast("Provider", getattr(import_module(module), factory)(settings))


def ephemeral(name: str) -> Identity:
    """A fresh identity of the kind that the provider `name` can use."""
    from tlsclose.providers import identity

    return identity.ephemeral(rsa=name in _RSA)
