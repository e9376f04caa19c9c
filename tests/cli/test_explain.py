import io
import json
import re
import sys
from pathlib import Path

import pytest

import tlsclose
from tlsclose.core.finding_notes import FINDING_NOTES
from tlsclose.core.verdict import Code


def test_list_has_one_line_a_code(run):
    lines = run("explain").out.splitlines()
    assert [line.split()[0] for line in lines] == list(Code)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("code", Code)
def test_code(run, code):
    ended = run("explain", code)
    assert ended.code == 0
    assert ended.out.startswith(f"{code} (")
    assert "what to do" in ended.out


@pytest.mark.parametrize("words", [("PREMATURE_CLOSE",), ("premature", "close")])
def test_code_in_other_spellings(run, words):
    assert run("explain", *words).out.startswith("premature-close (error)")


@pytest.mark.parametrize(
    "words",
    [
        ("unexpected eof while reading",),
        ("unexpected", "eof", "while", "reading"),
        ("0A000126",),
        ("-2146893033",),
        ("-0x7880",),
    ],
)
def test_error_text(run, words):
    ended = run("explain", *words)
    assert ended.code == 0
    assert "settle   tlsclose " in ended.out


def test_error_text_from_standard_input(run, monkeypatch):
    text = b"line one\nrustls: peer closed connection without sending TLS close_notify\xff\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert run("explain", "-").out.startswith("rustls: ")


def test_closed_standard_input(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert run("explain", "-").code == 2


def test_json(run):
    document = json.loads(run("explain", "reset", "--format", "json").out)
    assert document["schema_version"] == 1
    assert document["entries"][0]["code"] == "reset"
    assert document["entries"][0]["severity"] == "error"
    assert document["errors"] == []
    found = json.loads(run("explain", "SSLZeroReturnError", "--format", "json").out)
    assert found["entries"] == []
    assert found["errors"][0]["codes"] == ["clean", "incomplete-close"]
    assert len(json.loads(run("explain", "--format", "json").out)["entries"]) == len(Code)


def test_unknown_text_is_not_repeated(run):
    ended = run("explain", "x\x1b[2J")
    assert ended.code == 2
    assert "\x1b" not in ended.err


@pytest.mark.parametrize("code", FINDING_NOTES)
def test_finding(run, code):
    ended = run("explain", code)
    assert ended.code == 0
    assert ended.out.startswith(f"{code}\n")
    assert json.loads(run("explain", code, "--format", "json").out)["findings"][0]["code"] == code


def test_every_finding_in_the_source_is_explained():
    folder = Path(tlsclose.__file__).parent
    sources = [*folder.glob("core/findings.py"), *folder.glob("net/*.py"), folder / "api.py"]
    used = {
        code for path in sources for code in re.findall(r'\bcode="([a-z-]+)"', path.read_text())
    }
    assert used == set(FINDING_NOTES)
