"""Whole reports as files, to be read by people: `tests/report/golden/*.txt`, 80 columns wide.

`UPDATE_GOLDEN=1 python -m pytest tests/report` writes them anew; the difference is then reviewed
like any other.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from rich.console import Console

from tlsclose.report.text import make_console

FOLDER = Path(__file__).parent / "golden"
WIDTH = 80


def printed(
    write: Callable[[Console], None], *, encoding: str = "utf-8", width: int = WIDTH
) -> str:
    """What `write` prints to a log file of this encoding."""
    return decoded(
        lambda file: write(make_console(color="never", file=file, width=width, environ={})),
        encoding=encoding,
    )


def decoded(write: Callable[[IO[str]], None], *, encoding: str) -> str:
    """What `write` writes into a file of this encoding."""
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding=encoding, newline="\n")
    write(file)
    file.flush()
    return buffer.getvalue().decode(encoding)


def same(name: str, text: str) -> None:
    """Compare with the file, or write it."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")
