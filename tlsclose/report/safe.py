"""The one place where text from a peer, a file or another library is made safe to show.

Whatever reaches a terminal, a log or an XML file can style it, move its cursor or reorder its
text. So every renderer takes its Report through `sealed` first, or each text that it shows
through `clean`: what is not a plain visible character is written as an escape (`\\x1b`,
`\\u202e`), on one line and of bounded length.
"""

import dataclasses
from collections.abc import Callable
from enum import Enum
from functools import lru_cache, partial
from typing import Any, Final

from tlsclose.core.report import Report

LIMIT: Final = 500
"""Longest text kept, in characters."""

ELLIPSIS: Final = "…"

_INVISIBLE: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that draw nothing: fillers and the blank Braille pattern."""


def clean(text: str, limit: int = LIMIT) -> str:
    """Return `text` with everything but visible characters escaped, at most `limit` long.

    Escaped are controls (C0, C1, newlines), format characters (bidi overrides, zero width),
    surrogates, unassigned and private characters, separators other than the space, and combining
    marks (which pile up on their neighbours). Applying it twice changes nothing more.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit:
        return text
    escaped = "".join(map(_visible, text[: limit + 1]))
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + ELLIPSIS


@lru_cache(maxsize=4096)
def _visible(char: str) -> str:
    import unicodedata

    if char.isprintable() and char not in _INVISIBLE and unicodedata.category(char)[0] != "M":
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def sealed(report: Report) -> Report:
    """Return the report with every text in it made safe; itself where all was."""
    return _sealed_value(report)  # type: ignore[return-value]


_Way = Callable[[Any], Any]
"""Makes a value safe; returns the value itself where nothing in it had to change."""


@lru_cache(maxsize=256)
def _way(kind: type) -> _Way | None:
    """How values of a type are made safe; None where they hold no text that anybody else wrote."""
    if issubclass(kind, str):
        return None if issubclass(kind, Enum) else clean
    if issubclass(kind, tuple):
        return _sealed_items
    if not dataclasses.is_dataclass(kind):
        return None
    return partial(_sealed_fields, tuple(field.name for field in dataclasses.fields(kind)))


def _sealed_value(value: object) -> object:
    kind: type = type(value)
    seal = _way(kind)
    return value if seal is None else seal(value)


def _sealed_items(values: tuple[object, ...]) -> tuple[object, ...]:
    found = [_sealed_value(value) for value in values]
    same = all(after is before for after, before in zip(found, values, strict=True))
    return values if same else tuple(found)


def _sealed_fields(names: tuple[str, ...], value: Any) -> Any:  # noqa: ANN401
    changed = {}
    for name in names:
        before = getattr(value, name)
        after = _sealed_value(before)
        if after is not before:
            changed[name] = after
    return dataclasses.replace(value, **changed) if changed else value
