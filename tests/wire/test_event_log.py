"""Folding of like records, and the bound."""

import pytest

from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.wire.event_log import FOLD_NS, MAX_EVENTS, EventLog

CLIENT, SERVER = Side.CLIENT, Side.SERVER


def event(at_ns=0, sender=CLIENT, kind=Kind.APP_DATA, source=Source.DECRYPTED, **fields):
    return Event(at_ns=at_ns, sender=sender, kind=kind, source=source, **fields)


def logged(*events):
    log = EventLog()
    for item in events:
        log.add(item)
    return log.ordered()


def test_a_run_is_one_event():
    (run,) = logged(event(0, bytes=5, packet=1), event(9, bytes=6, packet=2), event(20, bytes=7))
    assert (run.at_ns, run.until_ns, run.count, run.bytes) == (0, 20, 3, 18)


def test_each_gap_in_a_run_is_measured_from_its_last_record():
    assert len(logged(event(0), event(FOLD_NS - 1), event(2 * FOLD_NS - 2))) == 1


def test_an_inferred_part_makes_the_run_inferred():
    (run,) = logged(event(0), event(1, source=Source.INFERRED), event(2))
    assert run.source is Source.INFERRED


@pytest.mark.parametrize(
    "other",
    [
        event(FOLD_NS),
        event(1, SERVER),
        event(1, kind=Kind.RECORD),
        event(1, detail="early data"),
    ],
)
def test_what_differs_or_is_late_is_another_event(other):
    assert len(logged(event(0), other)) == 2


def test_an_event_between_ends_the_run():
    assert len(logged(event(0), event(1, SERVER, Kind.ALERT), event(2))) == 3


def test_handshake_messages_are_never_folded():
    assert len(logged(event(kind=Kind.HANDSHAKE), event(kind=Kind.HANDSHAKE))) == 2


def test_amend_replaces_one_event():
    log = EventLog()
    log.add(event(0))
    index = log.add(event(1, kind=Kind.RECORD), fold=False)
    log.amend(index, event(1, kind=Kind.CLOSE_NOTIFY))
    assert [item.kind for item in log.ordered()] == [Kind.APP_DATA, Kind.CLOSE_NOTIFY]


class TestBound:
    def crowded(self, *after):
        log = EventLog()
        for number in range(MAX_EVENTS * 5):
            log.add(event(number * FOLD_NS, (CLIENT, SERVER)[number % 2], bytes=1))
        for item in after:
            log.add(item)
        return log.ordered()

    def test_a_long_exchange_stays_bounded_and_loses_no_byte(self):
        events = self.crowded()
        assert len(events) <= MAX_EVENTS + 4
        assert sum(item.bytes for item in events) == MAX_EVENTS * 5

    def test_the_close_is_kept_and_data_after_it_is_told_apart(self):
        late = 10**15
        events = self.crowded(event(late, kind=Kind.CLOSE_NOTIFY), event(late + FOLD_NS, bytes=3))
        assert [(item.kind, item.at_ns) for item in events[-2:]] == [
            (Kind.CLOSE_NOTIFY, late),
            (Kind.APP_DATA, late + FOLD_NS),
        ]
