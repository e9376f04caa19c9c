"""Colour, width and alphabet of the console, by stream and environment."""

import io

import pytest
from rich.text import Text

from tlsclose.report.console import LOG_WIDTH, make_console
from tlsclose.report.glyphs import ASCII, UNICODE, glyphs_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("color", "terminal", "environ", "colored"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"FORCE_COLOR": "0"}, False),
        ("auto", True, {"FORCE_COLOR": "0"}, False),
        ("auto", False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_color(color, terminal, environ, colored):
    file = Terminal() if terminal else io.StringIO()
    make_console(color=color, file=file, environ=environ).print(Text("word", style="bold red"))
    assert ("\x1b[" in file.getvalue()) is colored
    assert "word" in file.getvalue()


def test_a_log_has_80_columns_whatever_the_environment_says():
    assert make_console(file=io.StringIO(), environ={"COLUMNS": "300"}).width == LOG_WIDTH == 80


def test_a_terminal_has_its_own_width():
    assert make_console(file=Terminal(), environ={"COLUMNS": "133"}).width == 133


def test_width_as_asked():
    assert make_console(file=io.StringIO(), width=41, environ={}).width == 41


@pytest.mark.parametrize(
    ("encoding", "alphabet"),
    [
        ("utf-8", UNICODE),
        ("utf-16", UNICODE),
        ("ascii", ASCII),
        ("latin-1", ASCII),
        ("cp437", ASCII),
        ("cp1252", ASCII),
        ("no-such-encoding", ASCII),
    ],
)
def test_alphabet(encoding, alphabet):
    assert glyphs_for(encoding) is alphabet


def test_ascii_alphabet_is_ascii_for_any_text():
    assert ASCII.text("① a · b … é 日 ▶").isascii()
    assert ASCII.text("① a → b") == "1. a -> b"
