"""Without keys: what fits more than one story, so that to tell one of them would be a guess.

A sealed alert shows its size at most (TLS 1.3), or its size and that it is an alert (up to 1.2),
never which one it is. An alert-sized record that is the last of its side is taken for close_notify
all the same, as nearly all of them are. It is not, or nothing is said, where the records around it
speak for another alert, for data of that size, or for a close_notify that was not the last word.
"""

from collections.abc import Callable, Sequence
from typing import Final

from tlsclose.core.case import Case, Hit, both_notified, halves, last_record
from tlsclose.core.event import (
    ALERT_SIZED,
    PERHAPS_PADDED,
    SEALED,
    SIDES,
    Kind,
    Side,
    Source,
)

_APP_DATA: Final = Kind.APP_DATA
_RECORD: Final = Kind.RECORD
_DATA: Final = frozenset({_APP_DATA, _RECORD})
_INFERRED: Final = Source.INFERRED


def undetermined(case: Case) -> Hit | None:
    """No keys, no witness at an end, and a close of which the sealed records leave a doubt."""
    if case.provider_testified or case.teardown.first_closer is None:
        return None
    for doubt in DOUBTS:
        hit = doubt(case)
        if hit is not None:
            return hit
    return None


def _padded(case: Case) -> Hit | None:
    """The last record of a side that has not closed may be an alert with padding."""
    if both_notified(case):
        return None
    last = [last_record(case, side) for side in SIDES if not case.teardown[side].notified]
    marks = [
        index for index in last if index is not None and case.events[index].detail == PERHAPS_PADDED
    ]
    if not marks:
        return None
    return Hit(
        summary="The last records are encrypted and could be alerts or data: give the keys.",
        evidence=tuple(marks),
    )


def _overtaken(case: Case) -> Hit | None:
    """One lone record of an alert's size in a side's last flight, and data behind it.

    Several such records are data: a close_notify is sent once.
    """
    if both_notified(case):
        return None
    for side in SIDES:
        if case.teardown[side].notified:
            continue
        sized = [index for index in _data(case, side) if case.events[index].detail == ALERT_SIZED]
        if len(sized) != 1 or case.events[sized[0]].count > 1:
            continue
        behind = [index for index in _data(case, side) if index > sized[0]]
        if behind and not any(sized[0] < index < behind[-1] for index in _data(case, side.other)):
            return Hit(
                summary=f"The {side} sent a record the size of an alert and more behind it: data "
                "after close_notify, or data and no close_notify. Give the keys.",
                evidence=(sized[0], behind[-1]),
            )
    return None


def _usual_size(case: Case) -> Hit | None:
    """TLS 1.3: of several records in that size those before were data, and the last may be too.

    MQTT's pings are as short as an alert, and so is its DISCONNECT.
    """
    if not case.tls13:
        return None
    for mark in _inferred(case):
        side = case.side_of(mark)
        before = [
            index
            for index in _data(case, side)
            if index < mark and case.events[index].detail == ALERT_SIZED
        ]
        if sum(case.events[index].count for index in before) > 1:
            return Hit(
                summary=f"The {side} sent records the size of an alert before its last one, which "
                "has that size too: it could be close_notify or data. Give the keys.",
                evidence=(before[-1], mark),
            )
    return None


def _renegotiating(case: Case) -> Hit | None:
    """Up to TLS 1.2: the alerts came while a new handshake was asked for; they may refuse it."""
    alerts = _inferred(case)
    if not alerts:
        return None
    before = [
        index for index in range(min(alerts)) if case.events[index].kind in (*_DATA, Kind.HANDSHAKE)
    ]
    if not before or case.events[before[-1]].kind is not Kind.HANDSHAKE:
        return None
    if case.events[before[-1]].detail != SEALED:
        return None
    return Hit(
        summary="The last alerts came while a new handshake was asked for and are encrypted: they "
        "could close the connection or refuse that handshake. Give the keys.",
        evidence=(before[-1], *alerts),
    )


def _nothing_else(case: Case) -> Hit | None:
    """A side's only word since the handshake, alert-sized, may say what it did not accept.

    Not where the other side answers in kind and waits for no more: a visit without data.
    """
    up = case.up
    alerts = _inferred(case)
    if up is None or not alerts:
        return None
    side = case.side_of(min(alerts))
    if any(index > up for index in _data(case, side)):
        return None
    asked = side is Side.SERVER and any(index > up for index in _data(case, side.other))
    if case.teardown[side.other].notified and not asked:
        return None
    return Hit(
        summary=f"The {side} sent nothing after the handshake but one encrypted record the size "
        "of an alert: it could be close_notify or an error. Give the keys.",
        evidence=(min(alerts),),
    )


def _half_closed(case: Case) -> Hit | None:
    """TLS 1.3: an answer came after the asker's close_notify; it may have been cut off for it."""
    up = case.up
    if up is None or not case.tls13:
        return None
    for notified in _inferred(case):
        asker = case.side_of(notified)
        asked = any(up < index < notified for index in _data(case, asker))
        answer = [index for index in _data(case, asker.other) if index > up]
        if asked and answer and answer[0] > notified:
            return Hit(
                summary=f"The {asker} half-closed before anything had come, as it seems; whether "
                f"the {asker.other} then sent all of its answer is encrypted. Give the keys.",
                evidence=(notified, answer[-1]),
            )
    return None


def _data(case: Case, side: Side) -> Sequence[int]:
    own = case.seen[side]
    data, sealed = own.get(_APP_DATA, ()), own.get(_RECORD, ())
    return sorted((*data, *sealed)) if data and sealed else data or sealed


def _inferred(case: Case) -> tuple[int, ...]:
    """The halves' close_notify of which only the size is known."""
    if _INFERRED not in case.seen.sources:
        return ()
    marks = (half.close_notify for half in halves(case))
    return tuple(
        mark for mark in marks if mark is not None and case.events[mark].source is _INFERRED
    )


DOUBTS: Final[tuple[Callable[[Case], Hit | None], ...]] = (
    _padded,
    _overtaken,
    _usual_size,
    _renegotiating,
    _nothing_else,
    _half_closed,
)
