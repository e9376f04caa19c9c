"""The README's picture is there, is whole and asks for nothing from outside."""

import re
from xml.etree import ElementTree as ET

from tests.picture import PICTURE


def test_picture_of_a_clean_close():
    document = PICTURE.read_text(encoding="utf-8")
    words = " ".join(item.text or "" for item in ET.fromstring(document).iter())
    assert "CLEAN" in words
    assert all(mark in words for mark in "①②③④")
    assert re.findall("https?://[^\"']+", document) == ["http://www.w3.org/2000/svg"]
