"""What is in `pcaps/` leads to its report again: from the packets and the keys among them.

The wire alone cannot know what the run waited for in vain, nor how the message was framed: these
two are taken from the report. In `without-keys/` is the same once more without the keys.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from tests.pcaps import pcapng
from tlsclose.core.classify import Judgement, judge
from tlsclose.core.event import Event, Kind, Side, Source, ordered
from tlsclose.core.message import Framing, Message
from tlsclose.core.verdict import Code
from tlsclose.net.observed import Observed, assemble_observed
from tlsclose.report import schema
from tlsclose.wire.follower import ConnectionFollower, Followed
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import Segment, decode

PCAPS: Final = Path(__file__).parents[2] / "pcaps"
CAPTURES: Final = sorted(PCAPS.glob("*.pcapng"))
TWINS: Final = sorted(PCAPS.glob("without-keys/*.pcapng"))
MAX_BYTES: Final = 16_384
WITHHELD: Final = frozenset({Code.CAPTURE_INCOMPLETE, Code.UNDETERMINED})
"""No live run comes to these: its own TLS API testifies."""
INFERRED: Final = frozenset(
    {"clean", "incomplete-close", "premature-close", "reset", "reset-after-close"}
)
"""What can be told without keys of a close of the usual shape."""

every_capture = pytest.mark.parametrize(
    "path", [*CAPTURES, *TWINS], ids=lambda path: str(path.relative_to(PCAPS))
)
every_twin = pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A capture and the report of the run that wrote it."""

    packets: tuple[tuple[int, Segment], ...]
    """Nanoseconds since the report's start, and the segment."""
    keys: tuple[str, ...]
    document: dict[str, Any]

    @property
    def report(self) -> dict[str, Any]:
        (report,) = self.document["reports"]
        return report


@cache
def recorded(path: Path) -> Recorded:
    document = json.loads(path.with_suffix(".json").read_text())
    started = _ns(document["reports"][0]["started_at"])
    capture = pcapng.read(path)
    packets = []
    for frame in capture.frames:
        segment = decode(frame)
        assert segment is not None
        assert frame.original_length == len(frame.data)
        packets.append((frame.at_ns - started, segment))
    return Recorded(packets=tuple(packets), keys=tuple(capture.keys), document=document)


def _ns(text: str) -> int:
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def follow(run: Recorded, *, with_keys: bool) -> Followed:
    keys = KeyLog()
    assert all(keys.add_line(line) for line in run.keys if with_keys)
    follower = ConnectionFollower(keys)
    for number, (at_ns, segment) in enumerate(run.packets, 1):
        follower.segment(at_ns, number, segment)
    return follower.finish()


def judged(run: Recorded) -> Judgement:
    followed = follow(run, with_keys=True)
    version = followed.negotiated.version if followed.negotiated else None
    return judge(
        ordered((*followed.events, *timeouts(run.report))),
        version=version,
        message=message(run.report),
    )


def timeouts(report: dict[str, Any]) -> list[Event]:
    return [
        Event(
            at_ns=event["at_ns"],
            sender=Side(event["sender"]),
            kind=Kind.TIMEOUT,
            source=Source(event["source"]),
            detail=event["detail"],
            waited_ns=event["waited_ns"],
        )
        for event in report["events"]
        if event["kind"] == Kind.TIMEOUT
    ]


def message(report: dict[str, Any]) -> Message | None:
    told = report["message"]
    if told is None:
        return None
    made = {"sender": Side(told["sender"]), "framing": Framing(told["framing"])}
    return Message(**{**told, **made, "note": told["note"] or ""})


def story(judgement: Judgement) -> dict[str, Any]:
    """What must come out the same."""
    verdict, close = judgement.verdict, judgement.teardown
    return {
        "code": verdict.code,
        "severity": verdict.severity,
        "blame": verdict.blame,
        "truncation_risk": verdict.truncation_risk,
        "confidence": verdict.confidence,
        "rule": verdict.rule,
        "first_closer": close.first_closer,
        "halves": (close.client.half, close.server.half),
    }


def told(report: dict[str, Any]) -> dict[str, Any]:
    verdict, close = report["verdict"], report["close"]
    keys = ("code", "severity", "blame", "truncation_risk", "confidence", "rule")
    return {
        **{key: verdict[key] for key in keys},
        "first_closer": close["first_closer"],
        "halves": (close["client"]["half"], close["server"]["half"]),
    }


def code(path: Path) -> str:
    """What a capture's report says."""
    return str(recorded(path).report["verdict"]["code"])


def test_every_verdict_has_a_capture() -> None:
    assert {code(path) for path in CAPTURES} == set(Code)


def test_captures_and_reports_go_in_pairs() -> None:
    captures = sorted(PCAPS.rglob("*.pcapng"))
    assert sorted(PCAPS.rglob("*.json")) == [path.with_suffix(".json") for path in captures]
    assert captures == sorted([*CAPTURES, *TWINS])


def test_every_capture_with_keys_has_a_twin_without() -> None:
    keyed = [path for path in CAPTURES if recorded(path).keys]
    assert [path.name for path in TWINS] == [path.name for path in keyed]
    for path, twin in zip(keyed, TWINS, strict=True):
        assert pcapng.read(twin) == (pcapng.read(path).frames, [])


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_name_tells_verdict(path: Path) -> None:
    assert path.stem.startswith(f"{code(path)}-")


@every_capture
def test_name_tells_version(path: Path) -> None:
    report = recorded(path).report
    version = path.stem.rpartition("-tls")[2]
    assert version in ("12", "13")
    assert report["tls"]["version"] in (None, f"{version[0]}.{version[1]}")
    assert report["capture"]["path"] == path.name
    assert report["capture"]["packets"] == len(recorded(path).packets)


@every_capture
def test_report_keeps_to_the_schema(path: Path) -> None:
    jsonschema.validate(recorded(path).document, json.loads(schema.text()))


@every_capture
def test_capture_is_small(path: Path) -> None:
    assert path.stat().st_size <= MAX_BYTES


@every_capture
def test_packets_and_keys_lead_to_the_same_verdict(path: Path) -> None:
    run = recorded(path)
    assert story(judged(run)) == told(run.report)


@every_capture
def test_the_wire_tells_the_same_events_again(path: Path) -> None:
    run = recorded(path)
    again = [_brief(event) for event in follow(run, with_keys=True).events]
    before = [
        (event["kind"], event["sender"], event["source"], event["detail"], event["packet"])
        for event in run.report["events"]
        if event["packet"] is not None
    ]
    assert again == before


def _brief(event: Event) -> tuple[str, str, str, str, int | None]:
    return event.kind, event.sender, event.source, event.detail, event.packet


@every_capture
def test_an_observer_says_the_same_but_for_waits(path: Path) -> None:
    run = recorded(path)
    ends = (run.packets[0][1].src, run.packets[0][1].dst)
    seen = Observed(
        client=ends[0], server=ends[1], stream=0, started_ns=0, followed=follow(run, with_keys=True)
    )
    verdict = assemble_observed(seen, path=path.name).verdict
    assert verdict is not None
    waited = Code.CAPTURE_INCOMPLETE if code(path) == Code.NO_ANSWER else code(path)
    assert verdict.code == waited


@every_twin
def test_without_keys_the_verdict_is_the_same_or_withheld(path: Path) -> None:
    verdict = recorded(path).report["verdict"]
    assert verdict["code"] in {code(PCAPS / path.name), *WITHHELD}


def test_without_keys_every_close_of_the_usual_shape_is_told() -> None:
    told = {
        code(path) for path in TWINS if recorded(path).report["verdict"]["confidence"] == "inferred"
    }
    assert told - WITHHELD == INFERRED
