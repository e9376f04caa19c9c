"""What a user chose for a run over captures: nothing here needs the network's settings."""

from pathlib import Path

from tlsclose.core.frozen import dataclass
from tlsclose.core.verdict import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzeSettings:
    """Which connections of a capture to report; None and empty mean every one."""

    keylogs: tuple[Path, ...] = ()
    """Key logs to read, beside the keys that a capture has embedded."""
    stream: int | None = None
    """Number of the connection in its file, from 0."""
    end: tuple[str, int] | None = None
    """Address and port of either end."""
    host: str | None = None
    """Address of either end, or the server name that the client asked for."""
    port: int | None = None
    """Port of either end."""
    verdicts: frozenset[Code] = frozenset()
    outline: bool = False
    """Report no events, and no evidence that points at them: a table's line needs neither."""
    processes: int | None = 1
    """How many may share the work, where it is worth it; None: as many as there are processors.
    Processes are forked, which a program with threads of its own may not want."""
