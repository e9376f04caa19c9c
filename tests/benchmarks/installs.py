"""What is measured, installed as users have it: each tool in an environment of its own.

sslyze and tlsclose need different versions of cryptography, and an editable install starts slower
than a real one. Both environments are kept in a folder that git ignores; tlsclose is installed
anew from the checkout each time.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.benchmarks.measure import BenchmarkError

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".bench-venv"
PACKAGED = ("tlsclose", "pyproject.toml", "README.md", "LICENSE")
INSTALL_S = 600


def ours() -> Path:
    """The Python of an environment with this checkout's tlsclose in it."""
    python = _environment("tlsclose")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        for name in PACKAGED:
            _copy(ROOT / name, source / name)  # building in the checkout would litter it
        _pip(python, str(source))
        _pip(python, "--force-reinstall", "--no-deps", str(source))
    return python


def sslyze() -> Path:
    """The Python of an environment with sslyze in it."""
    python = _environment("sslyze")
    _pip(python, "sslyze")
    return python


def version_of(python: Path, package: str) -> str:
    """The version of an installed package."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def script(python: Path, name: str) -> str:
    """The console script of that name beside an interpreter."""
    return str(python.with_name(name + python.suffix))


def _environment(name: str) -> Path:
    folder = HOME / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    return python


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    elif source.exists():
        shutil.copyfile(source, target)


def _pip(python: Path, *what: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what]
    done = subprocess.run(command, timeout=INSTALL_S, check=False, stdout=sys.stderr)
    if done.returncode:
        raise BenchmarkError(f"pip could not install {what[-1]}")
