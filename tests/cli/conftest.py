from typing import NamedTuple

import pytest

from tests.cli.stub import StubApi
from tlsclose.cli.main import main


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("SSLKEYLOGFILE", "TLSCLOSE_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def api(monkeypatch):
    stub = StubApi()
    for name in ("probe", "listen", "analyze", "demo"):
        monkeypatch.setattr(f"tlsclose.api.{name}", getattr(stub, name), raising=False)
    return stub


@pytest.fixture
def run(capsys):
    def call(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Ended(int(code), out, err)

    return call
