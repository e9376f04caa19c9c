"""Many connections in one capture: each between other ends, their packets mixed."""

from tests.pcaps import pcapng
from tests.wire import forge
from tests.wire.captures import AT
from tests.wire.disturbances import Packet
from tests.wire.playbook import CLIENT, MS, SERVER, Tcp, Tls
from tlsclose.core.record import TlsVersion
from tlsclose.wire.packets import TcpFlags, decode


def of_capture(path):
    """A capture's packets, and the lines of its key log."""
    capture = pcapng.read(path)
    packets = [Packet(frame.at_ns, decode(frame)) for frame in capture.frames]
    return packets, capture.keys


def of_script(script, every_ns=MS):
    """One packet each millisecond."""
    return [Packet(AT + at * every_ns, segment) for at, segment in enumerate(script.segments)]


def between(packets, number):
    """The same between a client of this number and the same server."""
    host = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    segment = packets[0].segment
    client = max(segment.src, segment.dst, key=lambda end: end[1])
    mine = host, client[1]
    return [
        packet.changed(
            **{name: mine for name in ("src", "dst") if getattr(packet.segment, name) == client}
        )
        for packet in packets
    ]


def in_time(connections):
    """All packets in the order of time, but none before one that it followed."""
    found = []
    for which, packets in enumerate(connections):
        now_ns = 0
        for at, packet in enumerate(packets):
            now_ns = max(now_ns, packet.at_ns)
            found.append((now_ns, which, at, packet))
    return [packet for *_, packet in sorted(found, key=lambda item: item[:3])]


def in_turn(connections, every_ns=MS):
    """Round after round: the first packet of each, then the second one; and where rounds begin."""
    found, begins = [], []
    for turn in range(max(map(len, connections))):
        begins.append(len(found))
        for packets in connections:
            if turn < len(packets):
                at_ns = AT + turn * every_ns + len(found)
                found.append(packets[turn]._replace(at_ns=at_ns))
    return found, begins


def _closed(script):
    return script.fin(SERVER).ack(CLIENT).fin(CLIENT).ack(SERVER)


def _asked(version, **options):
    return Tls(version, **options).shake().send(CLIENT, b"GET / HTTP/1.1\r\n\r\n")


def _long(version):
    tls = _asked(version)
    for _ in range(6):
        tls.send(SERVER, b"x" * 16_000)
    return tls.close(SERVER).close(CLIENT)


def _talk(version):
    tls = Tls(version).shake()
    for number in range(1, 12):
        tls.send(CLIENT, b"?" * number).send(SERVER, b"!" * 20 * number)
    return tls.close(CLIENT).close(SERVER)


def _half_closed(version):
    return _asked(version).close(CLIENT).send(SERVER, b"HTTP/1.1 200 OK\r\n\r\n").close(SERVER)


def _resumed(version):
    return _asked(version, session_from=_asked(version).send(SERVER, b"tickets")).close(CLIENT)


def _unfinished(version):
    return _asked(version).send(SERVER, b"x" * 3000)


def _renegotiated():
    return _asked(TlsVersion.TLS12).renegotiate().close(CLIENT).close(SERVER)


def _forged():
    """What a stack writes seldom: updated keys, padding, warnings, data behind a close_notify."""
    made = forge.Forged().shaken().seal("client", forge.DATA, b"a" * 40, padding=90)
    yield made.seal("server", forge.ALERT, b"\x01\x5a").seal("server", forge.DATA, b"b" * 400)
    yield forge.Forged().shaken().seal("client", forge.DATA, b"").seal("client", forge.DATA, b"c")
    made = forge.Forged().shaken()
    made.seal("server", forge.HANDSHAKE, forge.message(forge.KEY_UPDATE, b"\x00"))
    made.keys["server"].update()
    yield made.seal("server", forge.DATA, b"d").seal("server", forge.ALERT, forge.CLOSE_NOTIFY)
    made = forge.Forged().shaken().seal("client", forge.ALERT, forge.CLOSE_NOTIFY)
    yield made.seal("client", forge.DATA, b"late").seal("server", forge.ALERT, b"\x02\x28")
    yield forge.Forged(forge.EARLY_DATA).seal("early", forge.DATA, b"early").server_flight()


def told_stories():
    """Connections that are not recorded, and the lines of their key log."""
    both = (_long, _talk, _half_closed, _resumed, _unfinished)
    made = [tell(version) for tell in both for version in (TlsVersion.TLS12, TlsVersion.TLS13)]
    made.append(_renegotiated())
    keys = [line for tls in made for line in tls.keys.lines()] + [*forge.key_log().lines()]
    flights = [story.flights for story in (*made, *_forged())]
    ends = [_closed(Tcp().open().flights(some)) for some in flights]
    ends += [
        Tcp().open().flights(some).ack(CLIENT).rst(SERVER, TcpFlags.RST) for some in flights[:4]
    ]
    return [of_script(script) for script in ends], keys
