"""Times and sizes as a person reads them."""

import pytest

from tlsclose.report.amount import NS_PER_MS, NS_PER_S, Clock, duration, number, rough, size


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0.00 ms"),
        (210_000, "0.21 ms"),
        (9_994_000, "9.99 ms"),
        (9_996_000, "10.0 ms"),
        (11_400_000, "11.4 ms"),
        (99_960_000, "100 ms"),
        (320 * NS_PER_MS, "320 ms"),
        (999_400_000, "999 ms"),
        (999_600_000, "1.00 s"),
        (5 * NS_PER_S, "5.00 s"),
        (125 * NS_PER_S, "125 s"),
    ],
)
def test_duration(ns, text):
    assert duration(ns) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (24, "24 B"),
        (5263, "5 263 B"),
        (9_999, "9 999 B"),
        (64_000, "64.0 kB"),
        (5_100_000, "5.1 MB"),
        (3_000_000_000, "3.0 GB"),
    ],
)
def test_size(count, text):
    assert size(count) == text


def test_rough():
    assert [rough(999), rough(3700)] == ["999 B", "3.7 kB"]


def test_number():
    assert number(12_345_678) == "12 345 678"


@pytest.mark.parametrize(
    ("longest", "ns", "text", "unit"),
    [
        (5 * NS_PER_MS, 1_234_567, "1.235", "ms"),
        (70 * NS_PER_MS, 1_234_567, "1.23", "ms"),
        (5 * NS_PER_S, 5_059_200_000, "5059.2", "ms"),
        (100 * NS_PER_S, 90 * NS_PER_S, "90.0", "s"),
    ],
)
def test_clock(longest, ns, text, unit):
    clock = Clock(longest)
    assert (clock.text(ns), clock.unit) == (text, unit)


@pytest.mark.parametrize(
    "longest", [1, 10 * NS_PER_MS, NS_PER_S, 99 * NS_PER_S - 1, 86_400 * NS_PER_S]
)
def test_times_fit_their_column(longest):
    assert len(Clock(longest).text(longest)) <= 7
