"""A connection's line says what its report says, as far as it says anything."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from tests.net.test_observed import (
    HALF_CLOSED,
    NEGOTIATED,
    OPENING,
    S,
    close,
    event,
    followed,
    seen,
)
from tests.pcaps import pcapng
from tlsclose.core.event import Kind, Source
from tlsclose.core.facts import fact_of, number_of
from tlsclose.core.precedent import Precedents
from tlsclose.core.record import TlsVersion
from tlsclose.core.verdict import Code
from tlsclose.net.line import line_of
from tlsclose.net.observed import assemble_observed
from tlsclose.wire.answer import Answer
from tlsclose.wire.follower import ConnectionFollower
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.outline import Outline
from tlsclose.wire.packets import decode

PCAPS = Path(__file__).parents[2] / "pcaps"
CAPTURES = sorted(PCAPS.rglob("*.pcapng"))
RESET = event(20, S, Kind.RST, detail="RST,ACK", note="with 7 bytes of its own unacknowledged")

CLOSED = (*OPENING, *close(10, Source.DECRYPTED))
TOLD = {
    "closed": seen(followed(*CLOSED)),
    "nothing": seen(followed(), stream=7),
    "no hellos": seen(followed(*close(10, Source.INFERRED), negotiated=None, sni=None)),
    "TLS 1.2": seen(
        followed(*CLOSED, negotiated=replace(NEGOTIATED, version=TlsVersion.TLS12)), stream=3
    ),
    "notes": seen(followed(*CLOSED, notes=("client: 1 segment retransmitted", "another"))),
    "reset": seen(followed(*OPENING, RESET)),
    "reset, noted": seen(followed(*CLOSED, RESET, notes=("server: 1 segment out of order",))),
    "IPv6": seen(followed(*CLOSED), client=("2001:db8::1", 51000), server=("2001:db8::7", 443)),
    "much later": seen(followed(*CLOSED), started_ns=2**63),
    "before 1970": seen(followed(*CLOSED), started_ns=-1),
    "answered": seen(
        followed(
            *OPENING,
            *HALF_CLOSED,
            answer=Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 9),
        )
    ),
}


def bare(report):
    """A report without events, and what points at them or is told beside the table."""
    return replace(
        report,
        events=(),
        close=None,
        message=None,
        tls=replace(report.tls, cipher=None, alpn=None, resumed=False, preamble=None),
        verdict=replace(report.verdict, evidence=()),
        findings=tuple(replace(finding, evidence=()) for finding in report.findings),
    )


def recorded(path):
    capture = pcapng.read(path)
    keys = KeyLog()
    for line in capture.keys:
        keys.add_line(line)
    follower = ConnectionFollower(keys)
    started_ns = capture.frames[0].at_ns
    for number, frame in enumerate(capture.frames, 1):
        follower.segment(frame.at_ns - started_ns, number, decode(frame))
    return seen(follower.finish(), stream=2, started_ns=started_ns)


@pytest.mark.parametrize("one", TOLD.values(), ids=TOLD)
def test_told_as_in_a_report(one):
    line = line_of(one, Precedents())
    expected = bare(assemble_observed(one, path="a.pcap"))
    assert bare(line.report(one.stream, "a.pcap")) == expected


def test_recorded_as_in_a_report():
    precedents = Precedents()
    for path in CAPTURES:
        one = recorded(path)
        line = line_of(one, precedents)
        assert bare(line.report(2, "b")) == bare(assemble_observed(one, path="b")), path.name
    assert len(precedents) < len(CAPTURES)


def test_what_is_told_beside_a_ruling_is_not_in_the_precedent():
    precedents = Precedents()
    with_notes, without = (
        line_of(one, precedents).report(0, "a") for one in (TOLD["notes"], TOLD["closed"])
    )
    assert [finding.detail for finding in with_notes.findings] == list(TOLD["notes"].followed.notes)
    assert without.findings == ()
    assert len(precedents) == 1


def outline(one):
    """The same in brief."""
    told = one.followed
    return replace(
        one,
        followed=Outline(
            facts=tuple(number_of(fact_of(item)) for item in told.events),
            version=told.negotiated.version,
            sni=told.sni,
            packets=told.packets,
            reset_notes=tuple(item.note for item in told.events if item.kind is Kind.RST),
            notes=told.notes,
        ),
    )


@pytest.mark.parametrize("name", [name for name in TOLD if name not in ("no hellos", "answered")])
def test_in_brief(name):
    one = TOLD[name]
    assert line_of(outline(one), Precedents()) == line_of(one, Precedents())


def test_an_answer_is_measured():
    """No precedent knows how much of it came."""
    precedents = Precedents()
    one = TOLD["answered"]
    assert line_of(one, precedents).ruling.verdict.code is Code.HALF_CLOSE_CUT
    whole = replace(one, followed=replace(one.followed, answer=None))
    assert line_of(whole, precedents).ruling.verdict.code is Code.CLEAN


@pytest.mark.parametrize("one", TOLD.values(), ids=TOLD)
def test_sent_from_one_process_to_another(one):
    line = line_of(one, Precedents())
    assert pickle.loads(pickle.dumps(line)) == line
