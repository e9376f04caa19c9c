"""The providers that the contract suite runs for: add one here and it is held to all of it."""

import pytest

from tlsclose.core.record import TlsVersion
from tlsclose.providers.registry import provider as make_provider


@pytest.fixture(params=["openssl"])
def engine(request):
    """Makes a provider from settings."""
    return lambda settings: make_provider(request.param, settings)


@pytest.fixture(params=[TlsVersion.TLS12, TlsVersion.TLS13])
def version(request):
    return request.param
