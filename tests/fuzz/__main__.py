"""Fuzzes one target after the other: `python -m tests.fuzz [--seconds N] [TARGET...]`.

Corpora and findings are kept in `.fuzz/`; exit code 1 where there is a finding.
"""

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS

FOLDER = Path(__file__).parents[2] / ".fuzz"
LIMITS = ("-timeout=20", "-rss_limit_mb=1500", "-max_len=65536", "-print_final_stats=1")


def main() -> int:
    """Fuzz; return 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    chosen = parser.parse_args()
    if unknown := set(chosen.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    found = [_fuzz(name, chosen.seconds) for name in chosen.targets or TARGETS]
    return int(any(found))


def _fuzz(name: str, seconds: int) -> bool:
    """Fuzz one target; tell whether it has findings, old ones included."""
    corpus = FOLDER / "corpus" / name
    findings = FOLDER / "findings" / name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds():
        (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    sys.stdout.write(f"--- {name}: {seconds} seconds\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "tests.fuzz.run", name, str(findings), str(corpus), *LIMITS]
    command += [f"-max_total_time={seconds}", f"-artifact_prefix={findings}/"]
    failed = subprocess.run(command, check=False).returncode != 0
    for path in sorted(findings.iterdir()):
        sys.stdout.write(f"finding: {path}\n")
    return failed or any(findings.iterdir())


if __name__ == "__main__":
    sys.exit(main())
