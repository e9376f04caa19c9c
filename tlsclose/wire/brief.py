"""A connection by the book, told in brief: the facts that judges ask for, and no events.

This reads what `conversation` reads, as long as it is what nearly all connections consist of: one
handshake of TLS 1.2 or 1.3 whose keys are there, data, tickets, alerts. Whatever else comes, or
does not open, it leaves to the conversation, from the beginning: see `brief_connection`.
"""

from functools import lru_cache, partial
from typing import Final

from tlsclose.core.alert import Alert
from tlsclose.core.event import STRAY_RESET, Handshake, Kind, Side, Source
from tlsclose.core.facts import Fact, number_of
from tlsclose.core.hello import ServerHello, parse_client_hello, parse_server_hello
from tlsclose.core.record import ALERT_BYTES, ContentType, TlsVersion
from tlsclose.wire.conversation import CUT_OFF
from tlsclose.wire.event_log import FOLD_NS
from tlsclose.wire.follower import ConnectionFollower, reset_words
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.messages import MessageType, message_name, types_in
from tlsclose.wire.opener import MAX_OPENED_BYTES, MAX_OPENED_DATA_BYTES
from tlsclose.wire.packets import TcpFlags, flag_names
from tlsclose.wire.protection import Epoch, Negotiated, Protection
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.records import Record, RecordReader
from tlsclose.wire.streams import Fin, Rst, Syn
from tlsclose.wire.suites import sealed_alert_bytes, suite
from tlsclose.wire.unprotect import protection
from tlsclose.wire.whole_run import WholeRun

_CHANGE_CIPHER_SPEC: Final = int(ContentType.CHANGE_CIPHER_SPEC)
_ALERT: Final = int(ContentType.ALERT)
_HANDSHAKE: Final = int(ContentType.HANDSHAKE)
_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_PSH: Final = int(TcpFlags.PSH)
_TLS13: Final = TlsVersion.TLS13
_WIRE, _DECRYPTED, _INFERRED = Source.WIRE, Source.DECRYPTED, Source.INFERRED
_CLIENT, _SERVER = 0, 1
_SIDES: Final = (Side.CLIENT, Side.SERVER)
_MESSAGE_HEADER_BYTES: Final = 4
_NOBODY: Final = -1
_MARK: Final = 0
_SYN: Final = Kind.SYN
_LAST_ROW: Final = 2**62
_CHANGED: Final = "change_cipher_spec"
_COMPLETE: Final = str(Handshake.COMPLETE)
_VERSIONS: Final = (TlsVersion.TLS12, TlsVersion.TLS13)

_CLIENT_HELLO: Final = int(MessageType.CLIENT_HELLO)
_SERVER_HELLO: Final = int(MessageType.SERVER_HELLO)
_FINISHED: Final = int(MessageType.FINISHED)
_TICKETS: Final = frozenset({int(MessageType.NEW_SESSION_TICKET)})
_MOST_MESSAGES: Final = 8
_IN_THE_CLEAR: Final = frozenset(
    {
        MessageType.NEW_SESSION_TICKET,
        MessageType.CERTIFICATE,
        MessageType.SERVER_KEY_EXCHANGE,
        MessageType.CERTIFICATE_REQUEST,
        MessageType.SERVER_HELLO_DONE,
        MessageType.CERTIFICATE_VERIFY,
        MessageType.CLIENT_KEY_EXCHANGE,
        MessageType.CERTIFICATE_STATUS,
        MessageType.NEXT_PROTOCOL,
    }
)
"""Up to TLS 1.2, behind the hellos."""
_SEALED: Final = frozenset(
    {
        MessageType.ENCRYPTED_EXTENSIONS,
        MessageType.CERTIFICATE,
        MessageType.CERTIFICATE_REQUEST,
        MessageType.CERTIFICATE_VERIFY,
        MessageType.COMPRESSED_CERTIFICATE,
        MessageType.FINISHED,
    }
)
"""In TLS 1.3, up to Finished."""


_Kept = tuple[int, int | None, Side, int, int, int, bytes | None]
"""A record: its stamp, sender, content type, version, length and its body, None if unread. Or, by
content type, a SYN or FIN: its flags for a length."""


class OtherwiseError(Exception):
    """The connection is not to be told in brief."""


class Brief:
    """Reads one connection. What cannot be told in brief is kept like the rest, and raises
    OtherwiseError; from then on all that comes is only kept."""

    def __init__(self, keys: KeyLog) -> None:
        self.facts: list[int] = []
        """Numbers of `core.facts`, in the order of capture."""
        self.kept: list[_Kept | Rst] = []
        """All that came, in that order, but for what `readers` hold."""
        self.readers: tuple[RecordReader, ...] | None = None
        """Of what came behind the run: the client's, and the server's."""
        self.alerts: dict[tuple[int, Side], str] = {}
        """What alert a packet carried, by its number and sender: the word that says most."""
        self.sni: str | None = None
        self.version: TlsVersion | None = None
        """None until the ServerHello."""
        self._keys = keys
        self._client_random: bytes | None = None
        self._tls13 = False
        self._longest = 0
        self._unread = _WIRE
        self._open: list[Protection | None] = [None, None]
        """What opens a side's records; None while they are in the clear."""
        self._next: list[Protection | None] = [None, None]
        """What opens them behind its Finished (TLS 1.3), or its ChangeCipherSpec."""
        self._finished = [False, False]
        self._seen = [False, False]
        """Whether a side has sent data."""
        self._data_of = _NOBODY
        self._data_from = _WIRE
        self._data_ns = 0
        self._failed = False
        self._resets: dict[tuple[Side, bool], str] = {}
        """Notes on the first of each side, inside the window and outside it."""
        self._last = Stamp(0, None)

    def read(self, run: WholeRun, since_ns: int) -> None:
        """Take a connection's beginning, from both SYN to the ServerHello and beyond."""
        rows, records, part = run.rows, run.records, slice(run.since, run.until)
        at_ns, number, keep = rows.at_ns, rows.number, self.kept.append
        marks = [*run.marks, _LAST_ROW]
        mark = marks.pop(0)
        for row, lane, kind, version, length, place, position, at in zip(
            records.row[part],
            records.lane[part],
            records.kind[part],
            records.version[part],
            records.length[part],
            records.place[part],
            records.position[part],
            records.at[part],
            strict=True,
        ):
            while row > mark:
                self._mark(run, mark, since_ns)
                mark = marks.pop(0)
            side, now_ns = lane & 1, at_ns[row] - since_ns
            if kind == _APPLICATION_DATA and length > self._longest and self._skips(side):
                keep((now_ns, number[row], _SIDES[side], kind, version, length, None))
                self._data(side, self._unread, now_ns)
                continue
            body = run.body(place, position, at, length)
            keep((now_ns, number[row], _SIDES[side], kind, version, length, body))
            self._record(now_ns, number[row], side, kind, version, body)
        while mark < _LAST_ROW:
            self._mark(run, mark, since_ns)
            mark = marks.pop(0)
        if self.version is None:
            raise OtherwiseError

    def extent(self, stamp: Stamp, sender: Side, data: bytes) -> None:
        """Take the next bytes of one side, behind the run."""
        side = _SIDES.index(sender)
        self._last = stamp
        at_ns, number = stamp
        reader = self._reader(side)
        for kind, version, length, body in reader.feed(data):
            self.kept.append((at_ns, number, sender, kind, version, length, body))
            self._take(at_ns, number or 0, side, kind, version, body)
        self._failed |= reader.broken is not None
        if self._failed:
            raise OtherwiseError

    def _take(
        self, at_ns: int, number: int, side: int, kind: int, version: int, body: bytes | None
    ) -> None:
        """Take a record unless one before it could not be told."""
        if self._failed:
            return
        try:
            if body is not None:
                self._record(at_ns, number, side, kind, version, body)
            elif self._skips(side):
                self._data(side, self._unread, at_ns)
        except OtherwiseError:
            self._failed = True

    def idle(self, sender: Side) -> int:
        """So many of this side's next bytes need not be seen; the one behind them does."""
        return max(self._reader(_SIDES.index(sender)).idle - 1, 0)

    def pass_over(self, sender: Side, size: int) -> None:
        """Take bytes that need not be seen, at most `idle`."""
        self._reader(_SIDES.index(sender)).skip(size)

    def take(self, fact: Fin | Rst) -> None:
        """Take what TCP told behind the run."""
        if isinstance(fact, Fin):
            self._keep_mark(fact.stamp, fact.sender, Kind.FIN, fact.flags)
        else:
            self.kept.append(fact)
            self._reset(fact)

    def retell(self, follower: ConnectionFollower) -> None:
        """Tell a follower all that came."""
        for told in self.kept:
            if isinstance(told, Rst):
                follower.take(told)
                continue
            at_ns, number, sender, kind, version, length, body = told
            stamp = Stamp(at_ns, number)
            if kind > _MARK:
                follower.begin(sender)
                follower.tls.record(stamp, sender, Record(kind, version, length, body))
            elif length & TcpFlags.SYN:
                follower.take(Syn(stamp=stamp, sender=sender, flags=length))
            else:
                follower.take(Fin(stamp=stamp, sender=sender, flags=length, size=0))
        for side, reader in zip(_SIDES, self.readers or (), strict=False):
            follower.tls.take_over(self._last, side, reader)

    def _reset(self, reset: Rst) -> None:
        """Only the first of a kind is told of; in what words, by what it answers."""
        carried = ""
        if reset.answers is not None:
            carried = self.alerts.get((reset.answers, reset.sender.other), "")
            if not carried:
                raise OtherwiseError
        which = reset.sender, reset.in_window
        if which not in self._resets:
            note = self._resets[which] = "; ".join(reset_words(reset, carried))
            detail = flag_names(reset.flags) if reset.in_window else STRAY_RESET
            self._add(_reset(reset.sender, detail, noted=bool(note)))

    def _keep_mark(self, stamp: Stamp, sender: Side, kind: Kind, flags: int) -> None:
        """Take a SYN or FIN."""
        self.kept.append((*stamp, sender, _MARK, 0, flags, None))
        self._add(_mark(sender, kind, flags if kind is _SYN else flags & ~_PSH))

    def settled(self) -> tuple[int, ...]:
        """The facts, up to here."""
        self._settle()
        return tuple(self.facts)

    @property
    def reset_notes(self) -> tuple[str, ...]:
        """Of the resets among the facts, where they have one."""
        return tuple(filter(None, self._resets.values()))

    @property
    def notes(self) -> tuple[str, ...]:
        """As the conversation would have them."""
        readers = zip(_SIDES, self.readers or (), strict=False)
        return tuple(CUT_OFF.format(side) for side, reader in readers if reader.partial)

    def _reader(self, side: int) -> RecordReader:
        if self.readers is None:
            self.readers = (
                RecordReader(partial(self._wants, _CLIENT)),
                RecordReader(partial(self._wants, _SERVER)),
            )
        return self.readers[side]

    def _wants(self, side: int, kind: int, length: int) -> bool:
        unread = kind == _APPLICATION_DATA and length > self._longest and self._can_skip(side)
        return self._failed or not unread

    def _mark(self, run: WholeRun, row: int, since_ns: int) -> None:
        rows = run.rows
        kind, flags = (_SYN if row in run.marks[:2] else Kind.FIN), rows.flags[row]
        stamp = Stamp(rows.at_ns[row] - since_ns, rows.number[row])
        self._keep_mark(stamp, run.sender(row), kind, flags)

    def _record(
        self, at_ns: int, number: int, side: int, kind: int, version: int, body: bytes
    ) -> None:
        if kind == _CHANGE_CIPHER_SPEC:
            self._change_cipher_spec(side)
        elif self._open[side] is not None:
            self._sealed(at_ns, number, side, kind, version, body)
        elif kind == _HANDSHAKE:
            self._clear(side, body)
        else:
            raise OtherwiseError

    def _can_skip(self, side: int) -> bool:
        return self._open[side] is not None and (not self._tls13 or self._finished[side])

    def _skips(self, side: int) -> bool:
        """Whether a side's next record is passed over, being longer than what is read."""
        keys = self._open[side]
        if keys is None or (self._tls13 and not self._finished[side]):
            return False
        keys.skip()
        return True

    def _clear(self, side: int, body: bytes) -> None:
        types = types_in(body)
        if not types or len(types) > _MOST_MESSAGES:
            raise OtherwiseError
        if side == _CLIENT and self._client_random is None:
            self._client_hello(types, body)
        elif self._client_random is None:
            raise OtherwiseError
        elif self.version is None:
            if (
                side == _CLIENT
                or types[0] != _SERVER_HELLO
                or not _IN_THE_CLEAR.issuperset(types[1:])
            ):
                raise OtherwiseError
            size = int.from_bytes(body[1:_MESSAGE_HEADER_BYTES])
            self._settled(
                parse_server_hello(body[_MESSAGE_HEADER_BYTES : size + _MESSAGE_HEADER_BYTES])
            )
            if self._tls13 and len(types) > 1:
                raise OtherwiseError
        elif not _IN_THE_CLEAR.issuperset(types):
            raise OtherwiseError
        self._add(_messages(side, _WIRE, types))

    def _client_hello(self, types: bytes, body: bytes) -> None:
        hello = parse_client_hello(body[_MESSAGE_HEADER_BYTES:])
        if types != bytes([_CLIENT_HELLO]) or hello is None or hello.early_data:
            raise OtherwiseError
        self._client_random, self.sni = hello.random, hello.sni

    def _settled(self, hello: ServerHello | None) -> None:
        """The hellos are through."""
        if hello is None or hello.retry or hello.version is None or hello.version not in _VERSIONS:
            raise OtherwiseError
        self.version = hello.version
        negotiated = Negotiated(
            version=hello.version,
            suite=hello.suite,
            client_random=self._client_random or b"",
            server_random=hello.random,
            extended_master_secret=hello.extended_master_secret,
            encrypt_then_mac=hello.encrypt_then_mac,
        )
        self._next = self._keys_of(negotiated, Epoch.APPLICATION)
        self._tls13 = hello.version is _TLS13
        self._unread = _INFERRED if self._tls13 else _WIRE
        if self._tls13:
            self._open = self._keys_of(negotiated, Epoch.HANDSHAKE)
            self._longest = MAX_OPENED_BYTES
        else:
            self._longest = _longest12(hello.suite, hello.encrypt_then_mac)

    def _keys_of(self, negotiated: Negotiated, epoch: Epoch) -> list[Protection | None]:
        keys = [protection(negotiated, side, epoch, self._keys) for side in _SIDES]
        if None in keys:
            raise OtherwiseError
        return keys

    def _change_cipher_spec(self, side: int) -> None:
        if self.version is None:
            raise OtherwiseError
        if self._tls13:
            return
        if self._open[side] is not None:
            raise OtherwiseError
        self._open[side] = self._next[side]
        self._add(_handshake(side, _WIRE, _CHANGED))

    def _sealed(
        self, at_ns: int, number: int, side: int, kind: int, version: int, body: bytes
    ) -> None:
        keys = self._open[side]
        if keys is None or (
            kind != _APPLICATION_DATA and (self._tls13 or len(body) <= ALERT_BYTES)
        ):
            raise OtherwiseError
        opened = keys.open(kind, version, body)
        if opened is None or not opened.plaintext:
            raise OtherwiseError
        kind, plaintext = opened
        if kind == _APPLICATION_DATA and (self._finished[side] or not self._tls13):
            self._data(side, _DECRYPTED, at_ns)
        elif kind == _HANDSHAKE:
            self._sealed_messages(side, plaintext)
        elif kind == _ALERT and len(plaintext) == ALERT_BYTES:
            self._alert(number, side, plaintext)
        else:
            raise OtherwiseError

    def _sealed_messages(self, side: int, plaintext: bytes) -> None:
        types = types_in(plaintext)
        if not types or len(types) > _MOST_MESSAGES:
            raise OtherwiseError
        finished = types[-1] == _FINISHED
        if self._finished[side]:
            expected = self._tls13 and side == _SERVER and _TICKETS.issuperset(types)
        elif self._tls13:
            expected = _SEALED.issuperset(types) and (finished or _FINISHED not in types)
        else:
            expected = finished and len(types) == 1
        if not expected:
            raise OtherwiseError
        self._add(_messages(side, _DECRYPTED, types))
        if finished:
            self._finish(side)

    def _finish(self, side: int) -> None:
        self._finished[side] = True
        if self._tls13:
            self._open[side] = self._next[side]
        if side == _CLIENT if self._tls13 else self._finished[1 - side]:
            self._add(_handshake(side, _DECRYPTED, _COMPLETE))

    def _alert(self, packet: int, side: int, plaintext: bytes) -> None:
        closes, number = _alert(side, plaintext)
        self._add(number)
        if closes or (packet, _SIDES[side]) not in self.alerts:
            self.alerts[packet, _SIDES[side]] = "close_notify" if closes else "alert"
        half = self._tls13 and side == _CLIENT and self._seen == [True, False]
        if closes and half:
            raise OtherwiseError

    def _data(self, side: int, source: Source, at_ns: int) -> None:
        """Records of one side closer together than `FOLD_NS` become one event."""
        if side == self._data_of and at_ns - self._data_ns < FOLD_NS:
            if source is _INFERRED:
                self._data_from = source
        else:
            self._settle()
            self._data_of, self._data_from = side, source
            self._seen[side] = True
        self._data_ns = at_ns

    def _settle(self) -> None:
        """The event of the data at hand is made."""
        if self._data_of != _NOBODY:
            number = _data(self._data_of, self._data_from)
            if self.facts[-1] != number:
                self.facts.append(number)
            self._data_of = _NOBODY

    def _add(self, number: int) -> None:
        self._settle()
        self.facts.append(number)


@lru_cache(maxsize=64)
def _longest12(code: int, encrypt_then_mac: bool) -> int:
    """Application data of TLS 1.2 in longer bodies is passed over."""
    chosen = suite(code)
    if chosen is None:
        raise OtherwiseError
    sealed = sealed_alert_bytes(chosen, encrypt_then_mac=encrypt_then_mac)
    return MAX_OPENED_DATA_BYTES + sealed - ALERT_BYTES


def _number(fact: Fact) -> int:
    number = number_of(fact)
    if number is None:
        raise OtherwiseError
    return number


@lru_cache(maxsize=256)
def _mark(sender: Side, kind: Kind, flags: int) -> int:
    return _number(Fact(sender, kind, _WIRE, flag_names(flags)))


@lru_cache(maxsize=64)
def _reset(sender: Side, detail: str, *, noted: bool) -> int:
    return _number(Fact(sender, Kind.RST, _WIRE, detail, None, noted))


@lru_cache(maxsize=1024)
def _messages(side: int, source: Source, types: bytes) -> int:
    return _handshake(side, source, ", ".join(map(message_name, types)))


@lru_cache(maxsize=1024)
def _handshake(side: int, source: Source, detail: str) -> int:
    return _number(Fact(_SIDES[side], Kind.HANDSHAKE, source, detail))


@lru_cache(maxsize=1024)
def _alert(side: int, plaintext: bytes) -> tuple[bool, int]:
    """Whether it is close_notify, and the fact."""
    alert = Alert(level=plaintext[0], description=plaintext[1])
    closes = alert.is_close_notify
    kind = Kind.CLOSE_NOTIFY if closes else Kind.ALERT
    detail = alert.level_name if closes else str(alert)
    return closes, _number(Fact(_SIDES[side], kind, _DECRYPTED, detail, alert))


@lru_cache(maxsize=16)
def _data(side: int, source: Source) -> int:
    return _number(Fact(_SIDES[side], Kind.APP_DATA, source))
