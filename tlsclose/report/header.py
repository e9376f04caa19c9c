"""The line above a picture: which connection, which TLS, and how it was watched."""

from typing import Final, assert_never

from tlsclose.core.report import CaptureInfo, CaptureSource, Report, Role
from tlsclose.report.amount import plural
from tlsclose.report.safe import clean

STDIN: Final = "-"
"""Path of a capture that came through a pipe."""
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
        (report.tls.sni or "") if report.role is Role.OBSERVER else "",
        report.scenario or "",
        " ".join(filter(None, (version, tls.cipher))),
        f"ALPN {tls.alpn}" if tls.alpn else "",
        "resumed" if tls.resumed else "",
        f"inside {tls.preamble}" if tls.preamble else "",
        report.provider.version if report.provider else "",
        _watched(report),
    )
    return tuple(clean(part, PART_LIMIT) for part in parts if part)


def _numbered(report: Report) -> str:
    """The name, and for a listener which client this was."""
    if report.role is Role.SERVER and report.connection is not None:
        return f"client {report.connection.stream + 1}: {name(report)}"
    return name(report)


def _watched(report: Report) -> str:
    """Where the packets are from; for an observer also which connection of the file it was."""
    if report.connection is None:
        return ""
    if report.role is not Role.OBSERVER:
        return captured(report.capture)
    return f"stream {report.connection.stream} {captured(report.capture)}"


def name(report: Report) -> str:
    """What a person calls this connection: the target, the two ends, or the file."""
    if report.target is not None:
        host = report.target.host
        return f"[{host}]:{report.target.port}" if ":" in host else f"{host}:{report.target.port}"
    if report.connection is not None:
        return f"{report.connection.client} to {report.connection.server}"
    return file_name(report.capture) if report.capture.path else "connection"


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
            return f"from {file_name(capture)}{lost}"
        case CaptureSource.OFF:
            return "capture off"
    assert_never(capture.source)


def file_name(capture: CaptureInfo) -> str:
    """The capture file as the user named it."""
    return "standard input" if capture.path == STDIN else capture.path or "a capture"
