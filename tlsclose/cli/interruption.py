"""Ctrl-C as a request to end well: the first sets an event, the second gives up at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGBREAK")  # the last is Ctrl-Break on Windows
    if hasattr(signal, name)
)


class Interruption:
    """Whether the user wants the run to end. `stop` may also be set for other reasons."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.happened = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self.happened:
            raise KeyboardInterrupt
        self.happened = True
        self.stop.set()


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Turn Ctrl-C and a polite kill into `stop` for the block, where this is the main thread."""
    state = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield state
        return
    before = {number: signal.signal(number, state.on_signal) for number in _SIGNALS}
    try:
        yield state
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
