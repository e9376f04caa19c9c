"""The providers that the contract suite runs for: add one here and it is held to all of it."""

import pytest

from tests.providers.pair import Pair, connected, settings
from tlsclose.core.record import TlsVersion
from tlsclose.providers.registry import provider as make_provider


@pytest.fixture(params=["openssl"])
def engine(request):
    """Makes a provider from settings."""
    return lambda settings: make_provider(request.param, settings)


@pytest.fixture(params=[TlsVersion.TLS12, TlsVersion.TLS13])
def version(request):
    return request.param


@pytest.fixture
def provider(engine, version):
    return engine(settings(version))


@pytest.fixture
def pair(provider) -> Pair:
    return connected(provider)


@pytest.fixture(params=["client", "server"])
def ends(request, pair):
    """We and the peer: each role in turn is the one under test."""
    ours, peer = pair.ends
    return (ours, peer) if request.param == "client" else (peer, ours)
