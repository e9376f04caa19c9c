"""The ordered rules that choose one verdict. Nothing else in tlsclose judges.

The first rule that applies wins. What cannot be judged comes first (not TLS, no finished
handshake), then what harms data whatever else happened, then how TCP ended, then the clean close,
and last the cases in which nobody closed. The rules see client and server, never us.

Two distinctions that users miss most:

- The *first* FIN decides between premature and incomplete. If its sender had sent no close_notify,
  the other side could not tell that end from a cut: premature. If it had, and only the other side
  left out its own close_notify before closing too: incomplete.
- A reset is harmless once both close_notify are out, for nothing may follow them.
"""

from collections.abc import Callable
from typing import Final

from tlsclose.core.case import (
    Case,
    Hit,
    before,
    both_notified_before,
    ending,
    first_fin_premature,
    first_reset,
    halves,
    last_record,
    notifications,
)
from tlsclose.core.event import Kind, Loss, Side, Source
from tlsclose.core.risk import amount, truncation_risk, what_it_means
from tlsclose.core.teardown import Half
from tlsclose.core.verdict import Code, TruncationRisk


def _not_tls(case: Case) -> Hit | None:
    index = case.first(Kind.NOT_TLS)
    if index is None:
        return None
    event = case.events[index]
    return Hit(
        summary=f"The {event.sender} does not speak TLS here: {event.detail}.",
        evidence=(index,),
        blame=event.sender,
    )


def _handshake_failed(case: Case) -> Hit | None:
    if case.handshake_complete or case.teardown.first_closer is None:
        return None
    closer = case.teardown.first_closer
    half = case.teardown[closer]
    if half.fatal is not None:
        alert = case.events[half.fatal].detail
        text = f"The {closer} ended the handshake with an alert: {alert}."
        return Hit(summary=text, evidence=(half.fatal,))
    how, index = ending(half)
    return Hit(
        summary=f"The {closer} ended the connection with {how} before the handshake finished.",
        evidence=(index,),
        blame=closer,
    )


def _data_after_close(case: Case) -> Hit | None:
    for side in Side:
        half = case.teardown[side]
        if half.late_data is not None and half.close_notify is not None:
            return Hit(
                summary=f"The {side} sent application data after its own close_notify; "
                "the receiver must ignore it.",
                evidence=(half.close_notify, half.late_data),
                blame=side,
            )
    return None


def _capture_incomplete(case: Case) -> Hit | None:
    index = case.first(Kind.GAP, Loss.NOT_CAPTURED)
    if index is None:
        return None
    event = case.events[index]
    return Hit(
        summary=f"The capture lacks {event.bytes} bytes of the {event.sender} that were "
        "acknowledged: no judgement.",
        evidence=(index,),
    )


def _data_lost(case: Case) -> Hit | None:
    index = case.first(Kind.GAP, Loss.NEVER_ARRIVED)
    if index is None:
        return None
    event = case.events[index]
    resets = [half.rst for half in halves(case) if half.rst is not None]
    how = " before a reset ended the connection" if resets else ""
    return Hit(
        summary=f"{event.bytes} bytes that the {event.sender} sent never arrived{how}.",
        evidence=(index, *resets),
        blame=case.side_of(resets[0]) if resets else event.sender,
    )


def _half_close_cut(case: Case) -> Hit | None:
    message = case.message
    if message is None or message.complete is not False or not case.tls13:
        return None
    cutter = message.sender
    notified = case.teardown[cutter.other].close_notify
    half = case.teardown[cutter]
    if notified is None or not _notified_early(case, cutter, notified):
        return None
    if half.half is Half.OPEN:
        return None
    how, index = ending(half)
    return Hit(
        summary=f"The {cutter} cut its answer off with {how} because the {cutter.other} "
        f"had sent close_notify: {amount(message)}.",
        evidence=(notified, index),
        blame=cutter,
    )


def _notified_early(case: Case, cutter: Side, notified: int) -> bool:
    """The close_notify came before any answer, and not because a wait for it ran out."""
    return not any(
        event.sender is cutter and event.kind in (Kind.APP_DATA, Kind.TIMEOUT)
        for event in case.events[:notified]
    )


def _fatal_alert(case: Case) -> Hit | None:
    marks = [half.fatal for half in halves(case) if half.fatal is not None]
    if not marks:
        return None
    index = min(marks)
    sender = case.side_of(index)
    ended = case.teardown[sender.other]
    if case.teardown[sender].half is not Half.ABORTED:
        return None
    if before(ended.fin, index) or before(ended.rst, index):
        return None
    return Hit(
        summary=f"The {sender} ended the connection with a fatal alert: "
        f"{case.events[index].detail}.",
        evidence=(index,),
    )


def _reset(case: Case) -> Hit | None:
    return _reset_hit(case, after_close=False)


def _reset_after_close(case: Case) -> Hit | None:
    return _reset_hit(case, after_close=True)


def _reset_hit(case: Case, *, after_close: bool) -> Hit | None:
    index = first_reset(case)
    if index is None or both_notified_before(case, index) is not after_close:
        return None
    sender = case.side_of(index)
    if not after_close and first_fin_premature(case, before=index) is not None:
        return None
    note = case.events[index].note
    reason = f" ({note})" if note else ""
    if after_close:
        return Hit(
            summary=f"Both sides sent close_notify; then the {sender} reset TCP{reason}. "
            "Nothing can be lost, but it is noisy.",
            evidence=(index, *notifications(case)),
            blame=sender,
        )
    missing = [str(side) for side in Side if not case.teardown[side].notified]
    who = " and ".join(missing) if missing else "both sides in time"
    return Hit(
        summary=f"The {sender} reset the connection before close_notify came from: {who}{reason}.",
        evidence=(index, *notifications(case)),
        blame=sender,
    )


def _no_answer(case: Case) -> Hit | None:
    index = case.first(Kind.TIMEOUT)
    if index is None:
        return None
    silent = case.side_of(index)
    half = case.teardown[silent]
    began = (half.close_notify, half.fin, half.rst, half.fatal)
    if any(before(mark, index) for mark in began):
        return None
    if first_fin_premature(case, before=index) is not None:
        return None
    asked = case.teardown[silent.other].close_notify
    event = case.events[index]
    wait = "in time" if event.waited_ns is None else f"within {event.waited_ns / 1e9:g} s"
    if not before(asked, index):
        text = f"The {silent} sent neither close_notify, FIN nor RST {wait}; nobody closed."
        return Hit(summary=text, evidence=(index,))
    return Hit(
        summary=f"The {silent} did not answer close_notify {wait}: "
        "neither close_notify, FIN nor RST.",
        evidence=(index, *(() if asked is None else (asked,))),
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


def _undetermined(case: Case) -> Hit | None:
    """No keys, no witness at an end: sealed records and no record that can pass for an alert."""
    if any(event.source is Source.PROVIDER for event in case.events):
        return None
    sealed = [
        index
        for side in Side
        if not case.teardown[side].notified
        and (index := last_record(case, side)) is not None
        and case.events[index].kind is Kind.RECORD
        and case.events[index].count == 1
    ]
    if not sealed or case.teardown.first_closer is None:
        return None
    return Hit(
        summary="The last records are encrypted and could be alerts or data: give the keys.",
        evidence=tuple(sealed),
    )


def _incomplete_close(case: Case) -> Hit | None:
    fins = [half.fin for half in halves(case) if half.fin is not None]
    silent = [side for side in Side if not case.teardown[side].notified]
    if not fins or len(silent) != 1:
        return None
    side = silent[0]
    half = case.teardown[side]
    then = "closed TCP" if half.fin is not None else "let TCP close"
    return Hit(
        summary=f"The {side.other} sent close_notify; the {side} {then} without its own.",
        evidence=tuple(
            index
            for index in (case.teardown[side.other].close_notify, half.fin)
            if index is not None
        ),
        blame=side,
    )


def _clean(case: Case) -> Hit | None:
    if not all(case.teardown[side].notified for side in Side):
        return None
    fins = tuple(half.fin for half in halves(case) if half.fin is not None)
    if not fins:
        return None
    at_risk = (
        "" if truncation_risk(case, Code.CLEAN) is TruncationRisk.CERTAIN else " No data at risk."
    )
    return Hit(
        summary=f"Both sides sent close_notify, then TCP closed by FIN.{at_risk}",
        evidence=(*notifications(case), *fins),
    )


def _capture_ends_early(case: Case) -> Hit | None:
    if case.teardown.first_closer is None:
        return Hit(summary="Nobody closed before the record ends: no judgement.", evidence=())
    return Hit(
        summary="The record ends before TCP was closed: no judgement.",
        evidence=notifications(case),
    )


RULES: Final[tuple[tuple[Code, Callable[[Case], Hit | None]], ...]] = (
    (Code.NOT_TLS, _not_tls),
    (Code.HANDSHAKE_FAILED, _handshake_failed),
    (Code.CAPTURE_INCOMPLETE, _capture_incomplete),
    (Code.DATA_AFTER_CLOSE, _data_after_close),
    (Code.HALF_CLOSE_CUT, _half_close_cut),
    (Code.DATA_LOST, _data_lost),
    (Code.FATAL_ALERT, _fatal_alert),
    (Code.UNDETERMINED, _undetermined),
    (Code.NO_ANSWER, _no_answer),
    (Code.RESET, _reset),
    (Code.RESET_AFTER_CLOSE, _reset_after_close),
    (Code.PREMATURE_CLOSE, _premature_close),
    (Code.INCOMPLETE_CLOSE, _incomplete_close),
    (Code.CLEAN, _clean),
    (Code.CAPTURE_INCOMPLETE, _capture_ends_early),
)
