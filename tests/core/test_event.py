from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.playbook import script
from tlsclose.core.event import Event, Kind, Side, Source, ordered


def event(kind=Kind.FIN, at_ns=0, packet=None, sender=Side.SERVER):
    return Event(at_ns=at_ns, sender=sender, kind=kind, source=Source.WIRE, packet=packet)


def test_other_side():
    assert [side.other for side in Side] == [Side.SERVER, Side.CLIENT]


def test_time_goes_before_everything():
    late_data, early_fin = event(Kind.APP_DATA, 2, packet=1), event(Kind.FIN, 1, packet=9)
    assert ordered([late_data, early_fin]) == (early_fin, late_data)


def test_packet_goes_before_kind_at_equal_times():
    first, second = event(Kind.FIN, packet=1), event(Kind.ALERT, packet=2, sender=Side.CLIENT)
    assert ordered([second, first]) == (first, second)


def test_fin_rides_on_data_at_the_same_instant():
    facts = [event(kind) for kind in (Kind.RST, Kind.FIN, Kind.APP_DATA, Kind.CLOSE_NOTIFY)]
    kinds = [item.kind for item in ordered(facts)]
    assert kinds == [Kind.APP_DATA, Kind.CLOSE_NOTIFY, Kind.FIN, Kind.RST]


def test_records_of_one_packet_keep_their_order():
    """Data behind a close_notify is what data-after-close is about."""
    facts = [event(kind) for kind in (Kind.CLOSE_NOTIFY, Kind.APP_DATA)]
    assert [item.kind for item in ordered(facts)] == [Kind.CLOSE_NOTIFY, Kind.APP_DATA]


@given(st.lists(st.builds(event, st.sampled_from(Kind), st.integers(0, 3)), max_size=8))
def test_ordering_loses_nothing_and_is_stable(events):
    once = ordered(events)
    assert sorted(map(repr, once)) == sorted(map(repr, events))
    assert ordered(once) == once


def test_events_are_values():
    with pytest.raises(FrozenInstanceError):
        event().at_ns = 5
    assert replace(event(), at_ns=5) == event(at_ns=5)


def test_the_playbook_reads_what_it_says():
    text = "server app_data x3; server alert fatal 200 @provider +2ms; server timeout 5s response"
    complete, data, alert, timeout = script(text)
    assert (complete.detail, data.count, alert.source) == ("complete", 3, Source.PROVIDER)
    assert (alert.detail, alert.at_ns) == ("fatal alert-200", 4_000_000)
    assert (timeout.at_ns, timeout.waited_ns) == (5_003_000_000, 5_000_000_000)
    assert timeout.detail == "response"
    with pytest.raises(ValueError, match="not a statement"):
        script("nobody fin")
