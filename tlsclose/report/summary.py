"""Many reports in a table of one line each, and their count by verdict."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from tlsclose.core.outcome import UNOBSERVED
from tlsclose.core.report import Report
from tlsclose.report.amount import duration, plural
from tlsclose.report.fitting import fitted, wrapped
from tlsclose.report.glyphs import Glyphs
from tlsclose.report.header import name
from tlsclose.report.safe import sealed
from tlsclose.report.styles import SEVERITY_STYLES, UNOBSERVED_STYLE
from tlsclose.report.unobserved import unobserved

COLUMNS: Final = ("target", "scenario", "verdict", "blame", "risk", "answer")
NONE: Final = "-"
_NARROWEST_TARGET: Final = 12
_WIDEST_CELL: Final = 24


def summary_lines(reports: Sequence[Report], *, width: int, glyphs: Glyphs) -> Iterator[Text]:
    """A header, one line for each report, then the counts."""
    rows = [(report, _cells(report)) for report in map(sealed, reports)]
    widths = _widths([COLUMNS, *(cells for _, cells in rows)], width, glyphs)
    yield _line(COLUMNS, widths, glyphs, "bold", width)
    for report, cells in rows:
        yield _line(cells, widths, glyphs, _style(report), width)
    for line in wrapped(_counts(reports), width - 1, glyphs):
        yield Text(f" {line}", "bold")


def _cells(report: Report) -> tuple[str, ...]:
    start = (name(report), report.scenario or NONE)
    verdict = report.verdict
    if verdict is None:
        return (*start, unobserved(report))
    return (
        *start,
        verdict.code.value + (" *" if report.provoked else ""),
        verdict.blame.value if verdict.blame else NONE,
        verdict.truncation_risk.value,
        _answer(report),
    )


def _answer(report: Report) -> str:
    """How long the peer took; how long our own side took tells nothing of the peer."""
    close = report.close
    if close is None or close.answer_ns is None or close.first_closer is None:
        return NONE
    return NONE if close.first_closer.other is report.role.side else duration(close.answer_ns)


def _widths(rows: Sequence[tuple[str, ...]], width: int, glyphs: Glyphs) -> list[int]:
    """Every column as wide as it needs to be; the target takes, or gives, the rest."""
    full = [row for row in rows if len(row) == len(COLUMNS)]
    widths = [
        min(max(cell_len(glyphs.text(row[at])) for row in full), _WIDEST_CELL)
        for at in range(len(COLUMNS))
    ]
    widths[1] = max(widths[1], *(min(cell_len(row[1]), _WIDEST_CELL) for row in rows))
    longest = max(cell_len(glyphs.text(row[0])) for row in rows)
    room = width - 1 - sum(widths[1:]) - 2 * (len(COLUMNS) - 1)
    widths[0] = min(longest, max(room, _NARROWEST_TARGET))
    return widths


def _line(
    cells: tuple[str, ...], widths: list[int], glyphs: Glyphs, style: str, width: int
) -> Text:
    """Cells two apart; where there are fewer than columns the last one runs on."""
    last = len(cells) - 1
    line = Text(" ")
    for at, cell in enumerate(cells):
        room = widths[at] if at < last else max(width - line.cell_len, 1)
        line.append(
            fitted(cell, room, glyphs).rstrip()
            if at == last
            else fitted(cell, room, glyphs) + "  ",
            style if at in (2, last) else "",
        )
    line.truncate(width)
    return line


def _style(report: Report) -> str:
    if report.verdict is None:
        return UNOBSERVED_STYLE
    return "dim" if report.provoked else SEVERITY_STYLES[report.verdict.severity]


def _counts(reports: Sequence[Report]) -> str:
    counts = Counter(
        report.verdict.code.value if report.verdict else UNOBSERVED for report in reports
    )
    told = ", ".join(f"{count} {code}" for code, count in counts.most_common())
    starred = "  * on purpose" if any(report.provoked for report in reports) else ""
    return f"{plural(len(reports), 'connection')}: {told}{starred}"
