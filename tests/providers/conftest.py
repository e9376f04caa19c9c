"""The providers that the contract suite runs for: add one here and it is held to all of it.

Schannel is there on Windows only; under Wine with the one version that Wine speaks in that run,
and with DecryptMessage answering as Windows does (see tests/schannel/decrypt_status.py).
"""

import sys

import pytest

from tests.providers.pair import EXPIRED, OK, Pair, connected, settings
from tests.schannel import decrypt_status
from tlsclose.core.record import TlsVersion
from tlsclose.providers.registry import provider as make_provider

ENGINES = ["openssl", "schannel"] if sys.platform == "win32" else ["openssl"]
VERSIONS = {
    "openssl": (TlsVersion.TLS12, TlsVersion.TLS13),
    "schannel": decrypt_status.spoken(),
}


@pytest.fixture(params=ENGINES)
def engine_name(request):
    return request.param


@pytest.fixture
def engine(engine_name):
    """Makes a provider from settings."""
    if engine_name == "schannel":
        decrypt_status.install()
    return lambda settings: make_provider(engine_name, settings)


@pytest.fixture
def versions(engine_name):
    """What the engine speaks in this run."""
    return VERSIONS[engine_name]


@pytest.fixture
def exact(engine_name):
    """Whether failures have the very statuses of the documentation: Wine has its own."""
    return engine_name == "openssl" or not decrypt_status.under_wine()


@pytest.fixture
def sends_tickets(exact):
    """Whether a server of TLS 1.3 sends tickets: Wine's does not."""
    return exact


@pytest.fixture
def refuses_other_protocols(engine_name):
    """Whether a server with ALPN ends it with a client that offers none of its: RFC 7301 3.2."""
    return engine_name == "schannel" and not decrypt_status.under_wine()


@pytest.fixture
def answered(engine_name):
    """What a shutdown may say after the peer's: Schannel's documentation allows for both."""
    return {EXPIRED} if engine_name == "openssl" else {OK, EXPIRED}


@pytest.fixture(params=[TlsVersion.TLS12, TlsVersion.TLS13])
def version(request, engine_name):
    if request.param not in VERSIONS[engine_name]:
        pytest.skip(f"{engine_name} does not speak TLS {request.param} in this run")
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
