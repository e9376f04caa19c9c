"""What was judged before is ruled as it would be judged anew."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.playbook import act
from tests.core.stories import STORIES
from tests.core.test_neutrality import EVENTS
from tlsclose.core import precedent
from tlsclose.core.classify import judge
from tlsclose.core.event import Event, Kind, Side, Source
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
