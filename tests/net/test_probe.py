import errno
import os
import socket

import pytest

from tests.net.peer import LOOPBACK, RESPONSE, serving
from tests.net.runs import capture, judged, probe
from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.net import capture as capture_module
from tlsclose.net import probe as module
from tlsclose.net.capture import CaptureRun
from tlsclose.net.loopback import has_v6_loopback
from tlsclose.net.probe import check
from tlsclose.net.resolve import Address
from tlsclose.net.settings import Family, ProbeSettings, RequestSpec
from tlsclose.net.target import Target
from tlsclose.net.winsock import winsock_text
from tlsclose.providers.base import TlsSettings
from tlsclose.providers.registry import provider

needs_v6 = pytest.mark.skipif(not has_v6_loopback(), reason="no IPv6 loopback")


def answers(peer):
    peer.handshake()
    peer.read_request()
    peer.send(RESPONSE)
    peer.read_to_close()
    peer.close_notify()
    peer.fin()
    peer.drain()


@pytest.fixture
def closed_port():
    with socket.create_server((LOOPBACK, 0)) as server:
        return server.getsockname()[1]


def stand_for(monkeypatch, *addresses):
    """The name server says these."""
    found = tuple(
        Address(family=socket.AF_INET6 if ":" in ip else socket.AF_INET, sockaddr=(ip, port))
        for ip, port in addresses
    )
    monkeypatch.setattr(module, "resolve", lambda *_: found)


REFUSED = winsock_text(errno.ECONNREFUSED) or "connection refused"


def unobserved(report):
    assert report.verdict is None
    assert report.connection is None
    return report.unobserved.stage.value, report.unobserved.reason


def test_refused(closed_port):
    stage, reason = unobserved(probe(closed_port))
    assert stage == "connect"
    assert reason == f"{REFUSED} ({LOOPBACK}:{closed_port})"


@pytest.mark.parametrize("family", [Family.ANY, Family.V4, Family.V6])
def test_unknown_host(family):
    stage, reason = unobserved(probe(1, host="no-such-host.invalid", family=family))
    assert stage == "dns"
    assert reason.startswith("cannot resolve no-such-host.invalid")
    assert "\n" not in reason


def test_family_that_the_host_lacks():
    stage, reason = unobserved(probe(1, family=Family.V6))
    assert stage == "dns"
    assert "(IPv6)" in reason


def test_every_address_is_tried_in_order(monkeypatch, server_tls, closed_port):
    with serving(answers, server_tls[None]) as port:
        stand_for(monkeypatch, (LOOPBACK, closed_port), (LOOPBACK, port))
        report = probe(port, host="twice.example")
    assert judged(report) == ("clean", None, "none")
    assert report.target.host == "twice.example"
    assert report.connection.server == f"{LOOPBACK}:{port}"


def test_every_address_has_its_reason_once(monkeypatch, closed_port):
    stand_for(monkeypatch, *[(LOOPBACK, closed_port)] * 3, (LOOPBACK, 1))
    _, reason = unobserved(probe(closed_port))
    assert reason == (f"{REFUSED} ({LOOPBACK}:{closed_port}); {REFUSED} ({LOOPBACK}:1)")


def test_not_more_addresses_than_bounded(monkeypatch):
    stand_for(monkeypatch, *[(LOOPBACK, port) for port in range(1, 30)])
    _, reason = unobserved(probe(1))
    assert reason.count("refused") == module.MAX_ADDRESSES


@needs_v6
def test_localhost_falls_back_to_ipv4(monkeypatch, server_tls):
    with serving(answers, server_tls[None]) as port:
        stand_for(monkeypatch, ("::1", port), (LOOPBACK, port))
        assert probe(port, host="localhost").target.address == LOOPBACK


class Unwilling(socket.socket):
    """A socket whose `connect` fails."""

    error = OSError(errno.ENETUNREACH, "Network is unreachable")

    def connect(self, _):
        raise self.error


def told(number, words):
    """What a system's call says, and by which name where this is Windows."""
    return winsock_text(number) or words


REFUSALS = {
    "no route": (
        OSError(errno.EHOSTUNREACH, "No route to host"),
        told(errno.EHOSTUNREACH, "no route to host"),
    ),
    "our deadline": (TimeoutError("timed out"), "no answer within 10 s"),
    "the kernel's": (
        TimeoutError(errno.ETIMEDOUT, "Timed out"),
        told(errno.ETIMEDOUT, "timed out"),
    ),
    "not permitted": (PermissionError(errno.EPERM, "Not permitted"), "not permitted"),
}


@pytest.mark.parametrize(("error", "words"), REFUSALS.values(), ids=REFUSALS)
def test_connect_that_fails(monkeypatch, error, words):
    monkeypatch.setattr(Unwilling, "error", error)
    monkeypatch.setattr(module.socket, "socket", Unwilling)
    assert unobserved(probe(9)) == ("connect", f"{words} ({LOOPBACK}:9)")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EAFNOSUPPORT])
def test_no_socket_at_all(monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module.socket, "socket", refuse)
    stage, reason = unobserved(probe(9))
    assert stage == "connect"
    assert reason.startswith(os.strerror(number).lower())


def test_connected_with_itself(monkeypatch):
    """Linux opens a socket to its own port where nobody listens (simultaneous open)."""
    with socket.socket() as chosen:
        chosen.bind((LOOPBACK, 0))
        port = chosen.getsockname()[1]

    class Own(socket.socket):
        def bind(self, _):
            super().bind((LOOPBACK, port))

    monkeypatch.setattr(module.socket, "socket", Own)
    stage, reason = unobserved(probe(port))
    assert stage == "connect"
    assert "refused" in reason


def deny(monkeypatch):
    def refuse(*_, **__):
        raise CaptureDeniedError("no route to there")

    monkeypatch.setattr(capture_module, "_interface_for", refuse)


@pytest.mark.capture
def test_target_that_cannot_be_sniffed_is_not_probed_where_that_was_demanded(monkeypatch):
    deny(monkeypatch)
    assert unobserved(probe(9, mode="sniff")) == ("capture", "no route to there")


@pytest.mark.capture
def test_target_that_cannot_be_sniffed_is_tapped_and_says_why(monkeypatch, server_tls):
    deny(monkeypatch)
    with serving(answers, server_tls[None]) as port:
        report = probe(port, mode="auto")
    assert judged(report) == ("clean", None, "none")
    assert (report.capture.source, report.capture.note) == ("tap", "no route to there")


BAD = {
    "scenario": (Target(host="x", port=1), {"scenarios": ("nope",)}, "no scenario 'nope'"),
    "path": (Target(host="x", port=1, path="/a b"), {}, "HTTP cannot ask"),
    "sni": (Target(host="x", port=1), {"sni": "a b"}, "not a host name"),
}


@pytest.mark.parametrize(("target", "changes", "words"), BAD.values(), ids=BAD)
def test_check(target, changes, words):
    settings = ProbeSettings(**changes)
    with pytest.raises(UsageError, match=words):
        check([target], settings, provider("openssl", TlsSettings()))


@pytest.mark.parametrize(
    ("host", "port", "field"),
    [
        ("example.org", 443, "example.org"),
        ("example.org", 4433, "example.org:4433"),
        ("::1", 443, "[::1]"),
        ("::1", 4433, "[::1]:4433"),
        ("fe80::1%eth0", 4433, "[fe80::1]:4433"),
    ],
)
def test_host_field(host, port, field):
    assert module._host_header(Target(host=host, port=port)) == field


@needs_v6
@pytest.mark.parametrize("mode", [pytest.param("sniff", marks=pytest.mark.capture), "tap"])
def test_ipv6(mode):
    from tests.net.runs import listening

    with listening("await", host="::1", mode=mode) as run:
        report = probe(run.port, host="::1", mode=mode)
    assert judged(report) == judged(run.report) == ("clean", None, "none")
    assert report.connection.server == f"[::1]:{run.port}"
    assert run.report.connection.client == report.connection.client


def echoes(peer):
    peer.handshake()
    seen = b""
    while len(seen) < 4:
        seen += peer.read()
    peer.send(seen)
    peer.read_to_close()
    peer.close_notify()
    peer.fin()
    peer.drain()


def test_raw_request(server_tls):
    with serving(echoes, server_tls[None]) as port:
        report = probe(port, request=RequestSpec(http=False, raw=b"ping"), timeout_s=5.0)
    assert judged(report)[0] == "clean"
    message = report.message
    assert (message.protocol, message.bytes, message.complete) == ("raw", 4, None)
    assert [action.name for action in report.actions] == ["connect", "request", "response"]


def test_no_request(server_tls):
    def script(peer):
        peer.handshake()
        assert peer.read_to_close() == b""
        peer.close_notify()
        peer.fin()
        peer.drain()

    with serving(script, server_tls[None]) as port:
        report = probe(port, request=RequestSpec(http=False))
    assert judged(report)[0] == "clean"
    assert report.message is None


@pytest.mark.posix("a reset takes away what came before it and was not read")
def test_an_alert_that_came_before_the_reset_is_heard(server_tls):
    """A server may refuse the client after its own handshake is done (RFC 9846 section 6.2)."""

    def script(peer):
        peer.sock.recv(65536)
        peer.sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
        peer.reset()

    with serving(script) as port:
        report = probe(port)
    assert judged(report)[:2] == ("handshake-failed", None)
    assert "handshake_failure" in report.verdict.summary


def test_plain_http_on_the_port():
    def script(peer):
        peer.sock.recv(65536)
        peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.fin()
        peer.drain()

    with serving(script) as port:
        report = probe(port)
    assert judged(report)[:2] == ("not-tls", "server")
    assert report.unobserved.stage == "handshake"


def test_abandoned_probe_comes_to_an_end(server_tls):
    settings = ProbeSettings(timeout_s=20.0, capture=capture("tap"))

    def script(peer):
        peer.handshake()
        peer.read_request()
        prober.abandon()
        peer.drain()

    with serving(script, server_tls[None]) as port, CaptureRun(settings.capture) as run:
        engine = provider("openssl", settings.tls)
        prober = module.Prober(settings, provider=engine, capture=run)
        prober.probe(Target(host=LOOPBACK, port=port), "initiate")
