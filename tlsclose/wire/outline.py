"""What a connection comes to where nobody asked for events."""

from tlsclose.core.frozen import dataclass
from tlsclose.core.record import TlsVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What the wire knows of one connection, in brief."""

    facts: tuple[int, ...]
    """By `core.facts`, in the order of time."""
    version: TlsVersion | None
    sni: str | None
    packets: int
    reset_notes: tuple[str, ...]
    """Of the resets among the facts, as far as they have one."""
    notes: tuple[str, ...]
    """As `Followed` has them."""
