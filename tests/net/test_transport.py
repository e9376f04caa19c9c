import errno
import socket

import pytest

from tlsclose.core.event import Kind, Side
from tlsclose.net import transport as module
from tlsclose.net.clock import Clock, Deadline
from tlsclose.net.transport import Ending, Transport

LONG_S = 20.0
MEGABYTE = bytes(1 << 20)


@pytest.fixture
def pair():
    """Our transport and the peer's bare socket; the tap's record hangs on the transport."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    tapped = []
    transport = Transport(
        ours,
        clock=Clock.start(),
        side=Side.CLIENT,
        tap=lambda _, side, data: tapped.append((side, data)),
    )
    transport.tapped = tapped
    with ours, theirs:
        theirs.settimeout(LONG_S)
        yield transport, theirs


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, module._LINGER_RESET)
    sock.close()


def later():
    return Deadline(LONG_S)


def witnessed(transport):
    return [(event.sender, event.kind) for event in transport.events]


def send_until_refused(transport):
    while transport.writable:
        transport.send(b"x", later())


class Failing:
    """A socket whose calls raise."""

    def __init__(self, **errors):
        self._errors = errors
        self.pending = 0

    def setsockopt(self, *_):
        pass

    def getsockopt(self, *_):
        return self.pending

    def settimeout(self, _):
        pass

    def close(self):
        pass

    def _raise(self, name):
        raise OSError(self._errors[name], "x")

    def send(self, _):
        self._raise("send")

    def recv(self, _):
        self._raise("recv")

    def shutdown(self, _):
        self._raise("shutdown")


def failing(**errors):
    return Transport(Failing(**errors), clock=Clock.start(), side=Side.CLIENT)


def test_bytes_both_ways_are_tapped(pair):
    ours, theirs = pair
    assert ours.send(b"ping", later()) == 4
    assert theirs.recv(4) == b"ping"
    theirs.sendall(b"pong")
    assert ours.receive(later()) == b"pong"
    assert ours.tapped == [(Side.CLIENT, b"ping"), (Side.SERVER, b"pong")]


def test_silence_is_none_and_no_event(pair):
    ours, _ = pair
    assert ours.receive(Deadline(0.01)) is None
    assert ours.events == ()
    assert ours.ending is None


def test_nothing_is_read_after_the_deadline_however_much_there_is(pair):
    ours, theirs = pair
    theirs.sendall(b"x" * 1000)
    assert ours.receive(Deadline(0)) is None
    assert ours.receive(later())


def test_end_of_file_is_told_once(pair):
    ours, theirs = pair
    theirs.shutdown(socket.SHUT_WR)
    assert ours.receive(later()) == b""
    assert ours.receive(later()) == b""
    assert witnessed(ours) == [(Side.SERVER, Kind.FIN)]
    assert ours.writable


def test_reset_while_reading(pair):
    ours, theirs = pair
    reset(theirs)
    assert ours.receive(later()) == b""
    assert ours.ending is Ending.RST
    assert not ours.writable
    assert ours.send(b"x", later()) == 0
    assert witnessed(ours) == [(Side.SERVER, Kind.RST)]


@pytest.mark.skipif(not hasattr(socket, "AF_PACKET"), reason="Linux keeps what came before a RST")
def test_what_came_before_a_reset_is_read_although_a_send_met_the_reset_first(pair):
    ours, theirs = pair
    theirs.sendall(b"alert")
    reset(theirs)
    send_until_refused(ours)
    assert ours.receive(later()) == b"alert"
    assert ours.receive(later()) == b""
    assert ours.ending is Ending.RST
    assert witnessed(ours) == [(Side.SERVER, Kind.RST)]


def test_reset_after_the_peers_fin(pair):
    ours, theirs = pair
    theirs.shutdown(socket.SHUT_WR)
    assert ours.receive(later()) == b""
    reset(theirs)
    send_until_refused(ours)
    assert ours.ending is Ending.RST
    assert witnessed(ours) == [(Side.SERVER, Kind.FIN), (Side.SERVER, Kind.RST)]


def test_finish_after_an_unread_reset(pair):
    ours, theirs = pair
    reset(theirs)
    send_until_refused(ours)
    ours.finish()
    assert not ours.finished
    assert witnessed(ours) == [(Side.SERVER, Kind.RST)]


@pytest.mark.parametrize("pending", [0, errno.ECONNRESET])
def test_finish_of_a_connection_that_is_gone_is_a_reset(pending):
    transport = failing(shutdown=errno.ENOTCONN)
    transport._sock.pending = pending
    transport.finish()
    assert witnessed(transport) == [(Side.SERVER, Kind.RST)]
    assert not transport.writable


def test_finish_is_told_once_and_ends_writing(pair):
    ours, theirs = pair
    ours.finish()
    ours.finish()
    assert theirs.recv(1) == b""
    assert ours.send(b"x", later()) == 0
    assert witnessed(ours) == [(Side.CLIENT, Kind.FIN)]


def test_peer_that_does_not_read_clogs(pair):
    ours, theirs = pair
    taken = 0
    while not ours.clogged:
        taken += ours.send(MEGABYTE, Deadline(0.05))
    assert ours.sent == taken
    assert not ours.writable
    assert ours.send(b"x", later()) == 0
    ours.finish()
    theirs.settimeout(LONG_S)
    received = 0
    while data := theirs.recv(1 << 20):
        received += len(data)
    assert received == taken


def test_our_reset(pair):
    ours, theirs = pair
    ours.reset()
    ours.reset()
    with pytest.raises(ConnectionResetError):
        theirs.recv(1)
    assert ours.aborted
    assert witnessed(ours) == [(Side.CLIENT, Kind.RST)]
    assert ours.receive(later()) == b""
    ours.settle(later())


LOSSES = [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.ENETDOWN]


@pytest.mark.parametrize("number", LOSSES)
@pytest.mark.parametrize("call", ["send", "recv", "shutdown"])
def test_what_our_own_tcp_gives_up_on_is_neither_fin_nor_reset(call, number):
    transport = failing(**{call: number})
    match call:
        case "send":
            assert transport.send(b"x", later()) == 0
        case "recv":
            assert transport.receive(later()) == b""
        case _:
            transport.finish()
    assert transport.ending is Ending.LOST
    assert transport.lost
    assert not transport.writable
    assert witnessed(transport) == [(Side.SERVER, Kind.TIMEOUT)]
    transport.settle(later())
    assert len(transport.events) == 1


def test_settle_learns_of_an_error_that_nobody_read():
    transport = failing()
    transport._sock.pending = errno.ECONNRESET
    transport.settle(later())
    assert transport.ending is Ending.RST


def test_settle_waits_for_both_fins(pair):
    ours, theirs = pair
    ours.finish()
    theirs.shutdown(socket.SHUT_WR)
    assert ours.receive(later()) == b""
    ours.settle(later())
    assert ours.ending is Ending.FIN


@pytest.mark.skipif(not hasattr(socket, "AF_PACKET"), reason="TCP_INFO of Linux")
def test_acknowledged_is_remembered_beyond_the_descriptor(pair):
    ours, theirs = pair
    ours.send(b"x" * 100, later())
    theirs.sendall(theirs.recv(100))
    assert ours.receive(later())
    assert ours.acknowledged() == 100
    ours.close()
    assert ours.acknowledged() == 100
