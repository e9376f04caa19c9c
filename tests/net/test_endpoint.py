"""Peers that try to keep a run alive for ever, or that end the connection where they should not.

Nothing here measures time: a run that did not end would hang until the test runner gives up.
"""

import contextlib
import threading
from functools import partial

import pytest

from tests.net import runs
from tests.net.peer import REQUEST, RESPONSE, connected, serving
from tests.net.runs import judged
from tlsclose.net.settings import BodyFraming, RequestSpec

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
RECORD_HEADER = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"
FEW_EVENTS = 3000
TIMEOUT_S = 0.15

probe = partial(runs.probe, timeout_s=TIMEOUT_S)
listening = partial(runs.listening, timeout_s=TIMEOUT_S)

pytestmark = pytest.mark.usefixtures("short_stretch")


def says_nothing(peer):
    peer.drain()


def drips_a_handshake(peer):
    peer.drip(RECORD_HEADER + bytes(16_000))


def floods_the_handshake(peer):
    with contextlib.suppress(OSError):
        while True:
            peer.sock.sendall(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00" * 1000)


def after_request(reply):
    def script(peer):
        peer.handshake()
        peer.read_request()
        reply(peer)

    return script


SILENT_SERVERS = {
    "accepts and says nothing": says_nothing,
    "drips a handshake": drips_a_handshake,
}

SLOW_SERVERS = {
    "never answers": lambda peer: peer.drain(),
    "answers, never closes": lambda peer: (peer.send(RESPONSE), peer.drain()),
    "drips the header section": lambda peer: peer.drip(peer.sealed(HEAD + b"X: y" * 4000)),
    "drips the body": lambda peer: (
        peer.send(HEAD + b"\r\n"),
        [peer.drip(peer.sealed(b"x" * 9000))],
    ),
    "endless body": lambda peer: (peer.send(HEAD + b"\r\n"), peer.flood(b"x" * 16_384)),
    "endless small records": lambda peer: (peer.send(HEAD + b"\r\n"), peer.flood(b"x")),
    "endless 1xx": lambda peer: peer.flood(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "endless header section": lambda peer: (peer.send(HEAD), peer.flood(b"X: y\r\n" * 99)),
    "endless chunks": lambda peer: (peer.send(CHUNKED), peer.flood(b"1\r\nx\r\n" * 100)),
    "endless chunk extension": lambda peer: (peer.send(CHUNKED + b"1;"), peer.flood(b"a=b;" * 99)),
    "floods after the answer": lambda peer: (peer.send(RESPONSE), peer.flood(b"x" * 16_384)),
}


UNSEEN = [("endless small records", "off"), ("drips the body", "off")]


@pytest.mark.parametrize("script", SILENT_SERVERS.values(), ids=SILENT_SERVERS)
def test_handshake_that_never_ends(script):
    with serving(script) as port:
        report = probe(port)
    assert report.verdict is None
    assert report.unobserved.stage == "handshake"
    assert "within 0.15 s" in report.unobserved.reason


def test_handshake_flood():
    with serving(floods_the_handshake) as port:
        report = probe(port)
    assert report.unobserved.stage == "handshake"
    assert len(report.events) < FEW_EVENTS


@pytest.mark.parametrize(("name", "mode"), [*((name, "tap") for name in SLOW_SERVERS), *UNSEEN])
def test_server_that_never_closes(server_tls, name, mode):
    with serving(after_request(SLOW_SERVERS[name]), server_tls[None]) as port:
        report = probe(port, mode=mode)
    assert report.verdict is not None
    assert report.verdict.code in ("no-answer", "data-after-close", "reset")
    assert report.unobserved is None
    assert len(report.events) < FEW_EVENTS
    assert report.close.client.notified


@pytest.mark.parametrize("scenario", ["await", "half-close", "fin", "silent"])
def test_flood_in_every_scenario(server_tls, scenario):
    with serving(after_request(SLOW_SERVERS["endless body"]), server_tls[None]) as port:
        report = probe(port, scenario)
    assert report.verdict is not None
    assert len(report.events) < FEW_EVENTS


@pytest.mark.parametrize("mode", ["tap", "off"])
def test_server_that_never_reads(server_tls, mode):
    def script(peer):
        peer.handshake()
        held.wait(20)

    held = threading.Event()
    with serving(script, server_tls[None]) as port:
        report = probe(port, mode=mode, request=RequestSpec(http=False, raw=b"x" * 30_000_000))
        held.set()
    assert judged(report)[0] == "no-answer"
    assert "does not read" in report.steps_missing
    assert not report.close.client.notified
    assert "request" in {event.detail for event in report.events if event.kind == "timeout"}


def idles(peer):
    peer.handshake()
    peer.drain()


SLOW_CLIENTS = {
    "idles after the handshake": idles,
    "drips a request": lambda peer: (
        peer.handshake(),
        peer.drip(peer.sealed(b"GET / HTTP/1.1\r\n" + b"X: y" * 4000)),
    ),
    "endless header section": lambda peer: (
        peer.handshake(),
        peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n"),
        peer.flood(b"X: y\r\n" * 99),
    ),
    "endless body": lambda peer: (
        peer.handshake(),
        peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
        peer.flood(b"400\r\n" + b"x" * 1024 + b"\r\n"),
    ),
    "requests for ever, reads nothing": lambda peer: (peer.handshake(), peer.flood(REQUEST * 50)),
    "floods after the answer": lambda peer: (
        peer.handshake(),
        peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        peer.flood(b"x" * 16_384),
    ),
}


@pytest.mark.parametrize("script", SLOW_CLIENTS.values(), ids=SLOW_CLIENTS)
def test_client_that_never_closes(client_tls, script):
    with listening() as run, connected(run.port, client_tls[None]) as peer:
        script(peer)
    assert run.judged == 1
    assert run.report.verdict is not None
    assert len(run.report.events) < FEW_EVENTS


@pytest.mark.parametrize("script", SILENT_SERVERS.values(), ids=SILENT_SERVERS)
def test_client_that_never_finishes_the_handshake(script):
    with listening() as run, connected(run.port) as peer:
        script(peer)
    assert run.report.unobserved.stage == "handshake"


@pytest.mark.parametrize(
    ("scenario", "framing"),
    [
        ("await", BodyFraming.CONTENT_LENGTH),
        ("initiate", BodyFraming.CHUNKED),
        ("half-close", BodyFraming.CLOSE),
    ],
)
def test_client_that_never_reads(client_tls, scenario, framing):
    with (
        listening(scenario, body=40_000_000, framing=framing) as run,
        connected(run.port, client_tls[None]) as peer,
    ):
        peer.handshake()
        peer.send(REQUEST)
        run.ended.wait(20)
    report = run.report
    assert report.message.complete is False
    assert judged(report)[2] == "certain"
    assert "does not read" in report.steps_missing
