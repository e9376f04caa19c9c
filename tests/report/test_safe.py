"""What reaches a terminal, a log or an XML file from outside is visible characters only."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.examples import clean as clean_close
from tests.report.examples import hostile
from tlsclose.report.safe import ELLIPSIS, LIMIT, clean, sealed

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain text, 100%", "plain text, 100%"),
        ("[/bold]", "[/bold]"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("\x9b2J\x7f", "\\x9b2J\\x7f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("line\u2028para\u2029", "line\\u2028para\\u2029"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("e\u0301\u0489", "e\\u0301\\u0489"),
        ("\u3164\u2800", "\\u3164\\u2800"),
        ("\u00a0", "\\xa0"),
        ("Zürich 日本", "Zürich 日本"),
    ],
)
def test_shown_as(raw, shown):
    assert clean(raw) == shown


@given(ANY_TEXT)
def test_nothing_but_visible_characters(text):
    for char in clean(text):
        assert char == " " or unicodedata.category(char)[0] not in "CMZ"


@given(ANY_TEXT)
def test_twice_is_once(text):
    assert clean(clean(text)) == clean(text)


@given(ANY_TEXT, st.integers(1, 40))
def test_never_longer_than_asked(text, limit):
    assert len(clean(text, limit)) <= limit


@pytest.mark.parametrize("char", ["a", "é", "\x00"])
def test_long_text_is_cut_and_says_so(char):
    shown = clean(char * 10_000)
    assert len(shown) == LIMIT
    assert shown.endswith(ELLIPSIS)


def test_a_report_without_foreign_text_stays_the_same():
    report = clean_close()
    assert sealed(report) == report


def test_every_text_of_a_report_is_reached():
    assert len([text for text in texts(hostile()) if not text.isprintable()]) > 10
    assert [text for text in texts(sealed(hostile())) if not text.isprintable()] == []


def texts(value):
    """Every string in a report, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from texts(getattr(value, name))
