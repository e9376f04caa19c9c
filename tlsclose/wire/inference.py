"""What a sealed record's type, length and place tell where no key opens it."""

from dataclasses import replace
from typing import Final

from tlsclose.core.event import Event, Kind
from tlsclose.core.record import may_be_sealed_alert
from tlsclose.core.unjudged import LONGEST_PADDED_ALERT
from tlsclose.wire.handshake_state import HandshakeState
from tlsclose.wire.opener import Opener
from tlsclose.wire.records import Record
from tlsclose.wire.suites import suite

_SMALLEST_FINISHED: Final = 4 + 32 + 1 + 8
"""Message header, shortest hash, inner type, shortest tag."""


def alert_shaped(opener: Opener, record: Record) -> bool:
    """Whether a sealed record may be an alert: by its type up to TLS 1.2, then by its length."""
    tls13 = opener.tls13 is True
    if tls13 and opener.alert_bytes is not None:
        return record.length == opener.alert_bytes
    return may_be_sealed_alert(tls13=tls13, content_type=record.content_type, length=record.length)


def may_be_padded_alert(record: Record) -> bool:
    """Whether a sealed record is short enough for an alert with padding (JSSE adds 16 bytes)."""
    return record.length <= LONGEST_PADDED_ALERT


def long_enough_for_finished(record: Record) -> bool:
    """Whether a record sealed by TLS 1.3 can hold a Finished; an alert instead is shorter."""
    return record.length >= _SMALLEST_FINISHED


def as_close_notify(event: Event, opener: Opener) -> Event:
    """An alert-shaped record that turned out to be the last one of its side."""
    note = "sealed alert, the last record of its side"
    if opener.tls13:
        note = "sealed; has the length of an alert and is the last record of its side"
    return replace(event, kind=Kind.CLOSE_NOTIFY, detail="", note=note)


def why_unopened(state: HandshakeState, *, failed: bool) -> str:
    """The reason for records that stayed sealed, in words."""
    if failed:
        return "the keys in the key log are not those of this connection, or data is damaged"
    if state.negotiated is None:
        return "the handshake was not seen"
    if suite(state.negotiated.suite) is None:
        return f"cipher suite 0x{state.negotiated.suite:04x} is not supported"
    return "no keys in the key log for this connection"
