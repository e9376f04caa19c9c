"""The SVG is well-formed, self-contained, keeps its columns and shows foreign text as text."""

import re
from xml.etree import ElementTree as ET

import pytest

from tests.report.examples import EXAMPLES, clean, hostile
from tlsclose.report.svg import BACKGROUND, CELL, COLORS, COLUMNS, FOREGROUND, MARGIN, QUIET, svg

SVG = "{http://www.w3.org/2000/svg}"


def texts(document: str) -> list[ET.Element]:
    return list(ET.fromstring(document).iter(f"{SVG}text"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_self_contained(name):
    document = svg(EXAMPLES[name]())
    assert {item.tag for item in ET.fromstring(document).iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "rect", "g", "text")
    }
    assert re.findall(r"(?:xlink:)?href=|url\(|@import|@font-face", document) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_run_stands_on_the_grid(name):
    for item in texts(svg(EXAMPLES[name]())):
        column = (float(item.get("x")) - MARGIN) / CELL
        end = column + float(item.get("textLength")) / CELL
        assert column == pytest.approx(round(column), abs=0.02)
        assert end <= COLUMNS + 0.02
        assert item.text == item.text.strip()


def test_arrow_heads_share_a_column():
    heads = {
        round((float(item.get("x")) + float(item.get("textLength"))) / CELL)
        for item in texts(svg(clean()))
        if item.text.endswith("▶")
    }
    assert len(heads) == 1


def test_base_style_of_a_line_is_kept():
    header = next(item for item in texts(svg(clean())) if item.text.startswith("example.org"))
    assert header.get("font-weight") == "bold"


def test_hostile_text_is_shown_escaped():
    document = svg(hostile())
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u200b\ud800-\udfff]", document)
    assert "\\x1b[31;1mred" in "".join(item.text for item in texts(document))


@pytest.mark.parametrize("color", [FOREGROUND, QUIET, *COLORS.values()])
def test_contrast(color):
    lighter, darker = luminance(color), luminance(BACKGROUND)
    assert (lighter + 0.05) / (darker + 0.05) >= 6


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
