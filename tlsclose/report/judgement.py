"""The verdict in words that a person can act on, as labelled paragraphs; no layout."""

from collections.abc import Iterator, Sequence
from typing import Final

from tlsclose.core.event import Event, Kind, Source
from tlsclose.core.message import Framing, Message
from tlsclose.core.report import Report
from tlsclose.core.verdict import Code, Finding, Severity, TruncationRisk, Verdict
from tlsclose.report.advice import after_unobserved, next_steps, users_see
from tlsclose.report.amount import Clock, duration, glued, size
from tlsclose.report.axis import clock
from tlsclose.report.labels import spoken
from tlsclose.report.provoked import on_purpose

EVIDENCE_SHOWN: Final = 8
"""Events named as evidence; a long run of them is counted."""

_RISKS: Final = {
    TruncationRisk.NONE: "none at risk",
    TruncationRisk.POSSIBLE: "truncation possible",
    TruncationRisk.CERTAIN: "truncated",
}

_PROOFS: Final = {
    Source.DECRYPTED: "decrypted",
    Source.WIRE: "seen in the clear",
    Source.PROVIDER: "told by the TLS API",
    Source.SOCKET: "told by the socket",
    Source.INFERRED: "by record type and length",
}

_TOLD_TOO: Final = f"{_PROOFS[Source.PROVIDER]}, on the wire inferred {_PROOFS[Source.INFERRED]}"

_REPAIRS: Final = ("retransmitted", "out of order")
"""How notes on what TCP put right by itself end."""


def title(verdict: Verdict) -> str:
    """`PREMATURE CLOSE`."""
    return verdict.code.value.replace("-", " ").upper()


def paragraphs(report: Report, verdict: Verdict) -> Iterator[tuple[str, ...]]:
    """Label and texts, in the order in which a reader asks: who, what is lost, how sure, what now.

    Every text of `report` has been made safe before.
    """
    if verdict.blame is not None:
        yield "blame", verdict.blame.value
    if report.provoked:
        yield "on purpose", *on_purpose(report)
    yield "data", _data(verdict.truncation_risk, report.message)
    close = _close(report)
    if close:
        yield "close", close
    if report.unobserved is not None:
        yield "handshake", report.unobserved.reason
    yield "proof", _proof(report, verdict)
    if verdict.rule:
        yield "rule", verdict.rule
    if report.steps_missing:
        yield "steps", report.steps_missing
    if verdict.severity is not Severity.OK and not report.provoked:
        yield from _advice(report, verdict.code)


def unobserved_paragraphs(report: Report) -> Iterator[tuple[str, ...]]:
    """What to do where nothing could be judged."""
    if report.unobserved is not None:
        yield "next", *after_unobserved(report, report.unobserved.stage)


def findings(report: Report, *, verbosity: int) -> Iterator[tuple[Severity, str]]:
    """One sentence for each finding beside the verdict; TCP's ordinary repairs from -v on."""
    for finding in report.findings:
        if verbosity < 1 and _is_repair(finding):
            continue
        blame = f" ({finding.blame.value})" if finding.blame else ""
        yield finding.severity, f"{finding.code}{blame}: {finding.detail}"


def _is_repair(finding: Finding) -> bool:
    return finding.code == "capture-note" and finding.detail.endswith(_REPAIRS)


def _data(risk: TruncationRisk, message: Message | None) -> str:
    text = _RISKS[risk]
    return f"{text}; {_arrived(message)}" if message is not None else text


def _arrived(message: Message) -> str:
    amount = size(message.bytes)
    if message.expected is not None and message.expected != message.bytes:
        amount = f"{amount} of {size(message.expected)}"
    status = f" {message.status}" if message.status is not None else ""
    note = f" ({message.note})" if message.note else ""
    ending = {True: "complete", False: "incomplete", None: _open_end(message)}[message.complete]
    framing = "" if message.framing is Framing.UNKNOWN else f", {message.framing.value}"
    return f"{message.protocol.upper()}{status}{framing}, {glued(amount)}, {ending}{note}"


def _open_end(message: Message) -> str:
    """What to say where the message's own framing does not tell."""
    match message.framing:
        case Framing.CLOSE_DELIMITED:
            return "ends with the connection"
        case Framing.UNKNOWN:
            return "no framing known"
    return "arrival not confirmed"


def _close(report: Report) -> str:
    if report.close is None or report.close.first_closer is None:
        return ""
    first = f"{report.close.first_closer.value} first"
    if report.verdict is not None and report.verdict.code is Code.NOT_TLS:
        return first  # no TLS, no half of it to take down
    client, server = report.close.client.half.value, report.close.server.half.value
    halves = f"both {client}" if client == server else f"client {client}, server {server}"
    if report.close.answer_ns is None:
        return f"{first}; {halves}"
    answer = glued(f"after {duration(report.close.answer_ns)}")
    return f"{first}, {report.close.first_closer.other.value} answered {answer}; {halves}"


def _proof(report: Report, verdict: Verdict) -> str:
    events, times = report.events, clock(report)
    shown = [events[index] for index in verdict.evidence if 0 <= index < len(events)]
    how = verdict.confidence.value
    ways = list(dict.fromkeys(_way(event, events) for event in _telling(shown)))
    if ways:
        how = f"{how} ({', '.join(ways)})"
    told = [_fact(event, times) for event in shown[:EVIDENCE_SHOWN]]
    if len(shown) > EVIDENCE_SHOWN:
        told.append(f"{len(shown) - EVIDENCE_SHOWN} more")
    return f"{how}: {', '.join(told)}" if told else how


def _way(event: Event, events: Sequence[Event]) -> str:
    """How an event is known; what the wire only lets infer, the TLS API may have told as well."""
    told = any(
        other.source is Source.PROVIDER and (other.kind, other.sender) == (event.kind, event.sender)
        for other in events
    )
    if event.source is Source.INFERRED and told:
        return _TOLD_TOO
    return _PROOFS[event.source]


def _telling(events: list[Event]) -> list[Event]:
    """The evidence that needed more than packet headers, or all of it."""
    return [event for event in events if event.kind in (Kind.CLOSE_NOTIFY, Kind.ALERT)] or events


def _fact(event: Event, times: Clock) -> str:
    at = f"{times.text(event.at_ns)} {times.unit}"
    if event.kind is Kind.TIMEOUT:
        return glued(f"{event.sender.value} silent until {at}")
    return f"{event.sender.value} {spoken(event)} {glued(f'at {at}')}"


def _advice(report: Report, code: Code) -> Iterator[tuple[str, ...]]:
    seen = users_see(code)
    if seen:
        yield "users see", *seen
    yield "next", *next_steps(report, code)
