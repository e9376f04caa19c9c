"""Every pair of half-states has one verdict, and every verdict is reachable."""

import itertools

import pytest

from tests.core.playbook import COMPLETE, CUT, OPEN_ENDED, act, swapped
from tlsclose.core.citations import citation
from tlsclose.core.event import Side
from tlsclose.core.rules import RULES
from tlsclose.core.teardown import TRANSITIONS, Half
from tlsclose.core.verdict import SEVERITY, Code

HALVES = {
    "open": "",
    "notified": "client close_notify",
    "closed": "client close_notify; client fin",
    "premature": "client fin",
    "aborted": "client alert fatal internal_error",
    "reset": "client rst",
    "notified-reset": "client close_notify; client rst",
}
"""What the client does to bring its half there."""

# All facts of the side that began come before all facts of the other.
GRID = """
began/other   open        notified    closed      premature   aborted     reset       notified-reset
open            incomplete  incomplete  incomplete  premature   fatal       reset       reset
notified        incomplete  incomplete  clean       premature   fatal       reset       after
closed          incomplete  clean       clean       unanswered  fatal       reset       after
premature       premature   premature   premature   premature   premature   premature   premature
aborted         fatal       fatal       fatal       fatal       fatal       fatal       fatal
reset           reset       reset       reset       reset       reset       reset       reset
notified-reset  reset       reset       reset       reset       reset       reset       reset
"""
SHORT = {
    "incomplete": "capture-incomplete",
    "unanswered": "incomplete-close",
    "premature": "premature-close",
    "fatal": "fatal-alert",
    "after": "reset-after-close",
}
SEVERITIES = {
    "clean": "ok",
    "incomplete-close": "warning",
    "premature-close": "error",
    "reset": "error",
    "reset-after-close": "note",
    "fatal-alert": "error",
    "no-answer": "warning",
    "half-close-cut": "error",
    "data-after-close": "error",
    "data-lost": "error",
    "handshake-failed": "error",
    "not-tls": "error",
    "capture-incomplete": "note",
    "undetermined": "note",
}
"""Section 3 of the contract."""

REACHED_BY = {
    "clean": "client close_notify; server close_notify; server fin; client fin",
    "incomplete-close": "client close_notify; client fin; server fin",
    "premature-close": "server app_data; server fin; client close_notify; client fin",
    "reset": "server app_data; server rst",
    "reset-after-close": "client close_notify; server close_notify; server fin; client rst",
    "fatal-alert": "server alert fatal bad_record_mac; server fin; client fin",
    "no-answer": "client close_notify; server timeout 5s; client fin",
    "half-close-cut": "client app_data; client close_notify; server close_notify; server fin",
    "data-after-close": "client close_notify; client app_data; server close_notify; server fin",
    "data-lost": "server app_data; server gap never-arrived 1460; server rst",
    "handshake-failed": "client handshake client_hello; server fin",
    "not-tls": "server not_tls HTTP/1.1 400 Bad Request; server fin",
    "capture-incomplete": "server app_data; server gap not-captured 1460; server fin; client fin",
    "undetermined": "client record 35 sealed, perhaps a padded alert; server rst",
}


def cells():
    header, *rows = GRID.strip().splitlines()
    columns = header.split("other")[1].split()
    for row in rows:
        began, *codes = row.split()
        yield from (
            (began, other, SHORT.get(code, code))
            for other, code in zip(columns, codes, strict=True)
        )


CELLS = tuple(cells())


def story(began, other):
    return f"{HALVES[began]}; {swapped(HALVES[other])}"


def test_the_grid_is_whole():
    pairs = set(itertools.product(map(str, Half), repeat=2))
    assert {(began, other) for began, other, _ in CELLS} == pairs
    assert len(CELLS) == len(pairs) == 49
    assert set(HALVES) == set(map(str, Half))
    assert set(TRANSITIONS) == set(Half)


@pytest.mark.parametrize(
    "message", [None, COMPLETE, OPEN_ENDED], ids=["raw", "whole", "open-ended"]
)
@pytest.mark.parametrize("version", ["1.2", "1.3", None])
@pytest.mark.parametrize("first", list(Side))
@pytest.mark.parametrize(("began", "other", "code"), CELLS)
def test_grid(began, other, code, first, version, message):
    text = story(began, other)
    play = act(text if first is Side.CLIENT else swapped(text), version=version, message=message)
    halves = play.judgement.teardown[first].half, play.judgement.teardown[first.other].half
    assert halves == (began, other), str(play)
    assert play.judgement.verdict.code == code, str(play)
    assert play.judgement.verdict.severity == SEVERITIES[code]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(("began", "other", "code"), CELLS)
def test_grid_with_a_cut_response(began, other, code, version):
    """In TLS 1.3 a server that ends after the client's close_notify has cut its answer.

    Not with an error alert, which tells a cause of its own.
    """
    asked = began in ("notified", "closed") and other not in ("open", "aborted")
    expected = "half-close-cut" if version == "1.3" and asked else code
    play = act(story(began, other), version=version, message=CUT)
    assert play.judgement.verdict.code == expected, str(play)
    assert play.judgement.verdict.truncation_risk == "certain", str(play)


@pytest.mark.parametrize(("code", "text"), REACHED_BY.items())
def test_every_code_is_reached(code, text):
    play = act(
        text,
        handshake=code not in ("handshake-failed", "not-tls"),
        message=CUT if code == "half-close-cut" else None,
    )
    assert play.judgement.verdict.code == code, str(play)
    assert play.judgement.verdict.summary.endswith("."), str(play)


def test_the_tables_name_every_code_of_the_contract():
    codes = set(map(str, Code))
    assert set(REACHED_BY) == set(SEVERITIES) == codes
    assert {str(code): str(severity) for code, severity in SEVERITY.items()} == SEVERITIES
    assert {str(code) for code, _ in RULES} == codes


@pytest.mark.parametrize("code", list(Code))
def test_every_code_cites_its_rule_for_both_versions(code):
    new, old = citation(code, tls13=True), citation(code, tls13=False)
    assert new
    assert old
    assert "5246" not in new
    assert "8446" not in new + old
    if code != Code.HALF_CLOSE_CUT:
        assert "9846" not in old


def test_answering_at_once_is_demanded_up_to_tls12_only():
    assert "at once" in citation(Code.NO_ANSWER, tls13=False)
    assert "not required" in citation(Code.NO_ANSWER, tls13=True)
