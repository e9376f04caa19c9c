"""The shape of one error text that a TLS stack prints about a close, and how texts compare."""

import re
from typing import Final

from tlsclose.core.frozen import dataclass
from tlsclose.core.verdict import Code

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_NOISE: Final = re.compile(r"[^a-z0-9]+")
LONGEST: Final = 65536
"""Characters of a pasted text that are looked at."""

AWAIT: Final = "tlsclose probe HOST:PORT --scenario await"
PROBE: Final = "tlsclose probe HOST:PORT"
REPEAT: Final = "tlsclose probe HOST:PORT --repeat 20"
HALF_CLOSE: Final = "tlsclose probe HOST:PORT --scenario half-close"
LISTEN: Final = "tlsclose listen --port 0, and point the client at it"

NO_NOTIFY: Final = (Code.PREMATURE_CLOSE, Code.INCOMPLETE_CLOSE)
RST: Final = (Code.RESET, Code.RESET_AFTER_CLOSE, Code.DATA_LOST)
SHORT: Final = (Code.DATA_LOST, Code.PREMATURE_CLOSE, Code.HALF_CLOSE_CUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorText:
    """One error as a stack words it."""

    stack: str
    text: str
    """The wording, without line numbers and addresses."""
    means: str
    codes: tuple[Code, ...]
    """The verdicts it may correspond to, the likeliest first; empty for local misuse."""
    settle: str
    """A tlsclose command that tells which."""
    needles: tuple[str, ...]
    """Any one of these, as whole words in this order, identifies the error."""


def words(text: str) -> str:
    """`text` as lower-case words between single spaces, so that only the words count.

    Colours, punctuation, quotes and underscores go: `[SSL: UNEXPECTED_EOF]` equals `ssl
    unexpected eof`.
    """
    plain = _ESCAPES.sub("", text[:LONGEST]).lower()
    return f" {_NOISE.sub(' ', plain).strip()} "


def found_needle(error: ErrorText, pasted: str) -> str:
    """The longest needle found in `pasted` (made by `words`), as words; empty where none is."""
    needles = (words(needle) for needle in error.needles)
    return max((needle for needle in needles if needle in pasted), key=len, default="")
