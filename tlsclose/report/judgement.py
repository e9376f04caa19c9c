"""The verdict in words that a person can act on, as labelled paragraphs; no layout."""

from collections.abc import Iterator
from typing import Final

from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.core.message import Framing, Message
from tlsclose.core.report import Report
from tlsclose.core.verdict import Code, Severity, TruncationRisk, Verdict
from tlsclose.report.advice import next_steps, users_see
from tlsclose.report.amount import duration, glued, size
from tlsclose.report.labels import spoken

EVIDENCE_SHOWN: Final = 8
"""Events named as evidence; a long run of them is counted."""

_RISKS: Final = {
    TruncationRisk.NONE: "none at risk",
    TruncationRisk.POSSIBLE: "truncation possible: a cut-off end would look the same",
    TruncationRisk.CERTAIN: "truncated: bytes are known to be missing",
}

_PROOFS: Final = {
    Source.DECRYPTED: "decrypted",
    Source.WIRE: "seen in the clear",
    Source.PROVIDER: "told by the TLS API",
    Source.SOCKET: "told by the socket",
    Source.INFERRED: "by record type and length",
}

_KINDS_OF_CLOSE: Final = frozenset({Kind.CLOSE_NOTIFY, Kind.ALERT, Kind.FIN, Kind.RST})


def title(verdict: Verdict) -> str:
    """`PREMATURE CLOSE`."""
    return verdict.code.value.replace("-", " ").upper()


def paragraphs(report: Report, verdict: Verdict, *, verbosity: int) -> Iterator[tuple[str, str]]:
    """Label and text, in the order in which a reader asks: who, what is lost, how sure, what now.

    Every text of `report` has been made safe before.
    """
    if verdict.blame is not None:
        yield "blame", verdict.blame.value
    if report.provoked:
        yield "on purpose", _on_purpose(report)
    yield "data", _data(verdict.truncation_risk, report.message)
    close = _close(report)
    if close:
        yield "close", close
    yield "proof", _proof(report.events, verdict)
    if verdict.rule:
        yield "rule", verdict.rule
    if report.steps_missing and verbosity >= 0:
        yield "steps", report.steps_missing
    if report.tls.certificate.error:
        yield "cert", report.tls.certificate.error
    if verdict.severity is not Severity.OK and not report.provoked:
        yield from _advice(report, verdict.code)


def findings(report: Report) -> Iterator[tuple[Severity, str]]:
    """One sentence for each finding beside the verdict."""
    for finding in report.findings:
        blame = f" ({finding.blame.value})" if finding.blame else ""
        yield finding.severity, f"{finding.code}{blame}: {finding.detail}"


def unobserved(report: Report) -> str:
    """`unobserved at connect: connection refused (127.0.0.1:1)`; empty where all was seen."""
    if report.unobserved is None:
        return ""
    return f"unobserved at {report.unobserved.stage.value}: {report.unobserved.reason}"


def _data(risk: TruncationRisk, message: Message | None) -> str:
    text = _RISKS[risk]
    return f"{text}; {_arrived(message)}" if message is not None else text


def _arrived(message: Message) -> str:
    amount = size(message.bytes)
    if message.expected is not None and message.expected != message.bytes:
        amount = f"{amount} of {size(message.expected)}"
    status = f" {message.status}" if message.status is not None else ""
    note = f" ({message.note})" if message.note else ""
    ending = {True: "complete", False: "incomplete", None: "end not marked"}[message.complete]
    framing = "" if message.framing is Framing.UNKNOWN else f", {message.framing.value}"
    return f"{message.protocol.upper()}{status}{framing}, {glued(amount)}, {ending}{note}"


def _close(report: Report) -> str:
    if report.close is None or report.close.first_closer is None:
        return ""
    first = f"{report.close.first_closer.value} first"
    halves = f"client {report.close.client.half.value}, server {report.close.server.half.value}"
    if report.close.answer_ns is None:
        return f"{first}; {halves}"
    return f"{first}, answered {glued(f'after {duration(report.close.answer_ns)}')}; {halves}"


def _proof(events: tuple[Event, ...], verdict: Verdict) -> str:
    shown = [events[index] for index in verdict.evidence if 0 <= index < len(events)]
    how = verdict.confidence.value
    ways = list(dict.fromkeys(_PROOFS[event.source] for event in _telling(shown)))
    if ways:
        how = f"{how} ({', '.join(ways)})"
    told = [_fact(event) for event in shown[:EVIDENCE_SHOWN]]
    if len(shown) > EVIDENCE_SHOWN:
        told.append(f"{len(shown) - EVIDENCE_SHOWN} more")
    return f"{how}: {', '.join(told)}" if told else how


def _telling(events: list[Event]) -> list[Event]:
    """The evidence that needed more than packet headers, or all of it."""
    return [event for event in events if event.kind in (Kind.CLOSE_NOTIFY, Kind.ALERT)] or events


def _fact(event: Event) -> str:
    at = f"{event.at_ns / 1_000_000:.1f} ms"
    if event.kind is Kind.TIMEOUT:
        return glued(f"{event.sender.value} silent until {at}")
    return f"{event.sender.value} {spoken(event)} {glued(f'at {at}')}"


def _on_purpose(report: Report) -> str:
    ours = report.role.side
    scenario = f"scenario {report.scenario}" if report.scenario else "the scenario"
    if ours is None:
        return f"{scenario} set out to do this"
    return f"tlsclose, the {ours.value}, did this itself: {scenario}. {_answer(report, ours)}"


def _answer(report: Report, ours: Side) -> str:
    """What the peer did once our side had begun to close."""
    begun = next((e.at_ns for e in report.events if e.sender is ours and _ending(e)), None)
    answer: dict[str, int] = {}
    for event in report.events:
        if event.sender is ours.other and _ending(event) and event.at_ns >= (begun or 0):
            answer.setdefault(spoken(event), event.at_ns - (begun or 0))
    who = f"The {ours.other.value}"
    if not answer:
        return f"{who} did not answer."
    told = ", ".join(
        f"{name} {glued(f'after {duration(length)}')}" for name, length in answer.items()
    )
    return f"{who} answered: {told}."


def _ending(event: Event) -> bool:
    return event.kind in _KINDS_OF_CLOSE


def _advice(report: Report, code: Code) -> Iterator[tuple[str, str]]:
    seen = users_see(code)
    if seen:
        yield "users see", " · ".join(seen)
    yield "next", " · ".join(next_steps(report, code))
