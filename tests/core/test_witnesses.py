"""The same story has the same verdict, whoever tells it."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.playbook import MILLISECOND, act, script
from tests.core.stories import BOTH, STORIES
from tlsclose.core.event import ON_THE_WIRE, Kind, Source, ordered

SLOW = 2 * MILLISECOND
"""How much later than the wire a slow witness tells; less than any reply in the stories takes."""

ALERTS = (Kind.ALERT, Kind.CLOSE_NOTIFY)


def api(event, late=0):
    """An end's own account: the TLS API for records, the socket for TCP."""
    records = (*ALERTS, Kind.APP_DATA, Kind.HANDSHAKE)
    source = Source.PROVIDER if event.kind in records else Source.SOCKET
    return replace(event, source=source, at_ns=event.at_ns + late)


def slow_api(event):
    return api(event, late=SLOW if event.kind in ALERTS else 0)


def tap(event):
    """TCP from the wire, alerts from a slow TLS API."""
    return slow_api(event) if event.kind in ALERTS else event


WITNESSES = {
    "wire": lambda events: events,
    "endpoint": lambda events: map(api, events),
    "slow endpoint": lambda events: map(slow_api, events),
    "tap": lambda events: map(tap, events),
    "all": lambda events: [*events, *map(api, events)],
    "all, the endpoint slow": lambda events: [*events, *(api(event, SLOW) for event in events)],
    "all, the endpoint fast": lambda events: [*events, *(api(event, -SLOW) for event in events)],
}


@pytest.mark.parametrize("witnesses", WITNESSES)
@pytest.mark.parametrize("story", STORIES)
def test_story(story, witnesses):
    """Whoever tells it, the story has the same verdict."""
    text, versions, message, code, blame = STORIES[story]
    for version in versions:
        events = ordered(WITNESSES[witnesses](script(text)))
        play = act(events, version=version, message=message)
        verdict = play.judgement.verdict
        assert (verdict.code, verdict.blame) == (code, blame), str(play)
        assert verdict.confidence == "proven", str(play)
        wire = act(text, version=version, message=message).judgement
        assert verdict.truncation_risk == wire.verdict.truncation_risk, str(play)
        assert play.judgement.teardown.first_closer == wire.teardown.first_closer, str(play)


@settings(max_examples=300)
@given(st.sampled_from(sorted(STORIES)), st.sampled_from(BOTH), st.randoms(use_true_random=False))
def test_what_slower_witnesses_repeat_changes_nothing(story, version, chance: random.Random):
    text, _, message, _, _ = STORIES[story]
    events = script(text)
    told = [event for event in events if event.source in ON_THE_WIRE]
    chorus = [
        replace(api(event), at_ns=chance.randrange(20 * MILLISECOND))
        for event in told
        if chance.random() < 0.7
    ]
    alone = act(events, version=version, message=message).judgement.verdict
    play = act(ordered([*events, *chorus]), version=version, message=message)
    verdict = play.judgement.verdict
    assert (verdict.code, verdict.blame) == (alone.code, alone.blame), str(play)
