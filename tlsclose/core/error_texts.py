"""Which known errors a text pasted from any TLS stack contains.

Two traps. Schannel's SEC_I_CONTEXT_EXPIRED and SEC_E_CONTEXT_EXPIRED share one text and mean
opposite things. And "connection reset" says that an RST came, not who is at fault.
"""

from typing import Final

from tlsclose.core import error_texts_libraries, error_texts_platforms
from tlsclose.core.error_text import ErrorText, found_needle, words

TABLE: Final = (*error_texts_libraries.TABLE, *error_texts_platforms.TABLE)


def match_error(text: str) -> tuple[ErrorText, ...]:
    """The known errors in a pasted text, the most specific first; empty where none is known.

    Case, punctuation, colours, prefixes and line numbers do not matter. An error whose words are
    part of a longer one that was found as well is left out.
    """
    pasted = words(text)
    found = [(needle, error) for error in TABLE if (needle := found_needle(error, pasted))]
    found.sort(key=lambda pair: -len(pair[0]))
    needles = [needle for needle, _ in found]
    return tuple(
        error
        for needle, error in found
        if not any(needle in other and needle != other for other in needles)
    )
