"""A whole probe of `openssl s_server -www` against sslyze's smallest scans of the same server.

All of sslyze's single scans but `--certinfo` take the same time within the noise: start-up and the
connectivity test are most of it. The faster of the two below in the run is the peer.
"""

import contextlib
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.benchmarks.installs import script
from tests.benchmarks.measure import Command, Goal, Sample, ratio
from tests.interop.process import free_port, running

TEXT = "probe, timeline, sniffing"
SNIFF = "probe, json, sniffing"
TAP = "probe, json, tap"
OFF = "probe, json, no capture"
CAPTURES = {
    TEXT: ("text", "sniff"),
    SNIFF: ("json", "sniff"),
    TAP: ("json", "tap"),
    OFF: ("json", "off"),
}
SCANS = ("--compression", "--openssl_ccs")
SSLYZE = "sslyze "
TO_SSLYZE = {TEXT: (1.0, True), SNIFF: (1.0, True), TAP: (0.5, False), OFF: (0.5, False)}
"""Most of the peer's time, and whether that itself is too much."""
REQUEST = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
NAME = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Run `openssl s_server -www` and yield it as a target."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        identity = ("-keyout", "key.pem", "-out", "cert.pem")
        subprocess.run(
            ["openssl", *REQUEST, *NAME, *identity], cwd=folder, check=True, capture_output=True
        )
        serve = ["openssl", "s_server", "-www", "-quiet", "-accept", str(port)]
        serve += ["-cert", "cert.pem", "-key", "key.pem"]
        with running("s_server", serve, port, folder) as peer:
            yield peer.target


def commands(python: Path, sslyze: Path, target: str, *, sniffing: bool) -> dict[str, Command]:
    """What to time against one server."""
    tlsclose = script(python, "tlsclose")
    found = {
        name: Command(argv=(tlsclose, "probe", target, "--format", form, "--capture", capture))
        for name, (form, capture) in CAPTURES.items()
        if sniffing or capture != "sniff"
    }
    for scan in SCANS:
        found[SSLYZE + scan] = Command(argv=(str(sslyze), "-m", "sslyze", scan, target))
    return found


def peer(samples: Mapping[str, Sample]) -> str:
    """The name of sslyze's fastest scan."""
    return min(filter(is_peer, samples), key=lambda name: statistics.median(samples[name].walls))


def is_peer(name: str) -> bool:
    """Whether a command is one of sslyze's."""
    return name.startswith(SSLYZE)


def goals(samples: Mapping[str, Sample]) -> list[Goal]:
    """What the figures must keep to."""
    fastest = peer(samples)
    return [
        Goal(
            name=f"{name} to {fastest}",
            figure=ratio(samples[name].walls, samples[fastest].walls),
            limit=limit,
            strict=strict,
        )
        for name, (limit, strict) in TO_SSLYZE.items()
        if name in samples
    ]
