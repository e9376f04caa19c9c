"""The table of many reports."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from tests.report.examples import (
    EXAMPLES,
    await_as_server,
    clean,
    no_answer,
    premature,
    provoked_fin,
    refused,
)
from tests.report.golden import printed
from tlsclose.core.report import TargetInfo
from tlsclose.report.text import print_summary


def lines(*reports, width=80):
    return printed(lambda console: print_summary(reports, console), width=width).splitlines()


def test_one_report_needs_no_table():
    assert lines(clean()) == []


def test_columns_and_cells():
    head, first, second, counts = lines(premature(), clean())
    assert head.split() == ["target", "scenario", "verdict", "blame", "risk", "answer"]
    assert first.split() == [
        "example.org:443",
        "initiate",
        "premature-close",
        "server",
        "possible",
        "-",
    ]
    assert second.split()[2:] == ["clean", "-", "none", "11.3", "ms"]
    assert counts == " 2 connections: 1 premature-close, 1 clean"


def test_unobserved_says_why_across_the_columns():
    row = lines(refused(), clean())[1]
    assert row.startswith(" localhost:1      initiate  unobserved at connect: connection refused")


def test_on_purpose_is_marked_and_explained():
    shown = lines(provoked_fin(), clean())
    assert "premature-close *" in shown[1]
    assert shown[-1].endswith("* on purpose")


def test_the_target_gives_way():
    long = replace(clean(), target=TargetInfo(host="a" * 90 + ".example", port=443))
    shown = lines(long, premature())
    assert max(map(len, shown)) <= 80
    assert "clean" in shown[1]
    assert "…" in shown[1]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_every_line_fits(width):
    shown = lines(*(make() for make in EXAMPLES.values()), width=width)
    assert max(map(cell_len, shown)) <= width


def test_only_the_peers_answer_is_timed():
    assert lines(clean(), no_answer())[1].endswith("11.3 ms")
    assert lines(await_as_server(), no_answer())[1].split()[-1] == "-"


def test_the_commonest_verdict_is_counted_first():
    assert lines(no_answer(), clean(), clean())[-1] == " 3 connections: 2 clean, 1 no-answer"
