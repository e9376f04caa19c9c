"""What every test against real peers shares: one identity and one set of compiled Java peers."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interop.certs import Identity, make_identity
from tests.interop.servers import PEERS


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The compiled Java peers; None where there is no compiler."""
    compiler = shutil.which("javac")
    if compiler is None:
        return None
    folder = tmp_path_factory.mktemp("classes")
    sources = [str(path) for path in sorted(PEERS.glob("*.java"))]
    subprocess.run([compiler, "-nowarn", "-d", str(folder), *sources], check=True)
    return folder
