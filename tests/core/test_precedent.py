"""What was judged before is ruled as it would be judged anew."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.playbook import act
from tests.core.stories import STORIES
from tests.core.test_neutrality import EVENTS
from tlsclose.core import facts, precedent
from tlsclose.core.classify import judge
from tlsclose.core.event import STRAY_RESET, Event, Kind, Side, Source
from tlsclose.core.facts import fact_of, number_of
from tlsclose.core.precedent import Precedents, outline
from tlsclose.core.record import TlsVersion

VERSIONS = (None, TlsVersion.TLS12, TlsVersion.TLS13)


def judged(events, version):
    judgement = judge(events, version=version)
    return outline(judgement.verdict, judgement.findings)


@st.composite
def retold(draw, events):
    """The same facts at other times, in other packets, with other amounts of data, which may come
    in several events."""
    told, at_ns = [], 0
    for event in events:
        pieces = draw(st.integers(1, 3)) if event.kind is Kind.APP_DATA else 1
        for _ in range(pieces):
            at_ns += draw(st.integers(1, 10**9))
            told.append(
                replace(
                    event,
                    at_ns=at_ns,
                    packet=draw(st.none() | st.integers(1, 10**6)),
                    **(
                        {"bytes": draw(st.integers(0, 10**6)), "count": draw(st.integers(1, 99))}
                        if event.kind is Kind.APP_DATA
                        else {}
                    ),
                )
            )
    return tuple(told)


@settings(max_examples=400)
@given(st.lists(EVENTS, min_size=1, max_size=4), st.sampled_from(VERSIONS), st.data())
def test_a_precedent_says_what_a_judgement_would(streams, version, data):
    precedents = Precedents()
    for events in streams:
        assert precedents.ruling(events, version) == judged(events, version)
        again = data.draw(retold(events))
        assert precedents.ruling(again, version) == judged(again, version)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_every_story_is_ruled_as_it_is_judged(version):
    precedents = Precedents()
    for text, *_ in STORIES.values():
        play = act(text, version=version)
        number = TlsVersion(version)
        for _ in range(2):
            assert precedents.ruling(play.events, number) == judged(play.events, number)


def event(kind, sender=Side.CLIENT, **facts):
    return Event(at_ns=0, sender=sender, kind=kind, source=Source.WIRE, **facts)


def test_the_rules_of_another_version_make_another_ruling():
    precedents = Precedents()
    events = (event(Kind.HANDSHAKE, detail="complete"), event(Kind.FIN))
    rules = {precedents.ruling(events, version).verdict.rule for version in VERSIONS[1:]}
    assert len(rules) == len(VERSIONS[1:])


def test_what_tells_amounts_is_judged_each_time():
    precedents = Precedents()
    for size in (7, 8):
        events = (event(Kind.GAP, detail="never-arrived", bytes=size),)
        assert f"{size} bytes" in precedents.ruling(events, None).verdict.summary
    assert len(precedents) == 0


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(precedent, "MAX_PRECEDENTS", 3)
    precedents = Precedents()
    for number in range(5):
        events = (event(Kind.ALERT, detail=str(number)),)
        assert precedents.ruling(events, None) == judged(events, None)
    long = tuple(event(Kind.FIN) for _ in range(precedent.MAX_EVENTS + 1))
    assert precedents.ruling(long, None) == judged(long, None)
    assert len(precedents) == 3


NOTES = (
    "",
    "with 505 bytes of the server unacknowledged",
    "\0",
    "\0 \0",
    "0",
    "\0x0\0",
    r"\g<0> \1 {0} %s",
)
"""What a reset's note may say; empty for none."""

BEFORE_A_RESET = (
    (event(Kind.HANDSHAKE, detail="complete"),),
    (event(Kind.HANDSHAKE, detail="client_hello"),),
    (
        event(Kind.HANDSHAKE, detail="complete"),
        event(Kind.CLOSE_NOTIFY),
        event(Kind.CLOSE_NOTIFY, Side.SERVER),
    ),
    (
        event(Kind.HANDSHAKE, detail="complete"),
        event(Kind.CLOSE_NOTIFY),
        event(Kind.CLOSE_NOTIFY, Side.SERVER),
        event(Kind.FIN),
        event(Kind.FIN, Side.SERVER),
    ),
)


def resets(notes):
    """By both sides in turn; every other one ends nothing."""
    for number, note in enumerate(notes):
        detail = STRAY_RESET if number % 3 == 2 else "RST,ACK"
        yield event(Kind.RST, list(Side)[number % 2], detail=detail, note=note)


@settings(max_examples=200, derandomize=True)
@given(
    st.sampled_from(BEFORE_A_RESET),
    st.lists(st.lists(st.sampled_from(NOTES), max_size=12), min_size=1, max_size=3),
    st.sampled_from(VERSIONS),
)
def test_what_notes_say_is_quoted(before, streams, version):
    precedents = Precedents()
    for notes in streams:
        events = (*before, *resets(notes))
        assert precedents.ruling(events, version) == judged(events, version)


def test_notes_make_no_other_precedent():
    precedents = Precedents()
    for note in ("one", "two", "three"):
        events = (*BEFORE_A_RESET[0], event(Kind.RST, detail="RST", note=note))
        ruling = precedents.ruling(events, None)
        assert note in ruling.verdict.summary
        assert ruling == judged(events, None)
    assert len(precedents) == 1
    without = (*BEFORE_A_RESET[0], event(Kind.RST, detail="RST"))
    assert precedents.ruling(without, None) == judged(without, None)
    assert len(precedents) == 2


@pytest.mark.parametrize("notes", [("\0" + "0\0",), ("first", "\0" + "0\0"), ("\0" + "2\0", "b")])
def test_a_note_that_looks_like_a_mark(notes):
    """Of itself, of an earlier one, of none."""
    events = (*BEFORE_A_RESET[2], *resets(notes))
    assert Precedents().ruling(events, None) == judged(events, None)


def test_a_note_that_looks_like_the_mark_of_a_later_one():
    events = (*BEFORE_A_RESET[2], *resets(("\0" + "1\0", "second")))
    assert Precedents().ruling(events, None) == judged(events, None)


def test_the_numbers_of_facts_are_judged_as_their_events():
    precedents = Precedents()
    for before in BEFORE_A_RESET:
        events = (*before, *resets(("a", "", "b")))
        numbers = tuple(number_of(fact_of(item)) for item in events)
        for version in VERSIONS:
            ruling = precedents.ruling_on(numbers, version, ("a", "b"))
            assert ruling == judged(events, version)


def test_facts_too_many_for_a_number_are_judged_each_time(monkeypatch):
    monkeypatch.setattr(facts, "MAX_FACTS", 0)
    precedents = Precedents()
    for detail in ("never seen before", "nor this"):
        events = (event(Kind.HANDSHAKE, detail=detail), event(Kind.RST, detail="RST", note="note"))
        assert precedents.ruling(events, None) == judged(events, None)
    assert len(precedents) == 0
