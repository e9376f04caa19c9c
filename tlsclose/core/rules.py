"""The ordered rules that choose one verdict. Nothing else in tlsclose judges.

The first rule that applies wins. What cannot be judged comes first (not TLS, no finished
handshake), then what harms data whatever else happened, then how TCP ended, then the clean close,
and last the cases in which nobody closed. The rules see client and server, never us.

Two distinctions that users miss most:

- The *first* FIN decides between premature and incomplete. If its sender had sent no close_notify,
  the other side could not tell that end from a cut: premature. If it had, and only the other side
  left out its own close_notify before closing too: incomplete.
- A reset is harmless once both close_notify are out, for nothing may follow them. If it came
  instead of its sender's FIN, that is `reset-after-close`. If its sender had sent FIN before, its
  socket was gone and only answered what came late (most often the other side's close_notify):
  both directions were closed as they should be, the close is clean and the reset a finding.

And two about silence: a side that has not closed TCP by the end of the record has left nothing out
yet, so nobody is blamed for it; and a wait for a message that ran out does not judge the close that
came after it.
"""

from collections.abc import Callable
from typing import Final

from tlsclose.core import doubt, unjudged
from tlsclose.core.case import (
    Case,
    Hit,
    alert_name,
    application_data,
    before,
    both_notified,
    both_notified_before,
    ending,
    first_fin_premature,
    first_reset,
    halves,
    notifications,
    waited,
)
from tlsclose.core.citations import FREE_TO_STAY
from tlsclose.core.event import SIDES, Kind, Loss, Side
from tlsclose.core.risk import amount, truncation_risk, what_it_means
from tlsclose.core.teardown import Half
from tlsclose.core.verdict import Code, TruncationRisk

_CLOSED: Final = Half.CLOSED
_GAP: Final = Kind.GAP
_NEVER_ARRIVED: Final = Loss.NEVER_ARRIVED
_UNSEEN: Final = Loss.UNSEEN
_TIMEOUT: Final = Kind.TIMEOUT

MESSAGE_WAITS: Final = frozenset({"request", "response"})
"""`Event.detail` of a timeout that waited for a message, not for a close."""


def _data_after_close(case: Case) -> Hit | None:
    marks = [half.late_data for half in halves(case) if half.late_data is not None]
    if not marks:
        return None
    side = case.side_of(min(marks))
    notified = case.teardown[side].close_notify
    return Hit(
        summary=f"The {side} sent application data after its own close_notify; "
        "the receiver must ignore it.",
        evidence=(min(marks), *(() if notified is None else (notified,))),
        blame=side,
    )


def _data_lost(case: Case) -> Hit | None:
    index = case.seen.first(_GAP, _NEVER_ARRIVED)
    if index is None and case.provider_testified:
        index = case.seen.first(_GAP, _UNSEEN)
    if index is None:
        return None
    event = case.events[index]
    reset = first_reset(case)
    if reset is None:
        text = f"{event.bytes} bytes that the {event.sender} sent never arrived."
        return Hit(summary=text, evidence=(index,), blame=event.sender)
    return Hit(
        summary=f"{event.bytes} bytes that the {event.sender} sent never arrived before a reset "
        "ended the connection.",
        evidence=(index, reset),
        blame=case.side_of(reset),
    )


def _half_close_cut(case: Case) -> Hit | None:
    message = case.message
    if message is None or message.complete is not False or not case.tls13:
        return None
    cutter = message.sender
    asker, half = case.teardown[cutter.other], case.teardown[cutter]
    notified = asker.close_notify
    if notified is None or not _notified_early(case, cutter, asker.place(notified)):
        return None
    if half.half is Half.OPEN:
        return None
    how, index = ending(half)
    if index == half.fatal or before(asker.rst, index) or before(asker.fatal, index):
        return None
    if message.status is None:
        return Hit(
            summary=f"The {cutter} closed with {how} without any answer after the "
            f"{cutter.other}'s close_notify. If it answers otherwise, it cut its answer off.",
            evidence=(notified, index),
            blame=cutter,
            inferred=True,
        )
    return Hit(
        summary=f"The {cutter} cut its answer off with {how} because the {cutter.other} "
        f"had sent close_notify: {amount(message)}.",
        evidence=(notified, index),
        blame=cutter,
    )


def _notified_early(case: Case, cutter: Side, notified: int) -> bool:
    """The close_notify came before any answer or end, and not because a wait for it ran out."""
    marks = (
        *case.teardown[cutter].marks,
        application_data(case, cutter),
        min(case.seen[cutter].get(_TIMEOUT, ()), default=None),
    )
    return not any(before(mark, notified) for mark in marks)


def _fatal_alert(case: Case) -> Hit | None:
    marks = [half.fatal for half in halves(case) if half.fatal is not None]
    if not marks:
        return None
    index = min((mark for mark in marks if _alert_ended(case, mark)), default=None)
    if index is None:
        return None
    return Hit(
        summary=f"The {case.side_of(index)} ended the connection with a fatal alert: "
        f"{alert_name(case, index)}.",
        evidence=(index,),
    )


def _alert_ended(case: Case, index: int) -> bool:
    """Not an alert after its sender's close_notify, nor a complaint about a bare FIN or a reset."""
    own, other = case.teardown[case.side_of(index)], case.teardown[case.side_of(index).other]
    if own.half is not Half.ABORTED:
        return False
    bare_fin = None if other.notified else other.fin
    return not any(before(mark, own.place(index)) for mark in (bare_fin, other.rst))


def _reset(case: Case) -> Hit | None:
    return _reset_hit(case, after_close=False)


def _reset_after_close(case: Case) -> Hit | None:
    return _reset_hit(case, after_close=True)


def _reset_hit(case: Case, *, after_close: bool) -> Hit | None:
    index = first_reset(case)
    if index is None or both_notified_before(case, index) is not after_close:
        return None
    sender = case.side_of(index)
    if after_close and case.teardown[sender].half is _CLOSED:
        return None
    if not after_close and first_fin_premature(case, before=index) is not None:
        return None
    note = case.events[index].note
    reason = f", {note}" if note else ""
    if after_close:
        return Hit(
            summary=f"Both sides sent close_notify; then the {sender} reset TCP{reason}. "
            "Nothing can be lost, but it is noisy.",
            evidence=(index, *notifications(case)),
            blame=sender,
        )
    return Hit(
        summary=f"The {sender} reset the connection {_lacked(case, sender)}{reason}.",
        evidence=(index, *notifications(case)),
        blame=sender,
    )


def _lacked(case: Case, resetter: Side) -> str:
    match [side for side in SIDES if not case.teardown[side].notified]:
        case []:
            return f"before the {resetter.other}'s close_notify came"
        case [side] if side is resetter:
            return "without close_notify of its own"
        case [side]:
            return f"before the {side} had sent close_notify"
        case _:
            return "before anyone had sent close_notify"


def _no_answer(case: Case) -> Hit | None:
    for index in case.seen.every(_TIMEOUT):
        if _unanswered(case, index):
            return _silence(case, index)
    return None


def _unanswered(case: Case, index: int) -> bool:
    """Nothing ended either direction when the wait ran out, and it was a wait for a close."""
    silent = case.side_of(index)
    half, other = case.teardown[silent], case.teardown[silent.other]
    if case.events[index].detail in MESSAGE_WAITS and _closed_later(case, index):
        return False
    began = (*half.marks, other.rst)
    if any(before(mark, index) for mark in began):
        return False
    return first_fin_premature(case, before=index) is None


def _closed_later(case: Case, index: int) -> bool:
    marks = [mark for half in halves(case) for mark in half.marks]
    return bool(marks) and min(marks) > index


def _silence(case: Case, index: int) -> Hit:
    event = case.events[index]
    silent = event.sender
    if unjudged.given_up(case):
        text = f"The {silent} did not finish the handshake {waited(event)}."
        return Hit(summary=text, evidence=(index,), blame=silent, rule=FREE_TO_STAY)
    asked = case.teardown[silent.other].close_notify
    if asked is None or asked > index:
        nobody = "; nobody closed." if case.teardown.first_closer is None else "."
        return Hit(
            summary=f"The {silent} sent neither close_notify, FIN nor RST {waited(event)}{nobody}",
            evidence=(index,),
            rule=FREE_TO_STAY,
        )
    return Hit(
        summary=f"The {silent} did not answer close_notify {waited(event)}: "
        "neither close_notify, FIN nor RST.",
        evidence=(index, asked),
        blame=None if case.tls13 else silent,
    )


def _premature_close(case: Case) -> Hit | None:
    index = first_fin_premature(case)
    if index is None:
        return None
    side = case.side_of(index)
    return Hit(
        summary=f"The {side} sent FIN without close_notify{what_it_means(case, side)}",
        evidence=(index,),
        blame=side,
    )


def _incomplete_close(case: Case) -> Hit | None:
    for side in SIDES:
        half, other = case.teardown[side], case.teardown[side.other]
        if half.fin is not None and not half.notified and other.close_notify is not None:
            return Hit(
                summary=f"The {side.other} sent close_notify; "
                f"the {side} closed TCP without its own.",
                evidence=(other.close_notify, half.fin),
                blame=side,
            )
    return None


def _clean(case: Case) -> Hit | None:
    if not both_notified(case):
        return None
    fins = [half.fin for half in halves(case) if half.fin is not None]
    if not fins:
        return None
    at_risk = (
        "" if truncation_risk(case, Code.CLEAN) is TruncationRisk.CERTAIN else " No data at risk."
    )
    if len(fins) == len(SIDES):
        how = "Both sides sent close_notify, then TCP closed by FIN."
    else:
        how = f"Both sides sent close_notify, then the {case.side_of(fins[0])} closed TCP by FIN."
    return Hit(
        summary=f"{how}{at_risk}",
        evidence=(*notifications(case), *fins),
    )


RULES: Final[tuple[tuple[Code, Callable[[Case], Hit | None]], ...]] = (
    (Code.NOT_TLS, unjudged.not_tls),
    (Code.HANDSHAKE_FAILED, unjudged.handshake_failed),
    (Code.CAPTURE_INCOMPLETE, unjudged.capture_incomplete),
    (Code.DATA_AFTER_CLOSE, _data_after_close),
    (Code.HALF_CLOSE_CUT, _half_close_cut),
    (Code.DATA_LOST, _data_lost),
    (Code.FATAL_ALERT, _fatal_alert),
    (Code.UNDETERMINED, doubt.undetermined),
    (Code.NO_ANSWER, _no_answer),
    (Code.RESET, _reset),
    (Code.RESET_AFTER_CLOSE, _reset_after_close),
    (Code.PREMATURE_CLOSE, _premature_close),
    (Code.INCOMPLETE_CLOSE, _incomplete_close),
    (Code.CLEAN, _clean),
    (Code.CAPTURE_INCOMPLETE, unjudged.capture_ends_early),
)
