"""Text that waits: what comes out is what went in, wherever it waited."""

import io

import pytest

from tlsclose.cli import spool
from tlsclose.cli.spool import Spool


@pytest.mark.parametrize("short", [0, 10, 10_000])
@pytest.mark.parametrize("parts", [[], ["one"], ["a", "bc\n", "ü", "x" * 2000, "\r\n end"]])
def test_order_and_text(parts, short, monkeypatch):
    monkeypatch.setattr(spool, "SHORT", short)
    monkeypatch.setattr(spool, "PIECE", 7)
    waiting = Spool()
    for part in parts:
        waiting.write(part)
    assert waiting.empty == (not parts)
    assert isinstance(waiting._text, io.StringIO) == (len("".join(parts)) <= short)
    assert "".join(waiting.pieces()) == "".join(parts)
