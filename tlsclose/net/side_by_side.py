"""Several targets at once, each one's runs in turn, their reports to one place.

Threads, and daemons at that: a name server or a connect that does not answer must hold up neither
Ctrl-C nor the end of the process.
"""

import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final

from tlsclose.core.report import Report

POLL_S: Final = 0.1
FAREWELL_S: Final = 1.0
"""How long abandoned work may take to come to an end."""

_Work = Callable[[int, int], Report]
"""Takes the number of the target and of its run."""
_Outcome = tuple[int, Report] | BaseException | None


def side_by_side(
    targets: int,
    runs: int,
    *,
    parallel: int,
    work: _Work,
    on_report: Callable[[Report], None],
    stop: Event,
    abandon: Callable[[], None],
) -> tuple[Report, ...]:
    """Do all runs of all targets; return the reports in the order of the targets.

    `on_report` hears of each as it ends, on the caller's thread. `stop` ends everything at once:
    work under way is told to `abandon` itself and does not count. What `work` raises is raised.
    """
    crew = _Crew(targets, runs, work)
    threads = [
        Thread(target=crew.labour, name=f"probe-{number}", daemon=True)
        for number in range(min(parallel, targets))
    ]
    try:
        for thread in threads:
            thread.start()
        return crew.collect(len(threads), on_report, stop)
    finally:
        crew.over.set()
        if any(thread.is_alive() for thread in threads):
            abandon()
        farewell = time.monotonic() + FAREWELL_S
        for thread in threads:
            thread.join(max(0.0, farewell - time.monotonic()))


class _Crew:
    def __init__(self, targets: int, runs: int, work: _Work) -> None:
        self._todo = deque(range(targets))
        self._reports: list[list[Report]] = [[] for _ in range(targets)]
        self._runs = runs
        self._work = work
        self._outcomes: SimpleQueue[_Outcome] = SimpleQueue()
        self.over = Event()

    def labour(self) -> None:
        try:
            while not self.over.is_set():
                self._one_target(self._todo.popleft())
        except IndexError:
            self._outcomes.put(None)
        except BaseException as error:  # noqa: BLE001  # raised again by `collect`
            self._outcomes.put(error)

    def _one_target(self, number: int) -> None:
        for run in range(self._runs):
            report = self._work(number, run)
            if self.over.is_set():
                return
            self._outcomes.put((number, report))

    def collect(
        self, workers: int, on_report: Callable[[Report], None], stop: Event
    ) -> tuple[Report, ...]:
        while workers and not stop.is_set():
            try:
                outcome = self._outcomes.get(timeout=POLL_S)
            except Empty:
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome is None:
                workers -= 1
                continue
            number, report = outcome
            self._reports[number].append(report)
            on_report(report)
        return tuple(report for reports in self._reports for report in reports)
