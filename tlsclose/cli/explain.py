"""`tlsclose explain`: what a code or an error text means, and what to do."""

import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

import click

from tlsclose.cli.output import Format
from tlsclose.cli.presentation import plain_format
from tlsclose.core.error_text import LONGEST
from tlsclose.core.explain import Entry, ErrorText, entries, entry, match_error
from tlsclose.core.finding_notes import FINDING_NOTES, FindingNote
from tlsclose.core.frozen import dataclass
from tlsclose.core.verdict import SEVERITY, Code
from tlsclose.errors import UsageError

WIDTH: Final = 80
SCHEMA_VERSION: Final = 1


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, metavar="[CODE|ERROR TEXT]")
@plain_format
def explain(*, words: tuple[str, ...], format_: str) -> int:
    """Explain a verdict code, a finding's code, or an error text pasted from any TLS stack.

    Without an argument the codes are listed. - reads the error text from standard input.
    """
    asked = _pasted() if words == ("-",) else " ".join(words)
    known = _look_up(asked) if words else Known(entries=entries())
    if format_ == Format.JSON:
        click.echo(_document(known))
    elif not words:
        click.echo("\n".join(_listed(item) for item in known.entries))
    else:
        click.echo("\n".join(_pages(known)))
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known about the thing asked for."""

    entries: tuple[Entry, ...] = ()
    findings: tuple[FindingNote, ...] = ()
    errors: tuple[ErrorText, ...] = ()


def _pasted() -> str:
    if sys.stdin is None:
        raise UsageError("standard input is closed; name a code or an error text")
    return sys.stdin.buffer.read(LONGEST).decode("utf-8", "replace")


def _look_up(asked: str) -> Known:
    name = "-".join(asked.replace("_", " ").lower().split())
    if name in set(Code):
        return Known(entries=(entry(Code(name)),))
    if name in FINDING_NOTES:
        return Known(findings=(FINDING_NOTES[name],))
    errors = match_error(asked)
    if errors:
        return Known(errors=errors)
    raise UsageError(_unknown(name))


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name[:80], [*Code, *FINDING_NOTES], n=1)
    if close:
        return f"no such code; did you mean 'tlsclose explain {close[0]}'?"
    return "neither a verdict code nor a known error text; 'tlsclose explain' lists the codes"


def _listed(item: Entry) -> str:
    return f"{item.code:<20}{SEVERITY[item.code]:<9}{item.title}"


def _pages(known: Known) -> Iterator[str]:
    for item in known.entries:
        yield from _entry_page(item)
    for note in known.findings:
        yield note.code
        yield from _wrapped(note.meaning)
        yield from _wrapped(note.next_step)
    for number, error in enumerate(known.errors):
        if number:
            yield ""
        yield from _error_page(error)


def _entry_page(item: Entry) -> Iterator[str]:
    yield f"{item.code} ({SEVERITY[item.code]})"
    yield f"  {item.title}"
    yield ""
    yield from _wrapped(item.meaning)
    yield from _wrapped(item.why)
    for heading, lines in (
        ("likely causes", item.causes),
        ("what to do", item.next_steps),
        ("what users see", item.users_see),
        ("rules", item.rules),
    ):
        yield ""
        yield heading
        for line in lines:
            yield from _wrapped(line, first="- ")


def _error_page(error: ErrorText) -> Iterator[str]:
    yield f"{error.stack}: {error.text}"
    yield from _wrapped(error.means)
    yield from _wrapped(f"verdict  {', '.join(error.codes)}")
    yield from _wrapped(f"settle   {error.settle}")


def _wrapped(text: str, *, first: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"  {first}",
        subsequent_indent=" " * (2 + len(first)),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _document(known: Known) -> str:
    return json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "entries": [
                {**asdict(item), "severity": SEVERITY[item.code]} for item in known.entries
            ],
            "findings": [asdict(note) for note in known.findings],
            "errors": [_error_fields(error) for error in known.errors],
        },
        indent=2,
    )


def _error_fields(error: ErrorText) -> dict[str, object]:
    fields = asdict(error)
    del fields["needles"]
    return fields
