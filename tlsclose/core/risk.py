"""Could data have been lost, and how surely is the close known: the close against the framing."""

from typing import TYPE_CHECKING, Final

from tlsclose.core.case import Case, last_record
from tlsclose.core.event import Kind, Side, Source
from tlsclose.core.verdict import Code, Confidence, TruncationRisk

if TYPE_CHECKING:
    from tlsclose.core.message import Message

_SEEN_IN_THE_CLEAR: Final = (Code.NOT_TLS, Code.HANDSHAKE_FAILED, Code.DATA_LOST)
_UNREAD_DATA: Final = (Code.RESET, Code.DATA_AFTER_CLOSE)
"""A reset throws away what its receiver had not read; data after close_notify is ignored."""


def truncation_risk(case: Case, code: Code) -> TruncationRisk:
    message = case.message
    if code in (Code.NOT_TLS, Code.HANDSHAKE_FAILED):
        return TruncationRisk.NONE
    if code in (Code.DATA_LOST, Code.HALF_CLOSE_CUT):
        return TruncationRisk.CERTAIN
    if message is not None and message.complete is not None:
        return TruncationRisk.NONE if message.complete else TruncationRisk.CERTAIN
    if code in _UNREAD_DATA:
        return TruncationRisk.POSSIBLE
    sides = [message.sender] if message is not None else list(Side)
    unproven = any(not case.teardown[side].notified for side in sides)
    return TruncationRisk.POSSIBLE if unproven else TruncationRisk.NONE


def confidence(case: Case, code: Code) -> Confidence:
    if code in _SEEN_IN_THE_CLEAR or case.provider_testified:
        return Confidence.PROVEN
    ends = [index for side in Side if (index := last_record(case, side)) is not None]
    sealed = any(
        case.events[index].source is Source.INFERRED or case.events[index].kind is Kind.RECORD
        for index in ends
    )
    return Confidence.INFERRED if sealed else Confidence.PROVEN


def what_it_means(case: Case, side: Side) -> str:
    message = case.message
    if message is None or message.sender is not side:
        return ": its end cannot be told from a cut."
    if message.complete:
        return f", but its {noun(message)} is complete by its own framing."
    if message.complete is False:
        return f" in the middle of its {noun(message)}: {amount(message)}."
    from tlsclose.core.message import Framing

    if message.framing is Framing.CLOSE_DELIMITED:
        return (
            f". Its {noun(message)} ends only with the connection, so a cut-off one would "
            "look the same."
        )
    return ": its end cannot be told from a cut."


def noun(message: "Message") -> str:
    return "response" if message.sender is Side.SERVER else "request"


def amount(message: "Message") -> str:
    if message.expected is None:
        return f"{message.bytes} bytes came, and the end is missing"
    return f"{message.bytes} of {message.expected} bytes came"
