"""Could data have been lost, and how surely is the close known: the close against the framing."""

from typing import TYPE_CHECKING, Final

from tlsclose.core.case import Case, both_notified, last_record
from tlsclose.core.event import Kind, Side, Source
from tlsclose.core.verdict import Code, Confidence, TruncationRisk

if TYPE_CHECKING:
    from tlsclose.core.message import Message

_INFERRED: Final = Source.INFERRED
_RECORD: Final = Kind.RECORD
_SEEN_IN_THE_CLEAR: Final = (Code.NOT_TLS, Code.HANDSHAKE_FAILED, Code.DATA_LOST)
_NO_DATA: Final = (Code.NOT_TLS, Code.HANDSHAKE_FAILED)
_DATA_MISSING: Final = (Code.DATA_LOST, Code.HALF_CLOSE_CUT)
_UNREAD_DATA: Final = (Code.RESET, Code.DATA_AFTER_CLOSE)
"""A reset throws away what its receiver had not read; data after close_notify is ignored."""


def truncation_risk(case: Case, code: Code) -> TruncationRisk:
    message = case.message
    if code in _NO_DATA:
        return TruncationRisk.NONE
    if code in _DATA_MISSING:
        return TruncationRisk.CERTAIN
    if message is not None and message.complete is not None:
        return TruncationRisk.NONE if message.complete else TruncationRisk.CERTAIN
    if code in _UNREAD_DATA:
        return TruncationRisk.POSSIBLE
    proven = both_notified(case) if message is None else case.teardown[message.sender].notified
    return TruncationRisk.NONE if proven else TruncationRisk.POSSIBLE


def confidence(case: Case, code: Code) -> Confidence:
    if code in _SEEN_IN_THE_CLEAR or case.provider_testified:
        return Confidence.PROVEN
    if _INFERRED not in case.seen.sources and _RECORD not in case.seen.kinds:
        return Confidence.PROVEN
    sealed = _ends_sealed(case, Side.CLIENT) or _ends_sealed(case, Side.SERVER)
    return Confidence.INFERRED if sealed else Confidence.PROVEN


def _ends_sealed(case: Case, side: Side) -> bool:
    index = last_record(case, side)
    if index is None:
        return False
    last = case.events[index]
    return last.source is _INFERRED or last.kind is _RECORD


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
