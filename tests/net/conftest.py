import pytest

from tests.net.peer import client_context, pem_file, server_context
from tests.net.sharing import (  # noqa: F401 - fixtures
    few_and_many,
    keylog,
    keys,
    packets,
    path,
    same,
    small_is_large,
    stories,
)
from tlsclose.core.record import TlsVersion
from tlsclose.net import clock


@pytest.fixture(scope="session")
def server_tls(tmp_path_factory):
    """Server contexts by version; None lets the client choose."""
    pem = pem_file(tmp_path_factory.mktemp("identity"))
    return {
        version: server_context(pem, version)
        for version in (None, TlsVersion.TLS12, TlsVersion.TLS13)
    }


@pytest.fixture(scope="session")
def client_tls():
    return {
        version: client_context(version) for version in (None, TlsVersion.TLS12, TlsVersion.TLS13)
    }


@pytest.fixture
def short_stretch(monkeypatch):
    """Floods and drips are cut off after twice the timeout."""
    monkeypatch.setattr(clock, "MAX_STRETCH", 2)
