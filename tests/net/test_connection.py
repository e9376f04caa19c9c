"""Peers that end the connection at every stage, with end of file and with a reset."""

import pytest

from tests.net.peer import RESPONSE, connected, serving
from tests.net.runs import judged, listening, probe
from tlsclose.core.record import TlsVersion


def ends_by(how):
    return lambda peer: getattr(peer, how)()


BEFORE_TLS = {"fin": "closed", "reset": "reset"}


@pytest.mark.parametrize(("how", "word"), BEFORE_TLS.items())
@pytest.mark.parametrize("mode", ["tap", "off"])
def test_server_ends_the_handshake(how, word, mode):
    def script(peer):
        peer.sock.recv(100)
        ends_by(how)(peer)
        if how == "fin":
            peer.drain()

    with serving(script) as port:
        report = probe(port, mode=mode)
    assert judged(report) == ("handshake-failed", "server", "none")
    assert report.unobserved.reason == f"the server {word} the connection during the handshake"


@pytest.mark.parametrize(
    "how", ["fin", pytest.param("reset", marks=pytest.mark.posix("it is gone before accept"))]
)
@pytest.mark.parametrize("mode", ["tap", "off"])
def test_client_ends_before_the_handshake(how, mode):
    with listening(mode=mode) as run, connected(run.port) as peer:
        ends_by(how)(peer)
    assert judged(run.report) == ("handshake-failed", "client", "none")


PART = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
OPEN_END = b"HTTP/1.1 200 OK\r\n\r\nhello"


def answers(data, how, *, notify=False):
    def script(peer):
        peer.handshake()
        if data:
            peer.read_request()
            peer.send(data)
        if notify:
            peer.close_notify()
        ends_by(how)(peer)
        if how == "fin":
            peer.drain()

    return script


def notified_then(how):
    """Answer, wait for the client's close_notify, then end without or with our own."""

    def script(peer):
        peer.handshake()
        peer.read_request()
        peer.send(RESPONSE)
        peer.read_to_close()
        if how.startswith("notify"):
            peer.close_notify()
        ends_by(how.rpartition(" ")[2])(peer)
        if how.endswith("fin"):
            peer.drain()

    return script


RESET_OVERTAKES = pytest.mark.posix("a reset takes away what came before it and was not read")
ENDS = {
    "fin before the request": (answers(b"", "fin"), ("premature-close", "server", "certain")),
    "reset before the request": pytest.param(
        answers(b"", "reset"), ("reset", "server", "certain"), marks=RESET_OVERTAKES
    ),
    "fin inside the answer": (answers(PART, "fin"), ("premature-close", "server", "certain")),
    "reset inside the answer": pytest.param(
        answers(PART, "reset"), ("reset", "server", "certain"), marks=RESET_OVERTAKES
    ),
    "fin ends the answer": (answers(OPEN_END, "fin"), ("premature-close", "server", "possible")),
    "close_notify ends it": (answers(OPEN_END, "fin", notify=True), ("clean", None, "none")),
    "close_notify cuts it": (answers(PART, "fin", notify=True), ("clean", None, "certain")),
    "fin after the answer": (answers(RESPONSE, "fin"), ("premature-close", "server", "none")),
    "reset after the answer": pytest.param(
        answers(RESPONSE, "reset"), ("reset", "server", "none"), marks=RESET_OVERTAKES
    ),
    "fin for an answer": (notified_then("fin"), ("premature-close", "server", "none")),
    "reset for an answer": (notified_then("reset"), ("reset", "server", "none")),
    "close_notify, reset for an answer": pytest.param(
        notified_then("notify, reset"),
        ("reset-after-close", "server", "none"),
        marks=RESET_OVERTAKES,
    ),
    "both": (notified_then("notify, fin"), ("clean", None, "none")),
}


@pytest.mark.parametrize("version", [TlsVersion.TLS12, TlsVersion.TLS13])
@pytest.mark.parametrize(("script", "expected"), ENDS.values(), ids=ENDS)
def test_server_ends_at_every_stage(server_tls, script, expected, version):
    for mode in ("tap", "off"):
        with serving(script, server_tls[version]) as port:
            assert judged(probe(port, mode=mode)) == expected, mode


@pytest.mark.capture
@pytest.mark.parametrize("version", [TlsVersion.TLS12, TlsVersion.TLS13])
@pytest.mark.parametrize(("script", "expected"), ENDS.values(), ids=ENDS)
def test_the_packets_say_the_same(server_tls, script, expected, version):
    with serving(script, server_tls[version]) as port:
        assert judged(probe(port, mode="sniff")) == expected
