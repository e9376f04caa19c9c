"""The parts of the README that are generated: tables of the code's own data, and real output.

`python -m tests.readme` writes them anew; a test keeps them equal.
"""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlsclose.core import explain, outcome, procedure
from tlsclose.core.verdict import SEVERITY
from tlsclose.net.scenario import SCENARIOS

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- (table|run): (.+?) -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def verdicts() -> str:
    rows = [(f"`{item.code}`", SEVERITY[item.code], item.title) for item in explain.entries()]
    return table(("code", "severity", "meaning"), rows)


def scenarios() -> str:
    rows = [(f"`{item.name}`", item.summary) for item in SCENARIOS.values()]
    return table(("name", "what our side does"), rows)


def steps() -> str:
    rows = [(f"`{name}`", *calls) for name, calls in procedure.CALLS.items()]
    return table(("step", "Schannel", "OpenSSL"), rows)


def schannel() -> str:
    """What Schannel's own calls returned in a recorded run; a test repeats the run."""
    recorded = Path(__file__).parent / "schannel" / "steps.json"
    steps = json.loads(recorded.read_text(encoding="utf-8"))
    rows = [(f"`{step['name']}`", f"`{step['call']}`", _returned(step)) for step in steps]
    return table(("step", "call", "returned"), rows)


def _returned(step: dict[str, Any]) -> str:
    first, *details = step["native"].split("; ")
    said = f"`{step['status']}`" if step["call"] == "send" else f"`{first}`"
    if step["call"] == "send":
        details = [f"{step['bytes']} bytes"]
    return ", ".join([said, *details])


def exits() -> str:
    rows = [(f"`{code.value}`", text) for code, text in outcome.MEANINGS.items()]
    return table(("code", "meaning"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "verdicts": verdicts,
    "scenarios": scenarios,
    "steps": steps,
    "schannel": schannel,
    "exits": exits,
}


def output(command: str) -> str:
    """What a command prints, as a console block."""
    words = shlex.split(command)
    done = subprocess.run(
        [sys.executable, "-m", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=README.parent,
    )
    return f"```console\n$ {command}\n{done.stdout.rstrip()}\n```\n"


def regenerated(text: str) -> str:
    """The README with every generated block made anew."""

    def block(match: re.Match[str]) -> str:
        head, kind, name, _, end = match.groups()
        return head + (TABLES[name]() if kind == "table" else output(name)) + end

    return BLOCK.sub(block, text)


if __name__ == "__main__":
    README.write_text(regenerated(README.read_text(encoding="utf-8")), encoding="utf-8")
