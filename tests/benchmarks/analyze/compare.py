"""Runs both tools for what they read, rather than for how long it takes them."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from tests.benchmarks.analyze import ours, tshark
from tests.benchmarks.analyze.agreement import Agreement, Reading, compare
from tests.benchmarks.measure import NEUTRAL, BenchmarkError


def agreement(
    tlsclose: str, shark: str, capture: Path, keys: Path | None, kept: Path | None = None
) -> Agreement:
    """Compare what both read from one capture; tshark's answer is kept in the folder `kept`."""
    return compare(_ours(tlsclose, capture, keys), _theirs(shark, capture, keys, kept))


def version(shark: str) -> str:
    """Of tshark."""
    done = subprocess.run([shark, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout)
    return found[0] if found else "unknown"


def _ours(tlsclose: str, capture: Path, keys: Path | None) -> Reading:
    command = ours.command(tlsclose, capture, keys, "jsonl")
    done = subprocess.run(command, capture_output=True, cwd=NEUTRAL, check=False)
    if done.returncode not in ours.JUDGED:
        raise BenchmarkError(
            f"tlsclose ended with {done.returncode}: {done.stderr.decode()[-500:]}"
        )
    reports = (json.loads(line) for line in done.stdout.splitlines())
    return ours.reading(report for report in reports if "connection" in report)


def _theirs(shark: str, capture: Path, keys: Path | None, kept: Path | None) -> Reading:
    command = tshark.careful(shark, capture, keys)
    if kept is None:
        with tempfile.TemporaryFile("w+") as answer:
            return tshark.reading(_answer(command, answer))
    place = kept / f"{capture.stem}.tshark-{version(shark)}.tsv"
    if not place.exists() or place.stat().st_mtime < capture.stat().st_mtime:
        unfinished = place.with_suffix(".part")
        with unfinished.open("w+") as answer:
            _answer(command, answer)
        unfinished.rename(place)
    with place.open() as lines:
        return tshark.reading(lines)


def _answer(command: list[str], answer: IO[str]) -> Iterable[str]:
    subprocess.run(command, stdout=answer, stderr=subprocess.DEVNULL, cwd=NEUTRAL, check=True)
    answer.seek(0)
    return answer
