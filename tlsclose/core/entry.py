"""The shape of an explanation of one verdict code."""

from tlsclose.core.frozen import dataclass
from tlsclose.core.verdict import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One verdict code, explained to the person who has to act on it."""

    code: Code
    title: str
    """One line without a full stop."""
    meaning: str
    why: str
    """What can go wrong because of it."""
    causes: tuple[str, ...]
    """The likeliest first."""
    next_steps: tuple[str, ...]
    """What to do, the most useful first; each begins with who it is for or with a command."""
    users_see: tuple[str, ...]
    """What other TLS stacks say, as `stack "exact text"`."""
    rules: tuple[str, ...]
    """`RFC number section: the rule in our words`."""
