"""What a run ends with: the exit code, from all its reports.

Where several apply the worse one wins: 4 > 2 > 1 > 3 > 0. What could not be observed never counts
as clean.
"""

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from tlsclose.core.verdict import Severity

if TYPE_CHECKING:
    from tlsclose.core.report import Report

UNOBSERVED: Final = "unobserved"
"""What a report without a verdict is counted as."""


class ExitCode(IntEnum):
    """The exit codes of the public contract."""

    OK = 0
    FINDING = 1
    USAGE = 2
    UNOBSERVED = 3
    BUG = 4
    INTERRUPTED = 130


MEANINGS: Final = {
    ExitCode.OK: "nothing at or above `--fail-on` (default `warning`)",
    ExitCode.FINDING: "a finding",
    ExitCode.USAGE: "wrong usage or configuration",
    ExitCode.UNOBSERVED: "something could not be observed (name, connect, handshake, unreadable "
    "capture, no TLS in it) and nothing worse; it never counts as clean",
    ExitCode.BUG: "a bug in tlsclose",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}


class Outcome:
    """Counts reports as they come; constant memory however many."""

    def __init__(self, fail_on: Severity = Severity.WARNING) -> None:
        self._fail_on = fail_on
        self._counts: Counter[str] = Counter()
        self._found = False

    def add(self, report: "Report") -> None:
        """Take one report into account."""
        if report.verdict is None:
            self._counts[UNOBSERVED] += 1
            return
        self._counts[report.verdict.code.value] += 1
        self._found |= is_finding(report, self._fail_on)

    @property
    def counts(self) -> dict[str, int]:
        """How many reports of each verdict code and of `unobserved`, the most frequent first."""
        return dict(self._counts.most_common())

    @property
    def total(self) -> int:
        return self._counts.total()

    @property
    def exit_code(self) -> ExitCode:
        """0, 1 or 3."""
        if self._found:
            return ExitCode.FINDING
        return ExitCode.UNOBSERVED if self._counts[UNOBSERVED] else ExitCode.OK


def is_finding(report: "Report", fail_on: Severity) -> bool:
    """Whether the verdict, or a warning beside it, is at or above `fail_on`.

    Not where the scenario set out to provoke the verdict. Notes beside a verdict never count.
    """
    if report.verdict is None or report.provoked:
        return False
    beside = max((finding.severity.rank for finding in report.findings), default=0)
    warned = beside if beside >= Severity.WARNING.rank else 0
    return max(report.verdict.severity.rank, warned) >= fail_on.rank


def exit_code(reports: Iterable["Report"], fail_on: Severity = Severity.WARNING) -> ExitCode:
    """The exit code of a finished run."""
    outcome = Outcome(fail_on)
    for report in reports:
        outcome.add(report)
    return outcome.exit_code
