"""Colour, width and alphabet of console and page, by stream and environment."""

import io
import os

import pytest
from rich.text import Text

from tlsclose.report import page
from tlsclose.report.console import make_console
from tlsclose.report.glyphs import ASCII, UNICODE, glyphs_for
from tlsclose.report.page import LOG_WIDTH, ConsolePage, PlainPage, make_page


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
    make_console(color=color, file=file, environ=environ).print(Text("word", style="red"))
    drawn = file.getvalue()
    assert ("\x1b[" in drawn) is colored
    assert "word" in drawn
    make_page(color=color, file=file, environ=environ).line(("word", "red"))
    assert file.getvalue() == drawn * 2


def test_a_log_has_80_columns_whatever_the_environment_says():
    assert make_console(file=io.StringIO(), environ={"COLUMNS": "300"}).width == LOG_WIDTH == 80
    assert make_page(file=io.StringIO(), environ={"COLUMNS": "300"}).width == LOG_WIDTH


@pytest.mark.parametrize("said", ["133", "0", "x", ""])
@pytest.mark.parametrize("told", [None, 0, 97])
def test_a_terminal_has_its_own_width(said, told, monkeypatch):
    def size(_stream):
        if told is None:
            raise OSError("no terminal")
        return os.terminal_size((told, 24))

    monkeypatch.setattr(os, "get_terminal_size", size)
    environ = {"COLUMNS": said}
    console = make_console(file=Terminal(), environ=environ)
    width = make_page(file=Terminal(), environ=environ).width
    spared = 1 if console.legacy_windows else 0  # a line in its last column would wrap
    assert width == (133 if said == "133" else told or LOG_WIDTH) - spared
    assert console.width == width


def test_width_as_asked():
    assert make_console(file=io.StringIO(), width=41, environ={}).width == 41
    assert make_page(file=io.StringIO(), width=41, environ={}).width == 41


LINES = [
    [("a line", "")],
    [("bold", "bold")],
    [(" 0  ", ""), ("clean", "green"), ("   ", ""), ("client", ""), ("    ", "")],
    [("only colour", "yellow"), ("   ", ""), ("", "")],
    [("日本語" * 5, "blue"), (" tail", "")],
    [("x" * 60, "red"), ("y", "dim")],
    [("   ", "")],
    [],
]


@pytest.mark.parametrize("color", ["always", "never"])
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("width", [5, 9, 40])
def test_a_page_prints_what_the_console_would(line, color, width):
    plain, drawn = io.StringIO(), io.StringIO()
    PlainPage(plain, width, colored=color == "always").line(*line)
    console = make_console(color=color, file=drawn, width=width, environ={})
    ConsolePage(console).line(*line)
    assert plain.getvalue() == drawn.getvalue()


def test_a_windows_terminal_is_left_to_rich(monkeypatch):
    monkeypatch.setattr(page.os, "name", "nt")
    assert isinstance(make_page(file=Terminal(), environ={}), ConsolePage)
    assert isinstance(make_page(file=io.StringIO(), environ={}), PlainPage)


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
