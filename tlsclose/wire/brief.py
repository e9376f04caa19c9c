"""A connection by the book, told in brief: the facts that judges ask for, and no events.

This reads what `conversation` reads, as long as it is what nearly all connections consist of: one
handshake of TLS 1.2 or 1.3 whose keys are there, data, tickets, alerts. Whatever else comes, or
does not open, it leaves to the conversation, from the beginning: see `brief_connection`.
"""

from functools import lru_cache, partial
from typing import Final

from tlsclose.core.event import Side, Source
from tlsclose.core.hello import ServerHello, parse_client_hello, parse_server_hello
from tlsclose.core.record import ALERT_BYTES, ContentType, TlsVersion
from tlsclose.wire import brief_facts
from tlsclose.wire.brief_facts import OtherwiseError
from tlsclose.wire.brief_kept import Kept
from tlsclose.wire.event_log import FOLD_NS
from tlsclose.wire.follower import reset_words
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.messages import MessageType, types_in
from tlsclose.wire.opener import MAX_OPENED_BYTES, MAX_OPENED_DATA_BYTES
from tlsclose.wire.protection import Epoch, Negotiated, Protection
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.records import RecordReader
from tlsclose.wire.streams import Fin, Rst
from tlsclose.wire.suites import sealed_alert_bytes, suite
from tlsclose.wire.unprotect import protection
from tlsclose.wire.whole_run import MARK, SIDES, WholeRun

_CHANGE_CIPHER_SPEC: Final = int(ContentType.CHANGE_CIPHER_SPEC)
_ALERT: Final = int(ContentType.ALERT)
_HANDSHAKE: Final = int(ContentType.HANDSHAKE)
_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_TLS13: Final = TlsVersion.TLS13
_WIRE, _DECRYPTED, _INFERRED = Source.WIRE, Source.DECRYPTED, Source.INFERRED
_CLIENT, _SERVER = 0, 1
_MESSAGE_HEADER_BYTES: Final = 4
_NOBODY: Final = -1
_VERSIONS: Final = (TlsVersion.TLS12, TlsVersion.TLS13)

_CLIENT_HELLO: Final = bytes([MessageType.CLIENT_HELLO])
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


class Brief:
    """Reads one connection, of which it takes the beginning from a run.

    What cannot be told in brief raises OtherwiseError; all that came is then in `kept`.
    """

    def __init__(self, run: WholeRun, keys: KeyLog) -> None:
        self.kept = Kept(run)
        self.sni: str | None = None
        self.version: TlsVersion | None = None
        """None until the ServerHello."""
        self._facts: list[int] = []
        """Numbers of `core.facts`, in the order of capture."""
        self._began_ns = run.plan.began_ns
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
        self._now_ns = self._packet = 0
        """Of the record at hand."""
        self._data_of = _NOBODY
        self._data_from = _WIRE
        self._data_ns = 0
        self._alerts: dict[tuple[int, int], str] = {}
        """What alert a packet carried, by its number and side: the word that says most."""
        self._resets: dict[tuple[Side, bool], str] = {}
        """Notes on the first of each side, inside the window and outside it."""
        self._read(run)

    def _read(self, run: WholeRun) -> None:
        keep, read = self.kept.body, run.body
        for told in run.told:
            side, kind, version, length, place, position, at, at_ns, last_ns, packet, count = told
            if kind == _APPLICATION_DATA and length > self._longest:
                if self._skips(side, count):
                    self._data(side, self._unread, at_ns)
                    self._data_ns = last_ns
                    continue
                if count > 1:
                    raise OtherwiseError
            elif kind == MARK:
                self._add(brief_facts.mark(side, length))
                continue
            body = read(place, position, at, length)
            keep(position, body)
            self._now_ns, self._packet = at_ns, packet
            self._record(side, kind, version, body)
        if self.version is None:
            raise OtherwiseError

    def extent(self, stamp: Stamp, sender: Side, data: bytes) -> None:
        """Take the next bytes of one side, behind the run."""
        side = SIDES.index(sender)
        self._reader(side)
        self._now_ns, self._packet = stamp.at_ns + self._began_ns, stamp.number or 0
        for record in self.kept.feed(stamp, sender, data):
            if record.body is not None:
                self._record(side, record.content_type, record.version, record.body)
            elif self._skips(side):
                self._data(side, self._unread, self._now_ns)

    def idle(self, sender: Side) -> int:
        """So many of this side's next bytes need not be seen; the one behind them does."""
        return max(self._reader(SIDES.index(sender)).idle - 1, 0)

    def pass_over(self, sender: Side, size: int) -> None:
        """Take bytes that need not be seen, at most `idle`."""
        self._reader(SIDES.index(sender)).skip(size)

    def take(self, fact: Fin | Rst) -> None:
        """Take what TCP told behind the run."""
        self.kept.fact(fact)
        if isinstance(fact, Fin):
            self._add(brief_facts.mark(SIDES.index(fact.sender), fact.flags))
        else:
            self._reset(fact)

    def _reset(self, reset: Rst) -> None:
        """Only the first of a kind is told of; in what words, by what it answers."""
        carried = ""
        if reset.answers is not None:
            carried = self._alerts.get((reset.answers, SIDES.index(reset.sender.other)), "")
            if not carried:
                raise OtherwiseError
        which = reset.sender, reset.in_window
        if which not in self._resets:
            note = self._resets[which] = "; ".join(reset_words(reset, carried))
            within, noted = reset.in_window, bool(note)
            fact = brief_facts.reset(reset.sender, reset.flags, in_window=within, noted=noted)
            self._add(fact)

    def settled(self) -> tuple[int, ...]:
        """The facts, up to here."""
        self._settle()
        return tuple(self._facts)

    @property
    def reset_notes(self) -> tuple[str, ...]:
        """Of the resets among the facts, where they have one."""
        return tuple(filter(None, self._resets.values()))

    def _reader(self, side: int) -> RecordReader:
        if self.kept.readers is None:
            self.kept.readers = (
                RecordReader(partial(self._wants, _CLIENT)),
                RecordReader(partial(self._wants, _SERVER)),
            )
        return self.kept.readers[side]

    def _wants(self, side: int, kind: int, length: int) -> bool:
        long = kind == _APPLICATION_DATA and length > self._longest
        return not (long and self._can_skip(side))

    def _record(self, side: int, kind: int, version: int, body: bytes) -> None:
        if kind == _CHANGE_CIPHER_SPEC:
            self._change_cipher_spec(side)
        elif self._open[side] is not None:
            self._sealed(side, kind, version, body)
        elif kind == _HANDSHAKE:
            self._clear(side, body)
        else:
            raise OtherwiseError

    def _can_skip(self, side: int) -> bool:
        return self._open[side] is not None and (not self._tls13 or self._finished[side])

    def _skips(self, side: int, count: int = 1) -> bool:
        """Whether a side's next records are passed over, being longer than what is read."""
        keys = self._open[side]
        if keys is None or not self._can_skip(side):
            return False
        keys.skip(count)
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
            if side == _CLIENT or types[0] != _SERVER_HELLO:
                raise OtherwiseError
            behind = types[1:]
            self._server_hello(body)
            if behind and (self._tls13 or not _IN_THE_CLEAR.issuperset(behind)):
                raise OtherwiseError
        elif not _IN_THE_CLEAR.issuperset(types):
            raise OtherwiseError
        self._add(brief_facts.messages(side, _WIRE, types))

    def _client_hello(self, types: bytes, body: bytes) -> None:
        hello = parse_client_hello(body[_MESSAGE_HEADER_BYTES:])
        if types != _CLIENT_HELLO or hello is None or hello.early_data:
            raise OtherwiseError
        self._client_random, self.sni = hello.random, hello.sni

    def _server_hello(self, body: bytes) -> None:
        """The hellos are through."""
        size = int.from_bytes(body[1:_MESSAGE_HEADER_BYTES])
        hello = parse_server_hello(body[_MESSAGE_HEADER_BYTES : size + _MESSAGE_HEADER_BYTES])
        if hello is None or hello.retry or hello.version not in _VERSIONS:
            raise OtherwiseError
        self._negotiate(hello, hello.version)

    def _negotiate(self, hello: ServerHello, version: TlsVersion) -> None:
        self.version = version
        negotiated = Negotiated(
            version=version,
            suite=hello.suite,
            client_random=self._client_random or b"",
            server_random=hello.random,
            extended_master_secret=hello.extended_master_secret,
            encrypt_then_mac=hello.encrypt_then_mac,
        )
        self._next = self._keys_of(negotiated, Epoch.APPLICATION)
        self._tls13 = version is _TLS13
        if self._tls13:
            self._unread = _INFERRED
            self._open = self._keys_of(negotiated, Epoch.HANDSHAKE)
            self._longest = MAX_OPENED_BYTES
        else:
            self._longest = _longest12(hello.suite, hello.encrypt_then_mac)

    def _keys_of(self, negotiated: Negotiated, epoch: Epoch) -> list[Protection | None]:
        keys = [protection(negotiated, side, epoch, self._keys) for side in SIDES]
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
        self._add(brief_facts.changed(side))

    def _sealed(self, side: int, kind: int, version: int, body: bytes) -> None:
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
            self._data(side, _DECRYPTED, self._now_ns)
        elif kind == _HANDSHAKE:
            self._sealed_messages(side, plaintext)
        elif kind == _ALERT and len(plaintext) == ALERT_BYTES:
            self._alert(side, plaintext)
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
        self._add(brief_facts.messages(side, _DECRYPTED, types))
        if finished:
            self._finish(side)

    def _finish(self, side: int) -> None:
        self._finished[side] = True
        if self._tls13:
            self._open[side] = self._next[side]
        if side == _CLIENT if self._tls13 else self._finished[1 - side]:
            self._add(brief_facts.complete(side))

    def _alert(self, side: int, plaintext: bytes) -> None:
        closes, number = brief_facts.alert(side, plaintext)
        self._add(number)
        if closes or (self._packet, side) not in self._alerts:
            self._alerts[self._packet, side] = "close_notify" if closes else "alert"
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
            number = brief_facts.data(self._data_of, self._data_from)
            if self._facts[-1] != number:
                self._facts.append(number)
            self._data_of = _NOBODY

    def _add(self, number: int) -> None:
        self._settle()
        self._facts.append(number)


@lru_cache(maxsize=64)
def _longest12(code: int, encrypt_then_mac: bool) -> int:
    """Application data of TLS 1.2 in longer bodies is passed over."""
    chosen = suite(code)
    if chosen is None:
        raise OtherwiseError
    sealed = sealed_alert_bytes(chosen, encrypt_then_mac=encrypt_then_mac)
    return MAX_OPENED_DATA_BYTES + sealed - ALERT_BYTES
