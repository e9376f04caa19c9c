"""What is worth knowing beside the verdict: literal detectors, each with its severity."""

from collections.abc import Callable, Iterator
from typing import Final

from tlsclose.core.alert import AlertDescription, AlertLevel
from tlsclose.core.case import Case, alert_name, before, waited
from tlsclose.core.event import (
    ON_THE_WIRE,
    SIDES,
    STRAY_RESET,
    UNPROTECTED_ALERT,
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
_AS_MEANT: Final = AlertLevel.WARNING.value
_HANDSHAKES: Final = (Kind.HANDSHAKE,)
_ANY_MORE: Final = (Kind.HANDSHAKE, Kind.APP_DATA)

Detector = Callable[[Case, Verdict], Iterator[Finding]]


def findings(case: Case, verdict: Verdict) -> tuple[Finding, ...]:
    """Run every detector that may find something over a judged case."""
    found: list[Finding] = []
    if case.message is not None:
        for detect in OF_THE_MESSAGE:
            found += detect(case, verdict)
    kinds = case.seen.kinds
    for needed, detect in OF_EVENTS:
        if not needed.isdisjoint(kinds):
            found += detect(case, verdict)
    return tuple(found)


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
    for side in SIDES:
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
    for side in SIDES:
        index = case.teardown[side].close_notify
        alert = None if index is None else case.events[index].alert
        if index is not None and alert is not None and alert.level != _AS_MEANT:
            yield Finding(
                code="close-notify-level",
                severity=Severity.NOTE,
                blame=side,
                detail=f"The {side} sent close_notify with level {alert.level_name} instead of "
                "warning (RFC 9846 6.1); some stacks take that for an error.",
                evidence=(index,),
            )


def _user_canceled(case: Case, _: Verdict) -> Iterator[Finding]:
    for side in SIDES:
        indices = _cancellations(case, side)
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


def _cancellations(case: Case, side: Side) -> tuple[int, ...]:
    """The wire's account of user_canceled, or the TLS API's where the wire has none."""
    events = case.events
    indices = [
        index
        for index in case.seen[side].get(Kind.ALERT, ())
        if (alert := events[index].alert) is not None
        and alert.description == AlertDescription.USER_CANCELED
    ]
    wire = [index for index in indices if events[index].source in ON_THE_WIRE]
    return tuple(wire or indices)


def _after_the_end(case: Case, _: Verdict) -> Iterator[Finding]:
    """What may not follow one's own closing alert, data after close_notify apart: the verdict."""
    for side in SIDES:
        half = case.teardown[side]
        for mark, kinds, words in (
            (half.close_notify, _HANDSHAKES, "a handshake message after its close_notify"),
            (half.fatal, _ANY_MORE, "more records after its fatal alert"),
        ):
            index = None if mark is None else _next_seen(case, side, kinds, mark)
            if index is not None:
                yield Finding(
                    code="sent-after-alert",
                    severity=Severity.NOTE,
                    blame=side,
                    detail=f"The {side} sent {words} (RFC 9846 6.1, 6.2).",
                    evidence=(index,),
                )


def _next_seen(case: Case, side: Side, kinds: tuple[Kind, ...], mark: int) -> int | None:
    """Both facts must be the wire's own: clocks of witnesses differ, inference proves neither."""
    events, own = case.events, case.seen[side]
    if events[mark].source not in _SEEN:
        return None
    later = [index for kind in kinds for index in own.get(kind, ()) if index > mark]
    return min([index for index in later if events[index].source in _SEEN], default=None)


def _alert_after_close(case: Case, verdict: Verdict) -> Iterator[Finding]:
    for side in SIDES:
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
    for side in SIDES:
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
    for index in case.seen.every(Kind.TIMEOUT):
        event = case.events[index]
        half = case.teardown[event.sender]
        said = _LEFT_OPEN.get(half.half)
        if said is None or index in verdict.evidence:
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
    for index in case.seen.every(Kind.RECORD):
        event = case.events[index]
        if event.detail == UNPROTECTED_ALERT:
            yield Finding(
                code="unprotected-alert",
                severity=Severity.WARNING,
                blame=None,
                detail=f"An alert in the clear came as if from the {event.sender} after the "
                "handshake: anybody on the path could have written it, so it counts for nothing.",
                evidence=(index,),
            )


def _stray_reset(case: Case, _: Verdict) -> Iterator[Finding]:
    for index in case.seen.every(Kind.RST):
        event = case.events[index]
        if event.detail == STRAY_RESET:
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
    if not case.provider_testified:
        return
    for side in SIDES:
        told = _sources(case, side, (Kind.CLOSE_NOTIFY,))
        opened = Source.DECRYPTED in _sources(case, side, _ANY_MORE)
        gap = Kind.GAP in case.seen[side]
        if told == {Source.PROVIDER} and opened and not gap and case.teardown[side].rst is None:
            yield Finding(
                code="witnesses-disagree",
                severity=Severity.WARNING,
                blame=None,
                detail=f"The TLS API tells of a close_notify by the {side} that the wire does "
                "not show: the call returned, the alert may not have left the host.",
            )


def _capture_gap(case: Case, verdict: Verdict) -> Iterator[Finding]:
    index = case.seen.first(Kind.GAP, Loss.NOT_CAPTURED)
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


def _sources(case: Case, side: Side, kinds: tuple[Kind, ...]) -> set[Source]:
    own = case.seen[side]
    return {case.events[index].source for kind in kinds for index in own.get(kind, ())}


_CLOSE_NOTIFY: Final = frozenset({Kind.CLOSE_NOTIFY})
_ALERT: Final = frozenset({Kind.ALERT})

OF_THE_MESSAGE: Final[tuple[Detector, ...]] = (_message_incomplete, _response_discarded)
"""What finds something only where the message is known."""

OF_EVENTS: Final[tuple[tuple[frozenset[Kind], Detector], ...]] = (
    (_CLOSE_NOTIFY, _duplicate),
    (_CLOSE_NOTIFY, _fatal_level),
    (_ALERT, _user_canceled),
    (_CLOSE_NOTIFY | _ALERT, _after_the_end),
    (_ALERT, _alert_after_close),
    (frozenset({Kind.RST}), _reset_noise),
    (frozenset({Kind.TIMEOUT}), _tcp_left_open),
    (frozenset({Kind.RECORD}), _unprotected_alert),
    (frozenset({Kind.RST}), _stray_reset),
    (_CLOSE_NOTIFY, _witnesses_disagree),
    (frozenset({Kind.GAP}), _capture_gap),
)
"""What finds something only where there is an event of one of these kinds."""
