"""What is worth knowing beside the verdict: literal detectors, each with its severity."""

from collections.abc import Callable, Iterator
from typing import Final

from tlsclose.core.alert import AlertDescription, AlertLevel
from tlsclose.core.case import Case, alert_name, before, waited
from tlsclose.core.event import (
    ON_THE_WIRE,
    STRAY_RESET,
    UNPROTECTED_ALERT,
    Event,
    Kind,
    Loss,
    Side,
    Source,
)
from tlsclose.core.risk import noun
from tlsclose.core.teardown import Half
from tlsclose.core.verdict import Code, Finding, Severity, Verdict

_LEFT_OPEN: Final = {Half.NOTIFIED: "close_notify", Half.ABORTED: "a fatal alert"}
_SEEN: Final = (Source.WIRE, Source.DECRYPTED)

Detector = Callable[[Case, Verdict], Iterator[Finding]]


def findings(case: Case, verdict: Verdict) -> tuple[Finding, ...]:
    """Run every detector over a judged case."""
    return tuple(finding for detect in DETECTORS for finding in detect(case, verdict))


def _message_incomplete(case: Case, verdict: Verdict) -> Iterator[Finding]:
    message = case.message
    if message is None or message.complete is not False:
        return
    if verdict.code in (Code.HALF_CLOSE_CUT, Code.HANDSHAKE_FAILED, Code.NOT_TLS):
        return
    yield Finding(
        code="message-incomplete",
        severity=Severity.WARNING,
        blame=message.sender,
        detail=f"The {message.sender}'s {noun(message)} lacks its end"
        + (f": {message.note}." if message.note else "."),
    )


def _duplicate(case: Case, _: Verdict) -> Iterator[Finding]:
    for side in Side:
        half = case.teardown[side]
        if half.repeated:
            yield Finding(
                code="duplicate-close-notify",
                severity=Severity.NOTE,
                blame=side,
                detail=f"The {side} sent close_notify {1 + len(half.repeated)} times; "
                "nothing may follow the first (RFC 9846 6.1).",
                evidence=half.repeated,
            )


def _fatal_level(case: Case, _: Verdict) -> Iterator[Finding]:
    for side in Side:
        index = case.teardown[side].close_notify
        alert = None if index is None else case.events[index].alert
        if index is not None and alert is not None and alert.level != AlertLevel.WARNING:
            yield Finding(
                code="close-notify-level",
                severity=Severity.NOTE,
                blame=side,
                detail=f"The {side} sent close_notify with level {alert.level_name} instead of "
                "warning (RFC 9846 6.1); some stacks take that for an error.",
                evidence=(index,),
            )


def _user_canceled(case: Case, _: Verdict) -> Iterator[Finding]:
    for side in Side:
        indices = _cancellations(case.events, side)
        if not indices:
            continue
        half = case.teardown[side]
        alone = "" if half.notified else " No close_notify followed it (RFC 9846 6.1)."
        yield Finding(
            code="user-canceled",
            severity=Severity.NOTE,
            blame=side,
            detail=f"The {side} sent user_canceled, which is meant for cancelling a "
            f"handshake, as JSSE does on every close; GnuTLS takes it for fatal.{alone}",
            evidence=indices,
        )


def _cancellations(events: tuple[Event, ...], side: Side) -> tuple[int, ...]:
    """The wire's account of user_canceled, or the TLS API's where the wire has none."""
    indices = [
        index
        for index, event in enumerate(events)
        if event.sender is side
        and event.kind is Kind.ALERT
        and event.alert is not None
        and event.alert.description == AlertDescription.USER_CANCELED
    ]
    wire = [index for index in indices if events[index].source in ON_THE_WIRE]
    return tuple(wire or indices)


def _after_the_end(case: Case, _: Verdict) -> Iterator[Finding]:
    """What may not follow one's own closing alert, data after close_notify apart: the verdict."""
    for side in Side:
        half = case.teardown[side]
        for mark, kinds, words in (
            (half.close_notify, {Kind.HANDSHAKE}, "a handshake message after its close_notify"),
            (half.fatal, {Kind.HANDSHAKE, Kind.APP_DATA}, "more records after its fatal alert"),
        ):
            index = None if mark is None else _next_seen(case.events, side, kinds, mark)
            if index is not None:
                yield Finding(
                    code="sent-after-alert",
                    severity=Severity.NOTE,
                    blame=side,
                    detail=f"The {side} sent {words} (RFC 9846 6.1, 6.2).",
                    evidence=(index,),
                )


def _next_seen(events: tuple[Event, ...], side: Side, kinds: set[Kind], mark: int) -> int | None:
    """Both facts must be the wire's own: clocks of witnesses differ, inference proves neither."""
    if events[mark].source not in _SEEN:
        return None
    return next(
        (
            index
            for index in range(mark + 1, len(events))
            if events[index].sender is side
            and events[index].kind in kinds
            and events[index].source in _SEEN
        ),
        None,
    )


def _alert_after_close(case: Case, verdict: Verdict) -> Iterator[Finding]:
    for side in Side:
        index = case.teardown[side].fatal
        if index is None or verdict.code in (Code.FATAL_ALERT, Code.HANDSHAKE_FAILED):
            continue
        after = before(case.teardown[side.other].fin, index)
        yield Finding(
            code="fatal-alert-sent",
            severity=Severity.NOTE,
            blame=None,
            detail=f"The {side} sent {alert_name(case, index)}"
            + (f" in reply to the {side.other}'s FIN." if after else "."),
            evidence=(index,),
        )


def _reset_noise(case: Case, verdict: Verdict) -> Iterator[Finding]:
    if verdict.code in (Code.RESET, Code.RESET_AFTER_CLOSE, Code.DATA_LOST, Code.HANDSHAKE_FAILED):
        return
    for side in Side:
        index = case.teardown[side].rst
        if index is not None and index not in verdict.evidence:
            note = case.events[index].note
            yield Finding(
                code="reset-followed",
                severity=Severity.NOTE,
                blame=side,
                detail=f"A reset by the {side} followed" + (f", {note}." if note else "."),
                evidence=(index,),
            )


def _tcp_left_open(case: Case, verdict: Verdict) -> Iterator[Finding]:
    for index, event in enumerate(case.events):
        half = case.teardown[event.sender]
        said = _LEFT_OPEN.get(half.half)
        if event.kind is not Kind.TIMEOUT or said is None or index in verdict.evidence:
            continue
        if any(mark < index for mark in half.marks):
            yield Finding(
                code="tcp-left-open",
                severity=Severity.NOTE,
                blame=event.sender,
                detail=f"The {event.sender} sent {said} but left TCP open: no FIN {waited(event)}.",
                evidence=(index,),
            )


def _response_discarded(case: Case, verdict: Verdict) -> Iterator[Finding]:
    """TLS up to 1.2 demands what in TLS 1.3 would be a half-close cut."""
    message = case.message
    if verdict.code is not Code.CLEAN or case.tls13 or message is None:
        return
    asked_first = case.teardown.first_closer is message.sender.other
    if message.complete is False and asked_first:
        yield Finding(
            code="response-discarded",
            severity=Severity.NOTE,
            blame=None,
            detail=f"The {message.sender} dropped pending data on close_notify, as RFC 5246 7.2.1 "
            "demands; TLS 1.3 lets it finish.",
        )


def _unprotected_alert(case: Case, _: Verdict) -> Iterator[Finding]:
    for index, event in enumerate(case.events):
        if event.kind is Kind.RECORD and event.detail == UNPROTECTED_ALERT:
            yield Finding(
                code="unprotected-alert",
                severity=Severity.WARNING,
                blame=None,
                detail=f"An alert in the clear came as if from the {event.sender} after the "
                "handshake: anybody on the path could have written it, so it counts for nothing.",
                evidence=(index,),
            )


def _stray_reset(case: Case, _: Verdict) -> Iterator[Finding]:
    for index, event in enumerate(case.events):
        if event.kind is Kind.RST and event.detail == STRAY_RESET:
            yield Finding(
                code="stray-reset",
                severity=Severity.NOTE,
                blame=None,
                detail=f"A reset came as if from the {event.sender} and ended nothing"
                + (f": {event.note}." if event.note else "."),
                evidence=(index,),
            )


def _witnesses_disagree(case: Case, _: Verdict) -> Iterator[Finding]:
    """The TLS API tells of a close_notify that the opened records do not show."""
    for side in Side:
        told = _sources(case.events, side, {Kind.CLOSE_NOTIFY})
        opened = Source.DECRYPTED in _sources(case.events, side, {Kind.APP_DATA, Kind.HANDSHAKE})
        gap = any(event.kind is Kind.GAP and event.sender is side for event in case.events)
        if told == {Source.PROVIDER} and opened and not gap and case.teardown[side].rst is None:
            yield Finding(
                code="witnesses-disagree",
                severity=Severity.WARNING,
                blame=None,
                detail=f"The TLS API tells of a close_notify by the {side} that the wire does "
                "not show: the call returned, the alert may not have left the host.",
            )


def _capture_gap(case: Case, verdict: Verdict) -> Iterator[Finding]:
    index = case.first(Kind.GAP, Loss.NOT_CAPTURED)
    if index is not None and index not in verdict.evidence:
        event = case.events[index]
        yield Finding(
            code="capture-gap",
            severity=Severity.NOTE,
            blame=None,
            detail=f"The capture lacks {event.bytes} bytes of the {event.sender}; "
            "the TLS API made up for them.",
            evidence=(index,),
        )


def _sources(events: tuple[Event, ...], side: Side, kinds: set[Kind]) -> set[Source]:
    return {event.source for event in events if event.sender is side and event.kind in kinds}


DETECTORS: Final[tuple[Detector, ...]] = (
    _message_incomplete,
    _response_discarded,
    _duplicate,
    _fatal_level,
    _user_canceled,
    _after_the_end,
    _alert_after_close,
    _reset_noise,
    _tcp_left_open,
    _unprotected_alert,
    _stray_reset,
    _witnesses_disagree,
    _capture_gap,
)
