from datetime import UTC, datetime

import pytest

from tlsclose.net import clock as module
from tlsclose.net.clock import MAX_STRETCH, Clock, Deadline


@pytest.fixture
def now(monkeypatch):
    """A clock that the test moves."""

    class Now:
        seconds = 100.0

    monkeypatch.setattr(module.time, "monotonic", lambda: Now.seconds)
    return Now


def test_left_never_is_negative(now):
    deadline = Deadline(5)
    assert deadline.left == 5
    now.seconds += 9
    assert deadline.left == 0


def test_extension_buys_time(now):
    deadline = Deadline(5)
    now.seconds += 4
    deadline.extend(2)
    assert deadline.left == 3


def test_a_burst_buys_no_more_than_the_first_length(now):
    deadline = Deadline(5)
    now.seconds += 1
    deadline.extend(16_384)
    assert deadline.left == 5


def test_a_steady_flow_comes_to_an_end(now):
    deadline = Deadline(5)
    began = now.seconds
    while deadline.left:
        now.seconds += 1
        deadline.extend(1000)
    assert now.seconds - began == 5 * MAX_STRETCH


def test_extension_never_takes_time_away(now):
    deadline = Deadline(5)
    deadline.extend(0)
    assert deadline.left == 5


def test_steps_and_packets_share_an_axis(monkeypatch):
    monkeypatch.setattr(module.time, "perf_counter_ns", lambda: 7_000)
    monkeypatch.setattr(module, "_time_of_day_ns", lambda: 1_700_000_000_123_456_789)
    clock = Clock.start()
    monkeypatch.setattr(module.time, "perf_counter_ns", lambda: 7_500)
    assert clock.now() == 500
    assert clock.from_epoch(1_700_000_000_123_457_289) == 500
    assert clock.started_at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
