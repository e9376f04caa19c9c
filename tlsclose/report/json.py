"""Reports as the JSON of the contract, version 1.

Names are public: adding one is free, renaming or removing one breaks users. Times are integer
nanoseconds since `started_at`; lists are never null. `schema.json` describes every name.
"""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from tlsclose import __version__
from tlsclose.core.event import Event
from tlsclose.core.report import (
    Action,
    CaptureInfo,
    ConnectionInfo,
    ProviderInfo,
    Report,
    Summary,
    TargetInfo,
    TlsInfo,
    Unobserved,
    Wait,
)
from tlsclose.core.teardown import HalfClose, Teardown
from tlsclose.core.verdict import Finding, Verdict
from tlsclose.report.safe import sealed

if TYPE_CHECKING:
    from tlsclose.core.message import Message
    from tlsclose.core.procedure import Step

SCHEMA_VERSION: Final = 1

_compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_spaced: Final = json.JSONEncoder(ensure_ascii=False).encode
"""Not `indent`: that encoder is many times slower."""

Object = dict[str, object]


def document(reports: Iterable[Report], summary: Summary | None = None) -> Object:
    """One document for a whole run; observers add a summary."""
    whole = {**frame(), "reports": [report_object(report) for report in reports]}
    return whole if summary is None else {**whole, "summary": summary_object(summary)}


def summary_object(summary: Summary) -> Object:
    """What an observer's run comes to."""
    return {
        "connections": summary.connections,
        "by_code": dict(summary.by_code),
        "packets": summary.packets,
        "bytes": summary.bytes,
        "without_tls": summary.without_tls,
        "left_out": summary.left_out,
        "unreadable": summary.unreadable,
    }


def frame() -> Object:
    """A document's head: everything but its reports."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tlsclose", "version": __version__},
    }


def line(report: Report) -> str:
    """One report as one line, without its newline."""
    return _compact(report_object(report))


def pretty(report: Report) -> str:
    """One report over several lines, for people and diffs: a name a line, and an event a line."""
    lines = [
        f"  {_spaced(name)}: {_laid_out(part)}" for name, part in report_object(report).items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}"


def _laid_out(part: object) -> str:
    if not isinstance(part, list) or not part:
        return _spaced(part)
    items = ",\n".join([f"    {_spaced(item)}" for item in part])
    return f"[\n{items}\n  ]"


def report_object(report: Report) -> Object:
    """One report, every text in it safe to print."""
    report = sealed(report)
    return {
        "schema_version": SCHEMA_VERSION,
        "started_at": report.started_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "role": report.role,
        "scenario": report.scenario,
        "target": _target(report.target),
        "connection": _connection(report.connection),
        "provider": _provider(report.provider),
        "tls": _tls(report.tls),
        "capture": _capture(report.capture),
        "steps": [_step(step) for step in report.steps],
        "steps_missing": report.steps_missing or None,
        "actions": [_action(action) for action in report.actions],
        "waits": [_wait(wait) for wait in report.waits],
        "events": [_event(event) for event in report.events],
        "close": _close(report.close, report.events),
        "message": _message(report.message),
        "verdict": _verdict(report.verdict),
        "provoked": report.provoked,
        "findings": [_finding(finding) for finding in report.findings],
        "unobserved": _unobserved(report.unobserved),
    }


def _target(target: TargetInfo | None) -> Object | None:
    if target is None:
        return None
    return {"host": target.host, "port": target.port, "address": target.address}


def _connection(connection: ConnectionInfo | None) -> Object | None:
    if connection is None:
        return None
    return {
        "client": connection.client,
        "server": connection.server,
        "stream": connection.stream,
    }


def _provider(provider: ProviderInfo | None) -> Object | None:
    return None if provider is None else {"name": provider.name, "version": provider.version}


def _tls(tls: TlsInfo) -> Object:
    return {
        "version": tls.version,
        "cipher": tls.cipher,
        "alpn": tls.alpn,
        "sni": tls.sni,
        "resumed": tls.resumed,
        "preamble": tls.preamble,
        "certificate": {"ok": tls.certificate.ok, "error": tls.certificate.error or None},
    }


def _capture(capture: CaptureInfo) -> Object:
    return {
        "source": capture.source,
        "interface": capture.interface,
        "packets": capture.packets,
        "dropped": capture.dropped,
        "path": capture.path,
        "note": capture.note or None,
    }


def _step(step: "Step") -> Object:
    return {
        "name": step.name,
        "at_ns": step.at_ns,
        "call": step.call,
        "status": step.status.name,
        "native": step.native,
        "bytes": step.bytes,
        "rounds": step.rounds,
    }


def _action(action: Action) -> Object:
    return {"at_ns": action.at_ns, "name": action.name, "detail": action.detail}


def _wait(wait: Wait) -> Object:
    return {
        "name": wait.name,
        "at_ns": wait.at_ns,
        "length_ns": wait.length_ns,
        "outcome": wait.outcome,
    }


def _event(event: Event) -> Object:
    return {
        "at_ns": event.at_ns,
        "sender": event.sender,
        "kind": event.kind,
        "source": event.source,
        "detail": event.detail,
        "bytes": event.bytes,
        "count": event.count,
        "until_ns": event.until_ns,
        "packet": event.packet,
        "waited_ns": event.waited_ns,
        "note": event.note or None,
    }


def _close(close: Teardown | None, events: Sequence[Event]) -> Object | None:
    if close is None:
        return None
    return {
        "first_closer": close.first_closer,
        "answer_ns": close.answer_ns,
        "client": _half(close.client, events),
        "server": _half(close.server, events),
    }


def _half(half: HalfClose, events: Sequence[Event]) -> Object:
    def at(index: int | None) -> int | None:
        return None if index is None else events[index].at_ns

    return {
        "half": half.half,
        "close_notify_ns": at(half.close_notify),
        "fin_ns": at(half.fin),
        "rst_ns": at(half.rst),
    }


def _message(message: "Message | None") -> Object | None:
    if message is None:
        return None
    return {
        "sender": message.sender,
        "protocol": message.protocol,
        "framing": message.framing,
        "complete": message.complete,
        "bytes": message.bytes,
        "expected": message.expected,
        "status": message.status,
        "note": message.note or None,
    }


def _verdict(verdict: Verdict | None) -> Object | None:
    if verdict is None:
        return None
    return {
        "code": verdict.code,
        "severity": verdict.severity,
        "confidence": verdict.confidence,
        "blame": verdict.blame,
        "truncation_risk": verdict.truncation_risk,
        "rule": verdict.rule,
        "summary": verdict.summary,
        "evidence": list(verdict.evidence),
    }


def _finding(finding: Finding) -> Object:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "blame": finding.blame,
        "detail": finding.detail,
        "evidence": list(finding.evidence),
    }


def _unobserved(unobserved: Unobserved | None) -> Object | None:
    if unobserved is None:
        return None
    return {"stage": unobserved.stage, "reason": unobserved.reason}
