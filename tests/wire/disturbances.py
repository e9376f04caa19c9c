"""What can happen to a connection's packets, each of them at a place: one table for many tests.

Every entry takes packets and a place among them, and makes other packets of them; where it has
nothing to do there, they stay as they are.
"""

from tests.wire import disturbing as do
from tests.wire.disturbing import ACK, FIN, MS, PSH, RST, SECOND, SYN, Packet

__all__ = ["DISTURBANCES", "KINDS", "Packet"]

CLOSE_NOTIFY = b"\x15\x03\x03\x00\x02\x01\x00"
JUNK = b"\x99\x01\x02\x03\x04\x05"
HALF_A_RECORD = b"\x17\x03\x03\x01\x00" + bytes(100)
NO_LONGER_TLS = b"HTTP/1.1 200 OK\r\n\r\n"


def _keep_alive(packet, payload=b""):
    return do.bare(packet, seq=packet.behind - 1, payload=payload)


def _reset(flags, ahead=0):
    return lambda packet: do.bare(packet, seq=packet.behind + ahead, flags=flags)


def _flags(more=0, less=0):
    return do.replaced(lambda packet: packet.changed(flags=(packet.segment.flags | more) & ~less))


LOST = {
    "lost": do.replaced(),
    "two lost": lambda packets, at: [*packets[:at], *packets[at + 2 :]],
    "begins late": lambda packets, at: packets[at:],
    "ends early": lambda packets, at: packets[: at + 1],
    "one side": do.one_side,
    "snapped": do.snapped(20),
    "snapped to headers": do.snapped(0),
    "lost, comes late": do.sacked,
}
REPEATED = {
    "repeated": do.inserted(do.same),
    "repeated, later": do.inserted(do.same, later=3),
    "repeated at the end": lambda packets, at: [*packets, packets[at]],
    "FIN at once": do.each(do.has(FIN)),
    "FIN at the end": do.every(do.has(FIN)),
    "SYN at once": do.each(do.has(SYN)),
    "SYN at the end": do.every(do.has(SYN)),
    "data at once": do.each(do.carries),
    "data at the end": do.every(do.carries),
    "everything at once": do.each(do.anything),
    "everything at the end": do.every(do.anything),
    "with what was before": do.overlapping,
}
MOVED = {
    "swapped": do.swapped,
    "split": do.split(1, 7),
    "split in the header": do.split(3),
    "shredded": do.shredded,
    "joined": do.joined,
    "FIN on data": do.fin_on_data,
    "numbers wrap": do.wrapped,
    "numbers elsewhere": do.renumbered(2**31, 2**32 - 5),
}
ADDED = {
    "keep-alive": do.inserted(_keep_alive),
    "keep-alive with a byte": do.inserted(lambda packet: _keep_alive(packet, b"\0")),
    "keep-alive, answered": do.inserted(_keep_alive, do.reply),
    "older number": do.inserted(lambda packet: do.bare(packet, seq=packet.segment.seq - 100)),
    "far older number": do.inserted(lambda packet: do.bare(packet, seq=packet.behind - 2**30)),
    "bare": do.inserted(do.bare, do.reply),
    "bare, behind the end": do.appended(do.bare, do.bare),
    "bare, a byte behind the end": do.appended(
        lambda packet: do.bare(packet, seq=packet.behind + 1)
    ),
    "claims more": do.inserted(lambda packet: do.bare(packet, seq=packet.behind + 500)),
    "acknowledges more": do.inserted(lambda packet: do.reply(packet, ack=packet.behind + 500)),
    "acknowledges anything": do.inserted(lambda packet: do.reply(packet, ack=2**31)),
    "window closed": do.inserted(lambda packet: do.reply(packet, window=0)),
    "data behind the end": do.appended(lambda packet: do.bare(packet, payload=CLOSE_NOTIFY)),
    "FIN": do.appended(lambda packet: do.bare(packet, flags=FIN | ACK)),
    "FIN in between": do.inserted(lambda packet: do.bare(packet, flags=FIN | ACK)),
    "FIN without ACK": do.appended(lambda packet: do.bare(packet, flags=FIN)),
}
RESET = {
    "RST": do.appended(_reset(RST)),
    "RST and ACK": do.appended(_reset(RST | ACK)),
    "both RST": do.appended(_reset(RST | ACK), _reset(RST)),
    "RST, old": do.appended(_reset(RST, -5)),
    "RST, ahead": do.appended(_reset(RST, 9000)),
    "RST, far": do.appended(_reset(RST | ACK, 2**31)),
    "RST, old, then right": do.appended(_reset(RST, -5), _reset(RST | ACK)),
    "RST in between": do.inserted(_reset(RST)),
    "RST and ACK in between": do.inserted(_reset(RST | ACK)),
    "RST, old, in between": do.inserted(_reset(RST, -5)),
    "RST of the other": do.inserted(lambda packet: do.reply(packet, flags=RST, ack=0)),
    "RST and ACK of the other": do.inserted(lambda packet: do.reply(packet, flags=RST | ACK)),
    "RST short of data": do.inserted(
        lambda packet: do.reply(packet, flags=RST | ACK, ack=packet.segment.seq)
    ),
    "cut short by RST": lambda packets, at: [*packets[: at + 1], _reset(RST | ACK)(packets[at])],
    "cut short by RST of the other": lambda packets, at: [
        *packets[: at + 1],
        do.reply(packets[at], flags=RST),
    ],
}
CHANGED = {
    "PSH": _flags(more=PSH),
    "no ACK": _flags(less=ACK),
    "URG, ECE, CWR": _flags(more=0xE0),
    "FIN": _flags(more=FIN),
    "SYN": _flags(more=SYN),
    "RST": _flags(more=RST),
    "header": do.garbled(0),
    "length": do.garbled(4),
    "body": do.garbled(30),
    "last byte": do.garbled(-1),
    "more: alert": do.grown(CLOSE_NOTIFY),
    "more: junk": do.grown(JUNK),
    "more: half a header": do.grown(b"\x17\x03"),
    "more: half a record": do.grown(HALF_A_RECORD),
    "more: HTTP": do.grown(NO_LONGER_TLS),
    "more: empty records": do.grown(b"\x17\x03\x03\x00\x00" * 3),
    "more: hello": do.grown(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00"),
    "more: change_cipher_spec": do.grown(b"\x14\x03\x03\x00\x01\x01"),
}
AGAIN = {
    "higher": do.again(5000, 7000),
    "lower": do.again(-5000, -7000),
    "the same": do.again(0, 0),
    "far": do.again(2**31, 2**30),
    "much later": do.again(5000, 5000, 300 * SECOND),
    "the same, much later": do.again(0, 0, 300 * SECOND),
}
TIMED = {
    "back a little": do.clock(-1),
    "back": do.clock(-3600 * SECOND),
    "once back": do.clock(-20 * MS, 1),
    "a pause": do.clock(6 * MS),
    "a long pause": do.clock(20 * SECOND),
    "at once": lambda packets, _: [item._replace(at_ns=packets[0].at_ns) for item in packets],
}
KINDS = {
    "lost": LOST,
    "repeated": REPEATED,
    "moved": MOVED,
    "added": ADDED,
    "reset": RESET,
    "changed": CHANGED,
    "again": AGAIN,
    "timed": TIMED,
}
DISTURBANCES = {
    f"{kind}: {name}": disturb for kind, table in KINDS.items() for name, disturb in table.items()
}
