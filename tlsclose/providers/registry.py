"""Which providers there are, and where each lives. A provider's module is imported on use."""

import sys
from importlib import import_module
from typing import Final, cast

from tlsclose.errors import UsageError
from tlsclose.providers.base import Provider, TlsSettings

_FACTORIES: Final = {
    "openssl": ("tlsclose.providers.openssl", "OpenSSLProvider"),
}

_WINDOWS_ONLY: Final = frozenset({"schannel"})

NAMES: Final = (*_FACTORIES, *sorted(_WINDOWS_ONLY))
"""Every name that `--provider` takes, the default first."""


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
