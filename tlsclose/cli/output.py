"""Where reports go: standard output in one format, and files in any."""

import threading
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self, assert_never, cast

from tlsclose.cli.files import AtomicFile, check_distinct
from tlsclose.cli.sinks import Destination, JsonlSink, JsonSink, Sink, TextSink
from tlsclose.cli.stdout import ReportStdout
from tlsclose.cli.table_sink import Table, TableSink
from tlsclose.core.frozen import dataclass
from tlsclose.core.report import Report, Summary
from tlsclose.core.verdict import Severity

if TYPE_CHECKING:
    from tlsclose.net.settings import CaptureSettings


class Format(StrEnum):
    """The formats that reports can be written in."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One `--output FORMAT=FILE`."""

    format: Format
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How the user wants to see the reports of a run."""

    format: Format = Format.TEXT
    outputs: tuple[OutputFile, ...] = ()
    fail_on: Severity = Severity.WARNING
    color: str = "auto"
    verbosity: int = 0
    """-1 for `-q`, else the number of `-v`."""


class Reporter:
    """Takes every report of a run once and writes it to standard output and to the files.

    With `ordered`, only the formats that stream are written as reports end; the others wait for
    `finish` and its reports in their proper order. With `table`, text is the observer's table
    instead of a timeline for each report. Leaving the block by an exception leaves no
    file behind. Thread-safe. Raises UsageError at once where a file cannot be written.
    """

    def __init__(
        self,
        show: Presentation,
        capture: "CaptureSettings | None" = None,
        *,
        ordered: bool,
        timelines: int | None = None,
        table: Table | None = None,
    ) -> None:
        check_distinct(_paths(show, capture))
        self._ordered = ordered
        self._lock = threading.Lock()
        self._stdout = ReportStdout()
        self._files = [AtomicFile(output.path, "--output") for output in show.outputs]
        wanted = _Text(verbosity=show.verbosity, timelines=timelines, table=table)
        self._sinks: list[Sink] = [
            _sink(output.format, file.open, "never", wanted)
            for output, file in zip(show.outputs, self._files, strict=True)
        ]
        self._sinks.append(_sink(show.format, self._standard, show.color, wanted))

    def _standard(self) -> IO[str]:
        return cast("IO[str]", self._stdout)

    @property
    def reader_gone(self) -> bool:
        """Whether nobody reads standard output any more."""
        return self._stdout.reader_gone

    def take(self, report: Report) -> None:
        """A report that has just ended."""
        with self._lock:
            for sink in self._sinks:
                if sink.streams or not self._ordered:
                    sink.add(report)

    def finish(self, reports: Sequence[Report] = (), summary: Summary | None = None) -> None:
        """Complete every output. With `ordered`, `reports` are all of the run, in order."""
        with self._lock:
            for sink in self._sinks:
                if self._ordered and not sink.streams:
                    for report in reports:
                        sink.add(report)
                sink.close(reports, summary)
            for file in self._files:
                file.commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.discard()


def _paths(show: Presentation, capture: "CaptureSettings | None") -> Iterator[Path]:
    if capture is not None:
        yield from filter(None, (capture.pcap, capture.keylog))
    yield from (output.path for output in show.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """How text is written, wherever it goes."""

    verbosity: int
    timelines: int | None
    table: Table | None


def _sink(kind: Format, destination: Destination, color: str, text: _Text) -> Sink:
    match kind:
        case Format.TEXT if text.table is not None:
            return TableSink(destination, text.table, color=color, verbosity=text.verbosity)
        case Format.TEXT:
            return TextSink(
                destination, color=color, verbosity=text.verbosity, timelines=text.timelines
            )
        case Format.JSON:
            return JsonSink(destination)
        case Format.JSONL:
            return JsonlSink(destination)
        case _:
            assert_never(kind)
