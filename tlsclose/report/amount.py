"""Times and sizes as a person reads them. Pure text."""

from typing import Final

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
GLUE: Final = "\u00a0"
"""Stands for a space at which no line breaks; `safe.clean` leaves none of it in foreign text."""

_SIZES: Final = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_EXACT_BELOW: Final = 10_000
"""Sizes up to here are shown to the byte: lengths of alerts and small bodies matter."""


def duration(ns: int) -> str:
    """`0.21 ms`, `11.4 ms`, `320 ms`, `5.00 s`, `125 s`."""
    if ns >= NS_PER_S - NS_PER_MS // 2:
        return f"{_three_digits(ns / NS_PER_S)} s"
    return f"{_three_digits(ns / NS_PER_MS)} ms"


def _three_digits(value: float) -> str:
    if abs(value) < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 99.95 else f"{value:.0f}"


def size(count: int) -> str:
    """`24 B`, `5 263 B`, `64.0 kB`, `5.1 MB` (decimal units)."""
    if abs(count) < _EXACT_BELOW:
        return f"{number(count)} B"
    return rough(count)


def rough(count: int) -> str:
    """The same to two digits, for where there is little room: `3.7 kB`."""
    for unit, factor in _SIZES:
        if abs(count) >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def number(count: int) -> str:
    """Digits in groups of three: `12 345`."""
    return f"{count:,}".replace(",", " ")


def plural(count: int, noun: str) -> str:
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def glued(text: str) -> str:
    """The same text for `cells.wrapped` to keep on one line."""
    return text.replace(" ", GLUE)


_DIGITS: Final = ((10 * NS_PER_MS, 3), (NS_PER_S, 2), (float("inf"), 1))
"""Digits after the point of all times in milliseconds, by the longest of them."""


class Clock:
    """One unit and precision for all times of a picture, so that they line up.

    `longest_ns` is the latest time that will be shown. Texts are at most 7 characters up to
    a day.
    """

    def __init__(self, longest_ns: int) -> None:
        self._seconds = longest_ns >= 99 * NS_PER_S
        self._digits = next(digits for below, digits in _DIGITS if longest_ns < below)

    @property
    def unit(self) -> str:
        return "s" if self._seconds else "ms"

    def text(self, ns: int) -> str:
        if self._seconds:
            return f"{ns / NS_PER_S:.1f}"
        return f"{ns / NS_PER_MS:.{self._digits}f}"
