"""What must hold of every report, whatever the input was."""

import io
import json
from functools import cache

import jsonschema

from tlsclose.cli.sinks import JsonSink
from tlsclose.cli.table_sink import Table, TableSink
from tlsclose.core.event import Kind, Source
from tlsclose.core.report import Report, Summary
from tlsclose.core.verdict import Code, Confidence
from tlsclose.report import schema
from tlsclose.wire.event_log import MAX_EVENTS

CROWDS = 200
"""Events past `MAX_EVENTS`: one for each side, kind and alert between two milestones."""
_PROTECTED = frozenset({Source.DECRYPTED, Source.PROVIDER})


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(schema.text()))


class Outputs:
    """Every renderer of `analyze`, into memory."""

    def __init__(self) -> None:
        self._streams = [io.StringIO() for _ in range(4)]
        table, timelines = Table(captures=2), Table(captures=2, timelines=True)
        self._sinks = [
            TableSink(lambda: self._streams[0], table, color="never", verbosity=1),
            TableSink(lambda: self._streams[1], timelines, color="never", verbosity=0),
            TableSink(lambda: self._streams[2], timelines, color="never", verbosity=2),
            JsonSink(lambda: self._streams[3]),
        ]

    def add(self, report: Report) -> None:
        """Render one report, and check it."""
        check_report(report)
        for sink in self._sinks:
            sink.add(report)

    def finish(self, summary: Summary) -> None:
        """Complete and check what was written."""
        for sink in self._sinks:
            sink.close((), summary)
        *texts, document = (stream.getvalue() for stream in self._streams)
        for text in texts:
            check_text(text)
        check_json(document)


def check_text(text: str) -> None:
    """Nothing that styles a terminal or moves its cursor."""
    assert text.replace("\n", "").isprintable(), "a control character in the text"


def check_json(text: str) -> None:
    """Valid against the schema that ships with the program."""
    _validator().validate(json.loads(text))
    assert "NaN" not in text


def check_report(report: Report) -> None:
    """Times, evidence, and what a verdict may claim."""
    times = [event.at_ns for event in report.events]
    assert times == sorted(times), "events out of order"
    assert all(at_ns >= 0 for at_ns in times), "an event before the beginning"
    for event in report.events:
        assert event.bytes >= 0
        assert event.count >= 1
        assert event.until_ns is None or event.until_ns >= event.at_ns, "a run that ends early"
    assert len(report.events) <= MAX_EVENTS + CROWDS, "the log has grown past its bound"
    if report.verdict is None:
        assert report.unobserved is not None
        return
    assert all(0 <= index < len(report.events) for index in report.verdict.evidence)
    if report.verdict.code is Code.CLEAN:
        _check_clean(report)


def _check_clean(report: Report) -> None:
    said = [event for event in report.events if event.kind is Kind.CLOSE_NOTIFY]
    assert {event.sender.value for event in said} == {"client", "server"}, "clean by one side"
    if report.verdict is not None and report.verdict.confidence is Confidence.PROVEN:
        protected = {event.sender for event in said if event.source in _PROTECTED}
        assert len(protected) == 2, "clean is proven by what anybody could have written"
