"""The rules for what is no close to judge: not TLS, no finished handshake, too little seen."""

from typing import Final

from tlsclose.core.case import (
    Case,
    Hit,
    alert_name,
    before,
    ending,
    halves,
    notifications,
)
from tlsclose.core.event import Kind, Loss, Source

_NOT_TLS: Final = Kind.NOT_TLS
_TIMEOUT: Final = Kind.TIMEOUT
_GAP: Final = Kind.GAP
_NOT_CAPTURED: Final = Loss.NOT_CAPTURED
_UNSEEN: Final = Loss.UNSEEN
_FIRST_MESSAGES: Final = ("client_hello", "hello_request")


def not_tls(case: Case) -> Hit | None:
    index = case.seen.first(_NOT_TLS)
    if index is None or case.handshake_complete:
        return None
    event = case.events[index]
    return Hit(
        summary=f"The {event.sender} does not speak TLS here"
        + (f": {event.detail}." if event.detail else "."),
        evidence=(index,),
        blame=event.sender,
    )


def handshake_failed(case: Case) -> Hit | None:
    if case.handshake_complete or given_up(case) or _starts_late(case):
        return None
    return _handshake_ended(case)


def given_up(case: Case) -> bool:
    """The wait for the handshake ran out before anyone closed: who then closes is not to blame."""
    if case.handshake_complete:
        return False
    index = case.seen.first(_TIMEOUT)
    if index is None:
        return False
    return not any(before(mark, index) for half in halves(case) for mark in half.marks)


def _handshake_ended(case: Case) -> Hit | None:
    closer = case.teardown.first_closer
    if closer is None:
        return None
    half = case.teardown[closer]
    if half.fatal is not None:
        text = f"The {closer} ended the handshake with an alert: {alert_name(case, half.fatal)}."
        return Hit(summary=text, evidence=(half.fatal,))
    how, index = ending(half)
    return Hit(
        summary=f"The {closer} ended the connection with {how} before the handshake finished.",
        evidence=(index,),
        blame=closer,
    )


def _starts_late(case: Case) -> bool:
    """The capture began after the handshake, or lacks a part of it."""
    if case.handshake_complete or case.provider_testified:
        return False
    if _capture_gap(case) is not None:
        return True
    if case.seen.first(Kind.SYN) is not None:
        return False
    first = case.seen.first(Kind.HANDSHAKE)
    return _inside_handshake(case, first) or _sealed_before(case, first)


def _inside_handshake(case: Case, first: int | None) -> bool:
    """The first handshake message is none that begins one: what ended it may have come before."""
    return first is not None and not case.events[first].detail.startswith(_FIRST_MESSAGES)


def _sealed_before(case: Case, handshake: int | None) -> bool:
    return any(
        event.kind in (Kind.APP_DATA, Kind.RECORD) or event.source is Source.INFERRED
        for event in case.events[:handshake]
    )


def capture_incomplete(case: Case) -> Hit | None:
    """An end's own TLS API makes up for packets that only the capture lacks."""
    if case.provider_testified:
        return None
    index = _capture_gap(case)
    if index is None:
        text = "The capture starts after the handshake: no judgement."
        return Hit(summary=text, evidence=()) if _starts_late(case) else None
    event = case.events[index]
    fate = (
        "that were acknowledged"
        if event.detail == _NOT_CAPTURED
        else "and does not show whether they arrived"
    )
    return Hit(
        summary=f"The capture lacks {event.bytes} bytes of the {event.sender} {fate}: "
        "no judgement.",
        evidence=(index,),
    )


def _capture_gap(case: Case) -> int | None:
    index = case.seen.first(_GAP, _NOT_CAPTURED)
    return case.seen.first(_GAP, _UNSEEN) if index is None else index


def capture_ends_early(case: Case) -> Hit | None:
    if case.teardown.first_closer is None:
        return Hit(summary="Nobody closed before the capture ends: no judgement.", evidence=())
    return Hit(
        summary="The capture ends before TCP was closed: no judgement.",
        evidence=notifications(case),
    )
