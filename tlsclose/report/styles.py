"""Colours by meaning. Sixteen-colour names, so that a terminal's own theme decides."""

from typing import Final

from tlsclose.core.verdict import Severity

SEVERITY_STYLES: Final = {
    Severity.OK: "green",
    Severity.NOTE: "blue",
    Severity.WARNING: "yellow",
    Severity.ERROR: "red",
}
LABEL_STYLE: Final = "dim"
UNOBSERVED_STYLE: Final = "yellow"
ESCAPES: Final = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34}
"""How a terminal is told (ECMA-48 section 8.3.117, SGR)."""
