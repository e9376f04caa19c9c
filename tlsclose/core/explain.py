"""What each verdict code means, why it matters and what to do about it: text as data.

`entry` answers for a verdict code; `match_error` (from `error_texts`) for an error text that a
user pasted. The sections cited are those of RFC 9846 for TLS 1.3 and RFC 5246 for TLS 1.2.
"""

from typing import Final

from tlsclose.core import entries_harmful, entries_other
from tlsclose.core.entry import Entry
from tlsclose.core.error_text import ErrorText
from tlsclose.core.error_texts import match_error
from tlsclose.core.verdict import Code

__all__ = ["Entry", "ErrorText", "entries", "entry", "match_error"]

_BY_CODE: Final = {item.code: item for item in (*entries_other.TABLE, *entries_harmful.TABLE)}


def entry(code: Code) -> Entry:
    """The explanation of one verdict code. Every code has one."""
    return _BY_CODE[code]


def entries() -> tuple[Entry, ...]:
    """Every explanation, in the order of the codes."""
    return tuple(_BY_CODE[code] for code in Code)
