"""Stories of a connection, written as scripts: what each side does, and the events expected.

`Tls` is two OpenSSL ends in memory whose flights are kept. `Tcp` writes the segments that carry
flights. `story` turns what the follower found into one line for each event.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from OpenSSL import SSL

from tests.wire.pairs import identity
from tlsclose.core.event import Kind, Side, Source
from tlsclose.core.record import TlsVersion
from tlsclose.wire.follower import ConnectionFollower, Followed
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import Segment, TcpFlags

CLIENT, SERVER = Side.CLIENT, Side.SERVER
ADDRESSES = {CLIENT: ("192.0.2.1", 50000), SERVER: ("198.51.100.2", 443)}
MS = 1_000_000

_VERSIONS = {TlsVersion.TLS12: SSL.TLS1_2_VERSION, TlsVersion.TLS13: SSL.TLS1_3_VERSION}


class Tls:
    """A TLS connection in memory. `flights` holds what each side wrote, in order."""

    def __init__(self, version, *, alpn=None, session_from=None):
        self.flights: list[tuple[Side, bytes]] = []
        self.keys = session_from.keys if session_from else KeyLog()
        self.contexts = session_from.contexts if session_from else self._contexts(version, alpn)
        self.ends = {side: SSL.Connection(self.contexts[side]) for side in Side}
        self.ends[CLIENT].set_connect_state()
        self.ends[SERVER].set_accept_state()
        self.ends[CLIENT].set_tlsext_host_name(b"localhost")
        if session_from:
            self.ends[CLIENT].set_session(session_from.ends[CLIENT].get_session())

    def shake(self):
        for _ in range(6):
            for side in (CLIENT, SERVER):
                with suppress(SSL.WantReadError):
                    self.ends[side].do_handshake()
                self.flush(side)
        self.read(CLIENT)
        return self

    def renegotiate(self):
        """The server asks, the client begins (TLS 1.2)."""
        self.ends[SERVER].renegotiate()
        with suppress(SSL.WantReadError):
            self.ends[SERVER].do_handshake()
        self.flush(SERVER)
        for _ in range(4):
            for side in (CLIENT, SERVER):
                self.read(side)
                self.flush(side)
        assert not self.ends[SERVER].renegotiate_pending()
        return self

    def send(self, side, data):
        self.ends[side].send(data)
        self.flush(side)
        assert self.read(side.other) == data
        return self

    def close(self, side):
        self.ends[side].shutdown()
        self.flush(side)
        self.read(side.other)
        return self

    def read(self, side):
        data = b""
        try:
            while True:
                data += self.ends[side].recv(1 << 16)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            return data

    def flush(self, side):
        try:
            data = self.ends[side].bio_read(1 << 20)
        except SSL.WantReadError:
            return
        self.flights.append((side, data))
        self.ends[side.other].bio_write(data)

    def stream(self, side):
        return b"".join(data for sender, data in self.flights if sender is side)

    def _contexts(self, version, alpn):
        contexts = {side: SSL.Context(SSL.TLS_METHOD) for side in Side}
        for context in contexts.values():
            context.set_min_proto_version(_VERSIONS[version])
            context.set_max_proto_version(_VERSIONS[version])
        if alpn:
            contexts[CLIENT].set_alpn_protos([alpn])
        key, certificate = identity()
        server = contexts[SERVER]
        server.use_privatekey(key)
        server.use_certificate(certificate)
        server.set_session_id(b"playbook")
        server.set_keylog_callback(self._log_key)
        server.set_alpn_select_callback(lambda _, offered: offered[0])
        return contexts

    def _log_key(self, _connection, line):
        self.keys.add_line(line.decode())


@dataclass
class Tcp:
    """Writes segments, each with the sequence and acknowledgement numbers of its moment."""

    isn: dict[Side, int] = field(default_factory=lambda: {CLIENT: 1000, SERVER: 2**32 - 100})
    segments: list[Segment] = field(default_factory=list)

    def __post_init__(self):
        self.next = dict(self.isn)
        self.got = {side: self.isn[side.other] for side in Side}

    def segment(self, side, flags=TcpFlags.ACK, data=b"", *, seq=None, ack=None, truncated=0):
        """A segment as given: nothing is counted."""
        return Segment(
            src=ADDRESSES[side],
            dst=ADDRESSES[side.other],
            seq=(self.next[side] if seq is None else seq) % 2**32,
            ack=(self.got[side] if ack is None else ack) % 2**32,
            flags=flags,
            payload=data,
            window=65535,
            truncated=truncated,
        )

    def put(self, side, flags=TcpFlags.ACK, data=b"", **fields):
        """The next segment of a side; the other side has it."""
        self.segments.append(self.segment(side, flags, data, **fields))
        size = len(data) + bool(flags & TcpFlags.SYN) + bool(flags & TcpFlags.FIN)
        self.next[side] += size + fields.get("truncated", 0)
        self.got[side.other] = self.next[side]
        return self

    def lost(self, side, size):
        """Bytes that were sent and not captured; nobody acknowledged them."""
        self.next[side] += size
        return self

    def open(self):
        self.put(CLIENT, TcpFlags.SYN).put(SERVER, TcpFlags.SYN | TcpFlags.ACK)
        return self.put(CLIENT)

    def data(self, side, data):
        return self.put(side, TcpFlags.ACK | TcpFlags.PSH, data)

    def flights(self, flights):
        for side, data in flights:
            for at in range(0, len(data), 1460):
                self.data(side, data[at : at + 1460])
        return self

    def ack(self, side):
        return self.put(side)

    def fin(self, side, data=b""):
        return self.put(side, TcpFlags.FIN | TcpFlags.ACK, data)

    def rst(self, side, flags=TcpFlags.RST | TcpFlags.ACK, **fields):
        self.segments.append(self.segment(side, flags, **fields))
        return self


def follow_segments(segments, keys=None, client=None) -> Followed:
    """One packet each millisecond."""
    follower = ConnectionFollower(keys or KeyLog(), client=client)
    for number, segment in enumerate(segments, 1):
        follower.segment(number * MS, number, segment)
    return follower.finish()


def follow_extents(flights, keys=None) -> Followed:
    """One flight each 10 ms."""
    follower = ConnectionFollower(keys or KeyLog())
    for number, (side, data) in enumerate(flights, 1):
        follower.extent(number * 10 * MS, side, data)
    return follower.finish()


TCP_KINDS = (Kind.SYN, Kind.FIN, Kind.RST)
"""Their detail is the flags."""


def line(event):
    """`client close_notify warning`, and the source where it is not the wire in the clear."""
    words = [event.sender, event.kind, "" if event.kind in TCP_KINDS else event.detail]
    if event.source is not Source.WIRE:
        words.append(f"({event.source})")
    return " ".join(word for word in words if word)


def story(followed, *, without=()):
    """One line for each event; `without` leaves kinds out."""
    return [line(event) for event in followed.events if event.kind not in without]
