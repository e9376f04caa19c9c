"""What is asked of an event as a number, and events made of numbers again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_neutrality import EVENTS
from tlsclose.core import facts
from tlsclose.core.alert import Alert
from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.core.facts import Fact, events_of, fact_of, mark, number_of

FIN = Event(at_ns=5, sender=Side.CLIENT, kind=Kind.FIN, source=Source.WIRE, detail="FIN,ACK")
RST = replace(FIN, kind=Kind.RST, detail="RST", note="with 7 bytes of its own unacknowledged")
ALERT = replace(FIN, kind=Kind.ALERT, detail="fatal", alert=Alert(2, 40))

NOT_ASKED = (
    {"at_ns": 6},
    {"packet": 7},
    {"bytes": 8},
    {"count": 9, "until_ns": 10},
    {"note": "on 11 bytes of data"},
)
ASKED = (
    {"sender": Side.SERVER},
    {"kind": Kind.SYN},
    {"source": Source.SOCKET},
    {"detail": "FIN"},
    {"alert": Alert(1, 0)},
)


@pytest.fixture
def fresh(monkeypatch):
    """No numbers were given yet."""
    monkeypatch.setattr(facts, "_FACTS", [])
    monkeypatch.setattr(facts, "_NUMBERS", {})


@pytest.mark.parametrize("changes", NOT_ASKED)
def test_what_is_not_asked_for_makes_no_other_fact(changes):
    assert fact_of(replace(FIN, **changes)) == fact_of(FIN)


@pytest.mark.parametrize("changes", ASKED)
def test_what_is_asked_for_makes_another_fact(changes):
    other = fact_of(replace(FIN, **changes))
    assert other != fact_of(FIN)
    assert number_of(other) != number_of(fact_of(FIN))


def test_a_reset_tells_whether_it_has_a_note():
    assert fact_of(RST) == fact_of(replace(RST, note="another one"))
    assert fact_of(RST).noted
    assert not fact_of(replace(RST, note="")).noted


@given(EVENTS)
def test_events_of_the_same_facts(events):
    numbers = tuple(number_of(fact_of(event)) for event in events)
    again = events_of(numbers)
    assert [fact_of(event) for event in again] == [fact_of(event) for event in events]
    assert tuple(number_of(fact_of(event)) for event in again) == numbers
    assert [event.packet for event in again] == list(range(1, len(events) + 1))
    assert sorted(event.at_ns for event in again) == [event.at_ns for event in again]


def test_notes_are_counted_by_resets_that_have_one():
    told = [ALERT, RST, FIN, replace(RST, note=""), RST]
    again = events_of(tuple(number_of(fact_of(event)) for event in told))
    assert [event.note for event in again] == ["", mark(0), "", "", mark(1)]


@given(st.integers(0, 99), st.integers(0, 99))
def test_no_mark_is_within_another_one(one, other):
    assert (mark(one) in mark(other)) is (one == other)


def test_a_fact_keeps_its_number(fresh):
    first, second = fact_of(FIN), fact_of(RST)
    assert [number_of(fact) for fact in (first, second, first, second)] == [0, 1, 0, 1]


def test_numbers_are_bounded(fresh, monkeypatch):
    monkeypatch.setattr(facts, "MAX_FACTS", 3)
    made = [Fact(Side.CLIENT, Kind.HANDSHAKE, Source.WIRE, str(at)) for at in range(5)]
    assert [number_of(fact) for fact in made] == [0, 1, 2, None, None]
    assert number_of(made[1]) == 1
