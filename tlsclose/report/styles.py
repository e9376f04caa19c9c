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
