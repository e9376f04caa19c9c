"""What happened, when, who did it and which witness saw it.

A close has three witnesses: the wire (packets and records), the TLS API and the socket. Each
reports events; `ordered` merges them into the one stream that `teardown.walk` judges.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from tlsclose.core.alert import Alert
from tlsclose.core.frozen import dataclass


class Side(StrEnum):
    """One end of the connection. The client is the one that sent the first SYN."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> "Side":
        return _OTHER[self]


SIDES: Final = (Side.CLIENT, Side.SERVER)
_OTHER: Final = {Side.CLIENT: Side.SERVER, Side.SERVER: Side.CLIENT}


class Kind(StrEnum):
    """What happened."""

    SYN = "syn"
    HANDSHAKE = "handshake"
    NOT_TLS = "not_tls"
    RECORD = "record"
    APP_DATA = "app_data"
    ALERT = "alert"
    CLOSE_NOTIFY = "close_notify"
    GAP = "gap"
    FIN = "fin"
    RST = "rst"
    TIMEOUT = "timeout"


class Source(StrEnum):
    """Which witness saw it, and how."""

    WIRE = "wire"
    """Packet headers, or a record in the clear."""
    DECRYPTED = "decrypted"
    """A record on the wire, opened with the connection's keys."""
    INFERRED = "inferred"
    """A record on the wire that could not be opened: judged by type and length."""
    PROVIDER = "provider"
    """Told by the TLS API."""
    SOCKET = "socket"
    """Told by the socket API: end of file, a reset, our own shutdown or close."""


ON_THE_WIRE = frozenset({Source.WIRE, Source.DECRYPTED, Source.INFERRED})


class Loss(StrEnum):
    """`Event.detail` of a gap: what became of the missing bytes."""

    NEVER_ARRIVED = "never-arrived"
    """The sender wrote them; the receiver said that it did not get them."""
    UNSEEN = "unseen"
    """The sender wrote them. The capture has neither them nor a word of the receiver on them: they
    or the answer to them may be what it lacks."""
    NOT_CAPTURED = "not-captured"
    """The receiver acknowledged them; only the capture lacks them."""


UNPROTECTED_ALERT = "alert in the clear"
"""`Event.detail` of a record: an alert without protection on a connection that has keys."""

SEALED = "sealed"
"""`Event.detail` of a record or handshake message that could not be opened."""
ALERT_SIZED = "sealed, the size of an alert"
"""`Event.detail` of such a record with more of its side behind it."""
PERHAPS_PADDED = "sealed, perhaps a padded alert"
"""`Event.detail` of such a record that is the last of its side."""

STRAY_RESET = "stray"
"""`Event.detail` of a RST that ended nothing: outside the receiver's window, or both sides went on
(RFC 9293 3.10.7.4, RFC 5961 section 3)."""


class Handshake(StrEnum):
    """`Event.detail` of the handshake events that the classifier reads; others are free text."""

    COMPLETE = "complete"
    """Both Finished messages are out: the connection is up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact about one side.

    A run of like records is one event: `count` records, `bytes` in all, from `at_ns` to
    `until_ns`. `bytes` counts plaintext where the record was opened, else the record's body.
    For a timeout `sender` is the side that stayed silent. For a gap `bytes` is the number missing.
    """

    at_ns: int
    """Integer nanoseconds since the report's `started_at`."""
    sender: Side
    kind: Kind
    source: Source
    detail: str = ""
    alert: Alert | None = None
    """Set for `alert` and `close_notify` where the two bytes are known."""
    bytes: int = 0
    count: int = 1
    until_ns: int | None = None
    """End of a run of records; None when `count` is 1."""
    packet: int | None = None
    """Number of the packet in the capture that completed it, from 1; None without packets."""
    waited_ns: int | None = None
    """For a timeout: how long the wait was that ran out at `at_ns`."""
    note: str = ""
    """What to show a person beside it: TCP flags, retransmission, what a reset replied to."""


_RANK = {Kind.SYN: 0, Kind.GAP: 2, Kind.FIN: 3, Kind.RST: 4, Kind.TIMEOUT: 5}
"""At equal times; what is not named is part of a byte stream and stays in the order given."""
_IN_STREAM = 1


def ordered(events: Iterable[Event]) -> tuple[Event, ...]:
    """One stream by time, then by packet, then by kind (FIN rides on data at the same instant).

    The order of records within one packet is kept, so each witness gives its own in order.
    """
    return tuple(sorted(events, key=_place))


def _place(event: Event) -> tuple[int, int, int]:
    return event.at_ns, event.packet or 0, _RANK.get(event.kind, _IN_STREAM)
