"""Both directions of one TLS connection: stream bytes in, events out.

Needs no packets: a socket tap and a reader of capture files feed the same two calls, `extent` for
bytes in order and `hole` for bytes that are missing. A client record that needs the ServerHello to
be understood waits for it (early data; a capture that has the two directions out of step).
"""

from typing import Final

from tlsclose.core.event import SEALED, UNPROTECTED_ALERT, Event, Handshake, Kind, Side, Source
from tlsclose.core.record import ContentType
from tlsclose.wire.answer import Answer
from tlsclose.wire.deferral import Deferral
from tlsclose.wire.dialogue import Dialogue
from tlsclose.wire.event_log import EventLog
from tlsclose.wire.handshake_state import HandshakeState
from tlsclose.wire.handshaking import Handshaking
from tlsclose.wire.inference import (
    UNOPENED,
    alert_shaped,
    last_word,
    long_enough_for_finished,
    may_be_padded_alert,
    overtaken,
    why_unopened,
)
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.protection import Epoch, Opened
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.records import Record, RecordReader
from tlsclose.wire.tls_side import TlsSide

_CHANGE_CIPHER_SPEC: Final = int(ContentType.CHANGE_CIPHER_SPEC)
_ALERT: Final = int(ContentType.ALERT)
_HANDSHAKE: Final = int(ContentType.HANDSHAKE)
_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_HEARTBEAT: Final = int(ContentType.HEARTBEAT)
"""As plain numbers: these are compared with once for every record."""
ENDLESS: Final = 2**62
CUT_OFF: Final = "{}: the last record is cut off"


class Conversation:
    """One TLS connection as a witness on the wire sees it."""

    def __init__(self, keys: KeyLog, log: EventLog) -> None:
        self.state = HandshakeState(keys)
        self.notes: list[str] = []
        self._log = log
        self.dialogue = Dialogue()
        self._deferral = Deferral()
        self._client = TlsSide(Side.CLIENT, self.dialogue, self._client_wants)
        self._server = TlsSide(Side.SERVER, self.dialogue)
        self._sides = {Side.CLIENT: self._client, Side.SERVER: self._server}
        self._handshaking = Handshaking(self.state, self._client, self._server, self.notes)
        self._unopened = False
        self.answer: Answer | None = None
        """The server's to a half-close before it."""

    def began_late(self, sender: Side) -> None:
        """The capture lacks the beginning of this side's stream: it may start inside a record."""
        self._sides[sender].whole = False

    def extent(self, stamp: Stamp, sender: Side, data: bytes) -> None:
        """Take the next bytes of one side."""
        side = self._sides[sender]
        side.stamp = stamp
        if side.foreign is not None:
            data = side.foreign.feed(stamp, data)
            if side.foreign.found:
                side.restart()
        for record in side.reader.feed(data):
            self._record(stamp, side, record)
        if side.reader.broken is not None and side.foreign is None:
            self._lose(stamp, side, side.reader.broken)

    def wants(self, sender: Side, content_type: int, length: int) -> bool:
        """Whether a record that comes whole is to come with its body."""
        return self._sides[sender].reader.wanted(content_type, length)

    def record(self, stamp: Stamp, sender: Side, record: Record) -> None:
        """Take a record instead of its bytes; nothing of the record before it is missing."""
        side = self._sides[sender]
        side.stamp = stamp
        self._record(stamp, side, record)

    def take_over(self, stamp: Stamp, sender: Side, reader: RecordReader) -> None:
        """Go on with a side's bytes where somebody else's reader of its records stands."""
        self._sides[sender].take_over(reader)
        self.extent(stamp, sender, b"")

    def longest_read(self, sender: Side) -> int:
        """Application data in longer bodies than this is for `data_unread`."""
        return self._sides[sender].opener.longest_read

    def data_unread(
        self, first: Stamp, last: Stamp, sender: Side, *, count: int, size: int
    ) -> None:
        """Take records of application data instead of their bytes: `count` of them, of `size` bytes
        in all, each longer than `longest_read` and less than `FOLD_NS` after the one before it."""
        side = self._sides[sender]
        side.stamp = last
        side.records += count
        if side.held is not None:
            self._release(side)
        self._data_skipped(first, side, size, count=count, until=last)

    @property
    def imagined(self) -> bool:
        """Whether what looked like TLS inside something else is none: nobody consented to it, and
        one side alone has it or it breaks off."""
        dialogue, sides = self.dialogue, self._sides.values()
        if not dialogue.begun or self.state.complete:
            return False
        if not dialogue.guessed and (dialogue.agreed or any(side.unseen for side in sides)):
            return False
        return not all(side.records and (side.foreign is None or not side.whole) for side in sides)

    def idle(self, sender: Side) -> int:
        """So many of this side's next bytes need not be seen; the one behind them does."""
        side = self._sides[sender]
        if side.foreign is not None:
            return ENDLESS if side.foreign.idle else 0
        return max(side.reader.idle - 1, 0)

    def pass_over(self, stamp: Stamp, sender: Side, size: int) -> None:
        """Take bytes that need not be seen, at most `idle`; the last of them came at `stamp`."""
        side = self._sides[sender]
        side.stamp = stamp
        if side.foreign is not None:
            side.foreign.size += size
        else:
            side.reader.skip(size)

    def hole(self, stamp: Stamp, sender: Side, size: int) -> None:
        """Step over bytes that were not captured; what follows may not be readable."""
        side = self._sides[sender]
        if side.foreign is not None:
            side.foreign.hole(size)
            return
        for record in side.reader.hole(size):
            self._record(stamp, side, record)
        if side.reader.broken is not None:
            self._release(side)
            side.stamp = stamp
            side.lose_sync()
            if side.records:
                self._note(f"{sender}: records after a gap could not be told apart")

    def finish(self) -> None:
        """The stream is over: settle what only the end can tell."""
        if self._deferral:
            self._client.opener.give_up()
            self._take_deferred()
        for side in self._sides.values():
            self._end(side)
        for side in self._sides.values():
            if side.held is not None:
                last = last_word(side.held, side, self._sides[side.name.other])
                self._log.add(last, fold=False)
            if (event := side.foreign_event()) is not None:
                self._log.add(event, fold=False)
        if self._unopened:
            failed = any(side.opener.failed for side in self._sides.values())
            self._note(f"{UNOPENED}: {why_unopened(self.state, failed=failed)}")
        if note := self.dialogue.note:
            self._note(note)
        for side in self._sides.values():
            side.close()

    def _end(self, side: TlsSide) -> None:
        start = side.reader.foreign_start
        if side.records == 0 and side.foreign is None and start and side.whole:
            self._lose(side.stamp, side, start)
        elif side.foreign is None and side.reader.partial:
            self._note(CUT_OFF.format(side.name))

    def _lose(self, stamp: Stamp, side: TlsSide, data: bytes) -> None:
        """What came is no record; TLS may still begin later where none has been seen."""
        self._release(side)
        foreign = side.lose(stamp)
        if not side.whole:
            self._note(f"{side.name}: the capture starts inside the connection")
        rest = foreign.feed(stamp, data)
        if foreign.found:
            side.restart()
            self.extent(stamp, side.name, rest)

    def _client_wants(self, content_type: int, length: int) -> bool:
        """Until the ServerHello has come."""
        if self._deferral.applies(self.state, content_type):
            return self._deferral.has_room(length)
        return self._client.opener.wants(content_type, length)

    def _defers(self, side: TlsSide, content_type: int) -> bool:
        return side is self._client and self._deferral.applies(self.state, content_type)

    def _record(self, stamp: Stamp, side: TlsSide, record: Record) -> None:
        side.records += 1
        if side.held is not None:
            self._release(side)
        if not self.state.hellos_seen and self._defers(side, record.content_type):
            self._deferral.add(stamp, record)
        elif side.opener.sealed:
            self._sealed(stamp, side, record)
        else:
            self._clear(stamp, side, record)

    def _clear(self, stamp: Stamp, side: TlsSide, record: Record) -> None:
        content_type, _, length, body = record
        if content_type == _HANDSHAKE and body is not None and side.starts_well(record):
            self._handshake(stamp, side, body, Source.WIRE)
        elif content_type == _ALERT and body is not None and side.alert_in_clear(record):
            self._alerts(stamp, side, body, Source.WIRE)
        elif content_type == _CHANGE_CIPHER_SPEC:
            self._change_cipher_spec(stamp, side)
        elif content_type == _HEARTBEAT:
            self._add_data(stamp, side, Kind.RECORD, Source.WIRE, detail="heartbeat", size=length)
        elif content_type == _HANDSHAKE and body is None and side.opener.tls13 is None:
            side.messages.reset()
            self._add_data(stamp, side, Kind.RECORD, Source.WIRE, detail="handshake", size=length)
        else:
            side.opener.give_up()
            self._sealed(stamp, side, record)

    def _change_cipher_spec(self, stamp: Stamp, side: TlsSide) -> None:
        """Up to TLS 1.2 the keys change; in TLS 1.3 it means nothing (RFC 9846 section 5)."""
        if self.state.tls13 or (side.name is Side.CLIENT and not self.state.hellos_seen):
            return
        again = side.opener.tls13 is False and self.state.complete
        self._add(side.event(stamp, Kind.HANDSHAKE, Source.WIRE, "change_cipher_spec"))
        self.state.changed_cipher(side.name)
        keys = self.state.protection(side.name, Epoch.APPLICATION)
        side.opener.change_cipher(self.state.negotiated, keys)
        side.messages.reset()
        if again and keys is None:
            self._note("renegotiation: cannot follow")

    def _sealed(self, stamp: Stamp, side: TlsSide, record: Record) -> None:
        opener = side.opener
        content_type, _, length, body = record
        if body is None and content_type == _APPLICATION_DATA and opener.has_keys:
            self._data_skipped(stamp, side, length)
        elif body is not None and side.alert_in_clear(record):
            self._alert_in_clear(stamp, side, body)
        elif content_type == _CHANGE_CIPHER_SPEC:
            self._change_cipher_spec(stamp, side)
        elif opener.tls13 and content_type != _APPLICATION_DATA:
            self._add_data(
                stamp, side, Kind.RECORD, Source.WIRE, detail="in the clear", size=length
            )
        elif not opener.has_keys:
            self._unreadable(stamp, side, record)
        elif body is None:
            opener.skip()
            self._add_data(stamp, side, Kind.RECORD, Source.INFERRED, detail=SEALED, size=length)
        elif (opened := opener.open(record)) is not None:
            self._opened(stamp, side, opened)
        else:
            if opener.failed:
                self._note(f"{side.name}: a record did not authenticate; unread from there on")
            self._unreadable(stamp, side, record)

    def _alert_in_clear(self, stamp: Stamp, side: TlsSide, body: bytes) -> None:
        """Once its sender has keys it proves nothing: anybody on the path can write one."""
        if self._has_keys(side):
            detail, size = UNPROTECTED_ALERT, len(body)
            self._add_data(stamp, side, Kind.RECORD, Source.WIRE, detail=detail, size=size)
        else:
            self._alerts(stamp, side, body, Source.WIRE)

    def _has_keys(self, side: TlsSide) -> bool:
        """Whether a side seals all that it sends, from here on.

        Up to TLS 1.2 its ChangeCipherSpec says so. In TLS 1.3 a server does behind its ServerHello;
        a client may not have been able to read that one.
        """
        if self.state.complete or side.name in self.state.finished:
            return True
        sealed = side.opener.tls13
        return sealed is False or (sealed is True and side.name is Side.SERVER)

    def _opened(self, stamp: Stamp, side: TlsSide, opened: Opened) -> None:
        content_type, plaintext = opened
        if content_type == _HANDSHAKE:
            self._handshake(stamp, side, plaintext, Source.DECRYPTED)
        elif content_type == _ALERT:
            self._alerts(stamp, side, plaintext, Source.DECRYPTED)
        elif content_type == _APPLICATION_DATA and plaintext:
            self._data(stamp, side, Source.DECRYPTED, len(plaintext))
            if self.answer is not None and side is self._server:
                self.answer.take(plaintext)
        else:
            detail = "empty" if not plaintext else f"type {content_type}"
            self._add_data(
                stamp, side, Kind.RECORD, Source.DECRYPTED, detail=detail, size=len(plaintext)
            )

    def _data(
        self,
        stamp: Stamp,
        side: TlsSide,
        source: Source,
        size: int,
        *,
        count: int = 1,
        until: Stamp | None = None,
    ) -> None:
        opener = side.opener
        early = opener.tls13 and opener.epoch is Epoch.EARLY
        detail = "early data" if early else ""
        kind, name = Kind.APP_DATA, side.name
        self._log.add_data(
            stamp, name, kind, source, detail=detail, size=size, count=count, until=until
        )

    def _data_skipped(
        self, stamp: Stamp, side: TlsSide, size: int, *, count: int = 1, until: Stamp | None = None
    ) -> None:
        """Not opened although there are keys: too long to matter, or not captured whole."""
        opener = side.opener
        opener.skip(count)
        source = Source.INFERRED if opener.tls13 else Source.WIRE
        content = opener.plaintext_bytes(size, count)
        self._data(stamp, side, source, content, count=count, until=until)
        if self.answer is not None and side is self._server:
            self.answer.skip(content)

    def _unreadable(self, stamp: Stamp, side: TlsSide, record: Record) -> None:
        """Without keys, type and length have to do."""
        opener = side.opener
        self._unopened = self._unopened or not opener.has_keys
        if opener.tls13 is False and record.content_type == _APPLICATION_DATA:
            self._data(stamp, side, Source.WIRE, opener.plaintext_bytes(record.length))
            return
        if opener.tls13 is False and record.content_type == _HANDSHAKE:
            self._sealed_handshake(stamp, side, record)
            return
        event = side.event(stamp, Kind.RECORD, Source.INFERRED, SEALED, record.length)
        shaped = alert_shaped(opener, record)
        side.sizes.note(record.length, opener)
        up = self.state.complete or not self.state.hellos_seen
        if up and (shaped or may_be_padded_alert(record)):
            side.held, side.held_alert_shaped = event, shaped
        else:
            self._add(event)
        if not shaped:
            self._infer_complete(stamp, side, record)

    def _release(self, side: TlsSide) -> None:
        """A record that may be an alert was not the last one of its side: just a sealed record."""
        if side.held is not None:
            self._add(overtaken(side.held, side))
            side.held = None

    def _sealed_handshake(self, stamp: Stamp, side: TlsSide, record: Record) -> None:
        first = side.name not in self.state.finished
        detail = "finished" if first else SEALED
        source = Source.INFERRED if first else Source.WIRE
        self._add(side.event(stamp, Kind.HANDSHAKE, source, detail, record.length))
        if first:
            self._finished(stamp, side, source)
        elif self.state.complete and side.name is Side.CLIENT:
            self._note("renegotiation: cannot follow")

    def _infer_complete(self, stamp: Stamp, side: TlsSide, record: Record) -> None:
        """TLS 1.3 without keys: the client's first sealed record after the server's flight."""
        answered = self._server.sealed_records
        side.sealed_records += 1
        client = side.name is Side.CLIENT
        if side.opener.tls13 and client and answered and long_enough_for_finished(record):
            self._finished(stamp, side, Source.INFERRED)

    def _alerts(self, stamp: Stamp, side: TlsSide, data: bytes, source: Source) -> None:
        """Alerts may be split and joined up to TLS 1.2; in TLS 1.3 they are read the same way."""
        if not data:
            self._add(side.event(stamp, Kind.RECORD, source, "empty alert"))
        for alert in side.take_alerts(data):
            kind = Kind.CLOSE_NOTIFY if alert.is_close_notify else Kind.ALERT
            detail = alert.level_name if alert.is_close_notify else str(alert)
            self._add(side.event(stamp, kind, source, detail, 2, alert=alert))
            if source is Source.DECRYPTED and kind is Kind.CLOSE_NOTIFY and side is self._client:
                self._half_closed()

    def _half_closed(self) -> None:
        """The client closed; where it has asked and nothing has come yet, the answer is kept."""
        asked = self._log.shows(Side.CLIENT, Kind.APP_DATA)
        if self.state.tls13 and asked and not self._log.shows(Side.SERVER, Kind.APP_DATA):
            self.answer = self.answer or Answer()
            self._server.opener.reads_data = True

    def _handshake(self, stamp: Stamp, side: TlsSide, data: bytes, source: Source) -> None:
        read = self._handshaking.read(side, data)
        if read.retry:
            self._refuse_early_data()
        if read.names:
            self._add(side.event(stamp, Kind.HANDSHAKE, source, read.names, len(data)))
        if read.finished:
            self._finished(stamp, side, source)
        if self._deferral and side is self._server and self.state.hellos_seen:
            self._take_deferred()

    def _take_deferred(self) -> None:
        client = self._client
        for stamp, record in self._deferral.drain():
            self._release(client)
            handle = self._sealed if client.opener.sealed else self._clear
            handle(stamp, client, record)

    def _finished(self, stamp: Stamp, side: TlsSide, source: Source) -> None:
        side.opener.advance(Epoch.APPLICATION)
        if known := self.state.finish(side.name, source):
            self._add(side.event(stamp, Kind.HANDSHAKE, known, Handshake.COMPLETE))

    def _refuse_early_data(self) -> None:
        """A retry: what the client sent as early data nobody will read."""
        client = self._client
        for stamp, record in self._deferral.drain():
            if record.content_type == _APPLICATION_DATA:
                detail = "early data"
                event = client.event(stamp, Kind.APP_DATA, Source.INFERRED, detail, record.length)
                self._add(event)
            elif record.content_type == _HANDSHAKE:
                self._clear(stamp, client, record)

    def _add(self, event: Event) -> None:
        self._log.add(event)

    def _add_data(
        self, stamp: Stamp, side: TlsSide, kind: Kind, source: Source, *, detail: str, size: int
    ) -> None:
        self._log.add_data(stamp, side.name, kind, source, detail=detail, size=size)

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
