"""How tlsclose is asked, and how its JSON reads."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.analyze.agreement import Reading, Seen, Sign

FORMATS: Final = ("text", "json", "jsonl")
SIGNS: Final = frozenset(Sign)
JUDGED: Final = frozenset({0, 1})
"""Exit codes of a run that read the whole capture."""


def command(program: str, capture: Path, keys: Path | None, form: str) -> list[str]:
    """As a person types it."""
    with_keys = ["--keylog", str(keys)] if keys else []
    return [program, "analyze", *with_keys, "--format", form, str(capture)]


def reading(reports: Iterable[Mapping[str, Any]]) -> Reading:
    """Read the reports of one capture."""
    seen: list[Seen] = []
    versions: dict[int, str] = {}
    for report in reports:
        connection = report["connection"]
        stream = connection["stream"]
        version = (report["tls"] or {}).get("version")
        if version:
            versions[stream] = version
        seen += [
            Seen(
                stream=stream,
                sender=connection[event["sender"]],
                sign=Sign(event["kind"]),
                packet=event["packet"],
            )
            for event in report["events"]
            if event["kind"] in SIGNS
        ]
    return Reading(seen=tuple(seen), versions=versions)
