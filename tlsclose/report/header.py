"""The line above a picture: which connection, which TLS, and how it was watched."""

from typing import Final, assert_never

from tlsclose.core.report import CaptureInfo, CaptureSource, Report, Role
from tlsclose.report.amount import plural
from tlsclose.report.safe import clean

PART_LIMIT: Final = 120
"""Characters of one part: a host name of a hostile length must not push the picture away."""


def header(report: Report) -> tuple[str, ...]:
    """Target, scenario, TLS, provider, capture; parts that are not known are left out."""
    tls = report.tls
    version = f"TLS {tls.version}" if tls.version else ""
    if tls.version == "3.0":
        version = "SSL 3.0"
    parts = (
        _numbered(report),
        report.scenario or "",
        " ".join(filter(None, (version, tls.cipher))),
        f"ALPN {tls.alpn}" if tls.alpn else "",
        "resumed" if tls.resumed else "",
        report.provider.version if report.provider else "",
        captured(report.capture) if report.connection is not None else "",
    )
    return tuple(clean(part, PART_LIMIT) for part in parts if part)


def _numbered(report: Report) -> str:
    """The name, and for a listener which client this was."""
    if report.role is Role.SERVER and report.connection is not None:
        return f"client {report.connection.stream + 1}: {name(report)}"
    return name(report)


def name(report: Report) -> str:
    """What a person calls this connection: the target, or the two ends."""
    if report.target is not None:
        host = report.target.host
        return f"[{host}]:{report.target.port}" if ":" in host else f"{host}:{report.target.port}"
    if report.connection is not None:
        return f"{report.connection.client} to {report.connection.server}"
    return "connection"


def captured(capture: CaptureInfo) -> str:
    """How the wire was watched, with what was missed."""
    lost = f", {plural(capture.dropped, 'packet')} dropped" if capture.dropped else ""
    match capture.source:
        case CaptureSource.SNIFF:
            return (
                f"sniffed on {capture.interface}{lost}" if capture.interface else f"sniffed{lost}"
            )
        case CaptureSource.TAP:
            return f"socket tap: {capture.note}" if capture.note else "socket tap"
        case CaptureSource.FILE:
            return f"from {capture.path}{lost}" if capture.path else f"from a capture{lost}"
        case CaptureSource.OFF:
            return "capture off"
    assert_never(capture.source)
