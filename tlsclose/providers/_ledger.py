"""How many native things are held: every one that is taken is given back, on every path.

What Windows hands out is freed by an explicit call, and a forgotten one shows nowhere. So each is
wrapped in an `Owned` that frees it once, at the latest when Python drops the wrapper, and the
ledger counts. `LEDGER.live()` is empty when nothing is held.
"""

import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final


class Ledger:
    """Counts by kind. Safe to use from several threads at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._live: Counter[str] = Counter()
        self._taken: Counter[str] = Counter()

    def take(self, kind: str) -> None:
        with self._lock:
            self._live[kind] += 1
            self._taken[kind] += 1

    def give(self, kind: str) -> None:
        with self._lock:
            self._live[kind] -= 1

    def live(self) -> Mapping[str, int]:
        """What is held now; kinds of which none is held are left out."""
        with self._lock:
            return {kind: count for kind, count in self._live.items() if count}

    def taken(self) -> Mapping[str, int]:
        """What was ever taken."""
        with self._lock:
            return dict(self._taken)


LEDGER: Final = Ledger()
"""Of this process."""


class Owned:
    """A native thing and the call that frees it.

    `free` must not refer to the wrapper itself, or it would live on.
    """

    def __init__(self, kind: str, free: Callable[[], object], ledger: Ledger = LEDGER) -> None:
        ledger.take(kind)
        self._finalizer = weakref.finalize(self, _free, kind, free, ledger)

    def release(self) -> object:
        """Free it and return what the call returned; None where that was done before."""
        return self._finalizer()


def _free(kind: str, free: Callable[[], object], ledger: Ledger) -> object:
    try:
        return free()
    finally:
        ledger.give(kind)
