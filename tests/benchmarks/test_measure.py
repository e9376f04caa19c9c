"""The benchmarks' arithmetic; nothing here is timed."""

import sys

import pytest

pytest.importorskip("resource", reason="the benchmarks are for POSIX")

from tests.benchmarks.measure import (
    BenchmarkError,
    Command,
    Goal,
    alternate,
    percentile,
    ratio,
    table,
    timed,
)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.25, 1.0), (0.5, 2.0), (0.51, 3.0), (0.99, 4.0), (1, 4.0)]
)
def test_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == expected


def test_ratio_is_of_the_medians() -> None:
    assert ratio([2.0, 100.0, 3.0], [1.0, 2.0, 0.5]) == 3.0


@pytest.mark.parametrize(
    ("figure", "strict", "met"),
    [(0.9, False, True), (1.0, False, True), (1.0, True, False), (1.1, False, False)],
)
def test_a_goal_is_met_below_its_limit(figure: float, strict: bool, met: bool) -> None:
    goal = Goal(name="some ratio", figure=figure, limit=1.0, strict=strict)
    assert goal.met is met
    assert str(goal).startswith("met" if met else "MISSED")


@pytest.mark.parametrize(("figure", "met"), [(24.9, False), (25.0, True), (40.0, True)])
def test_a_goal_may_be_to_reach_a_figure(figure: float, met: bool) -> None:
    goal = Goal(name="times faster", figure=figure, limit=25.0, least=True)
    assert goal.met is met
    assert str(goal).endswith(f"{figure:.2f} >= 25")


def test_a_table_lines_up_its_columns() -> None:
    assert table(("what", "ms"), [("a", "1.0"), ("longer", "10.0")]).splitlines() == [
        "what      ms",
        "------  ----",
        "a        1.0",
        "longer  10.0",
    ]


def test_a_command_that_fails_is_not_measured() -> None:
    failing = Command(argv=(sys.executable, "-c", "raise SystemExit('no such thing')"))
    with pytest.raises(BenchmarkError, match="ended with 1: no such thing"):
        timed(failing)


def test_commands_alternate_and_the_first_round_does_not_count() -> None:
    exits = frozenset({0, 3})
    samples = alternate(
        {
            "one": Command(argv=(sys.executable, "-c", "pass"), exits=exits),
            "two": Command(argv=(sys.executable, "-c", "raise SystemExit(3)"), exits=exits),
        },
        rounds=2,
    )
    assert [len(sample.runs) for sample in samples.values()] == [2, 2]
    assert all(run.wall_s > 0 <= run.cpu_s for sample in samples.values() for run in sample.runs)
