"""What a sealed record's type, length and place tell where no key opens it.

Up to TLS 1.2 the type is in the clear. In TLS 1.3 an alert shows by its length, unless its sender
pads it. Who does: JSSE adds 16 zeros to every alert; OpenSSL, where it is told to, pads all records
to multiples of one length. Records without such a common measure are as long as what is in them.
"""

from dataclasses import replace
from math import gcd
from typing import TYPE_CHECKING, Final

from tlsclose.core.event import ALERT_SIZED, PERHAPS_PADDED, Event, Kind
from tlsclose.core.record import ALERT_BYTES, may_be_sealed_alert
from tlsclose.wire.handshake_state import HandshakeState
from tlsclose.wire.opener import Opener
from tlsclose.wire.records import Record
from tlsclose.wire.suites import suite

if TYPE_CHECKING:
    from tlsclose.wire.tls_side import TlsSide

LONGEST_PADDED_ALERT: Final = 512
"""Bytes of a record's body. Padding is free up to 2**14 (RFC 9846 5.4); nobody spends more."""
JSSE_PADDING_BYTES: Final = 16
SHORTEST_BLOCK_BYTES: Final = 16
"""Of padding to multiples; a smaller common measure of lengths is chance."""

_SMALLEST_FINISHED: Final = 4 + 32 + 1 + 8
"""Message header, shortest hash, inner type, shortest tag."""
_USUAL_TAG_BYTES: Final = 16


class Sizes:
    """The lengths of one side's sealed records, as far as they tell of padding in TLS 1.3."""

    def __init__(self) -> None:
        self._measure = 0
        """Of all lengths without the tag, the greatest common one."""
        self._last = self._before = 0

    def note(self, length: int, opener: Opener) -> None:
        """Take the body length of the next record."""
        sealed = opener.alert_bytes
        tag = _USUAL_TAG_BYTES if sealed is None else sealed - ALERT_BYTES - 1
        self._measure = gcd(self._measure, length - tag)
        self._before, self._last = self._last, length

    @property
    def in_blocks(self) -> bool:
        """Whether all may be padded to multiples of one length."""
        return self._measure >= SHORTEST_BLOCK_BYTES

    @property
    def twice(self) -> bool:
        """Whether the last two are equal."""
        return self._last == self._before


def alert_shaped(opener: Opener, record: Record) -> bool:
    """Whether a sealed record may be an alert: by its type up to TLS 1.2, then by its length."""
    tls13 = opener.tls13 is True
    if tls13 and opener.alert_bytes is not None:
        return record.length == opener.alert_bytes
    return may_be_sealed_alert(tls13=tls13, content_type=record.content_type, length=record.length)


def may_be_padded_alert(record: Record) -> bool:
    """Whether a sealed record is short enough for an alert with padding."""
    return record.length <= LONGEST_PADDED_ALERT


def long_enough_for_finished(record: Record) -> bool:
    """Whether a record sealed by TLS 1.3 can hold a Finished; an alert instead is shorter."""
    return record.length >= _SMALLEST_FINISHED


def overtaken(held: Event, side: "TlsSide") -> Event:
    """A record that might have been an alert, now that more of its side came behind it."""
    return replace(held, detail=ALERT_SIZED) if side.held_alert_shaped else held


def last_word(held: Event, side: "TlsSide", other: "TlsSide") -> Event:
    """What to take the last sealed record of a side for, once it is known to be the last."""
    if side.held_alert_shaped:
        note = "has the length of an alert and " if side.opener.tls13 else ""
        return _close_notify(held, f"sealed; {note}is the last record of its side")
    if side.opener.tls13 is False:
        return held
    if _padded_by_jsse(held, side, other):
        return _close_notify(held, "sealed; is the last of its side and as long as Java's alerts")
    if _jsse_sized(held, side) or side.sizes.in_blocks or side.opener.tls13 is None:
        return replace(held, detail=PERHAPS_PADDED)
    return held


def _close_notify(held: Event, note: str) -> Event:
    return replace(held, kind=Kind.CLOSE_NOTIFY, detail="", note=note)


def _jsse_sized(held: Event, side: "TlsSide") -> bool:
    alert_bytes = side.opener.alert_bytes
    return alert_bytes is not None and held.bytes == alert_bytes + JSSE_PADDING_BYTES


def _padded_by_jsse(held: Event, side: "TlsSide", other: "TlsSide") -> bool:
    """JSSE closes with user_canceled and close_notify, and answers with close_notify alone."""
    answers = other.held_alert_shaped and other.held is not None and other.held.at_ns <= held.at_ns
    return _jsse_sized(held, side) and (side.sizes.twice or answers)


UNOPENED: Final = "records could not be decrypted"
"""Begins the note on records that stayed sealed."""


def why_unopened(state: HandshakeState, *, failed: bool) -> str:
    """The reason for records that stayed sealed, in words."""
    if failed:
        return "the keys in the key log are not those of this connection, or data is damaged"
    if state.negotiated is None or state.client_hello is None:
        return "the handshake was not seen"
    if suite(state.negotiated.suite) is None:
        return f"cipher suite 0x{state.negotiated.suite:04x} is not supported"
    return "no keys in the key log for this connection"
