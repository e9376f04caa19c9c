import errno
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.net.peer import IDENTITY, LOOPBACK, REQUEST, Peer, connected
from tests.net.runs import capture, judged, listening, probe
from tlsclose import api
from tlsclose.errors import UsageError
from tlsclose.net import http_server, listener
from tlsclose.net.capture import CaptureRun
from tlsclose.net.listener import Listener
from tlsclose.net.settings import BodyFraming, ListenSettings
from tlsclose.providers.base import TlsSettings

CLIENTS = 200
PATIENT_S = 20.0


def ask(peer, request=REQUEST):
    """One request; the response as it came."""
    peer.handshake()
    peer.send(request)
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += peer.read()
    return seen


def leave(peer):
    peer.close_notify()
    peer.fin()
    peer.drain()


@pytest.mark.parametrize("mode", [pytest.param("sniff", marks=pytest.mark.capture), "tap"])
def test_many_clients_at_once(client_tls, mode):
    """All are connected before the first is served; none is lost, none is judged twice."""

    def client(sock):
        peer = Peer(sock, client_tls[None], server=False)
        ask(peer)
        leave(peer)

    busy = threading.Lock()
    reports = []

    def on_report(report):
        assert busy.acquire(blocking=False), "two reports at once"
        reports.append(report)
        busy.release()

    with (
        listening(mode=mode, count=CLIENTS, timeout_s=PATIENT_S, on_report=on_report) as run,
        ExitStack() as stack,
    ):
        socks = [
            stack.enter_context(socket.create_connection((LOOPBACK, run.port), PATIENT_S))
            for _ in range(CLIENTS)
        ]
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(client, socks))
    assert run.failure is None
    assert run.judged == CLIENTS
    assert {judged(report) for report in reports} == {("clean", None, "none")}
    assert sorted(report.connection.stream for report in reports) == list(range(CLIENTS))
    assert len({report.connection.client for report in reports}) == CLIENTS


def test_idle_clients_hold_nobody_up(client_tls):
    with (
        listening(count=None, timeout_s=PATIENT_S) as run,
        connected(run.port) as mute,
        connected(run.port, client_tls[None]) as idle,
    ):
        idle.handshake()
        with connected(run.port, client_tls[None]) as peer:
            ask(peer)
            leave(peer)
        while not run.reports:
            run.ended.wait(0.01)
        run.stop.set()
        assert run.ended.wait(5)
        idle.drain()
        mute.drain()
    assert run.judged == 1
    assert len(run.reports) == 1


def test_stop_before_anyone_came():
    with listening(count=None) as run:
        run.stop.set()
    assert run.judged == 0


def test_client_that_resets_before_it_is_accepted():
    """It has no name any more, and is judged by what accept told.

    Where accept then tells not even its address (BSD, Wine), it is passed over for the next one.
    """
    with listening(count=1) as run:
        with connected(run.port) as peer:
            name = "{}:{}".format(*peer.sock.getsockname())
            peer.reset()
        if not run.ended.wait(10):
            with connected(run.port) as peer:
                name = "{}:{}".format(*peer.sock.getsockname())
                peer.fin()
                peer.drain()
    assert run.report.connection.client == name
    assert judged(run.report) == ("handshake-failed", "client", "none")


def test_a_bug_in_one_connection_ends_the_run(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(listener, "server_engine", broken)
    with listening(count=None) as run, connected(run.port) as peer:
        peer.drain()
    assert isinstance(run.failure, ZeroDivisionError)


def test_what_on_report_raises_ends_the_run():
    def refuse(_):
        raise BrokenPipeError

    with listening(count=5, on_report=refuse) as run, connected(run.port) as peer:
        peer.fin()
        peer.drain()
    assert isinstance(run.failure, BrokenPipeError)


class Exhausted:
    """A listening socket that has no descriptor for the first client."""

    def __init__(self, sock, number):
        self._sock = sock
        self._errors = [OSError(number, "too many")]

    def accept(self):
        if self._errors:
            raise self._errors.pop()
        return self._sock.accept()

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._sock.close()


def with_trouble(monkeypatch, number):
    bind = listener._bind
    monkeypatch.setattr(listener, "_bind", lambda *where: Exhausted(bind(*where), number))


def test_trouble_of_one_connection_passes(monkeypatch):
    with_trouble(monkeypatch, errno.EHOSTUNREACH)
    with listening() as run, connected(run.port) as peer:
        peer.fin()
        peer.drain()
    assert run.judged == 1


def test_a_client_without_an_address_is_gone(monkeypatch):
    class Nameless:
        def __init__(self, sock):
            self._sock, self.first = sock, True

        def accept(self):
            client, peer = self._sock.accept()
            first, self.first = self.first, False
            return client, None if first else peer

        def __getattr__(self, name):
            return getattr(self._sock, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self._sock.close()

    bind = listener._bind
    monkeypatch.setattr(listener, "_bind", lambda *where: Nameless(bind(*where)))
    with listening() as run:
        with connected(run.port) as peer:
            peer.drain()
        with connected(run.port) as peer:
            peer.fin()
            peer.drain()
    assert run.judged == 1


def test_no_descriptors_left_and_no_client_to_give_one_back(monkeypatch):
    with_trouble(monkeypatch, errno.EMFILE)
    with listening() as run:
        pass
    assert isinstance(run.failure, UsageError)
    assert "cannot accept clients" in str(run.failure)
    assert listener._MORE_DESCRIPTORS in str(run.failure)


def make(**changes):
    with CaptureRun(capture("off")) as run:
        return Listener(ListenSettings(**changes), provider=None, capture=run)


@pytest.mark.parametrize(
    ("host", "words"),
    [("no such host", "--host: cannot resolve"), ("192.0.2.1", "no such address")],
)
def test_bad_host(host, words):
    with pytest.raises(UsageError, match=words):
        make(host=host)


def test_port_in_use():
    with (
        socket.create_server((LOOPBACK, 0)) as taken,
        pytest.raises(UsageError, match="in use"),
    ):
        make(port=taken.getsockname()[1])


def test_privileged_port(monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(listener, "_bound", refuse)
    with pytest.raises(UsageError, match=re.escape(listener._BIND_HINTS[errno.EACCES])):
        make(port=80)


def test_second_address_of_the_host_where_the_first_cannot_be_had(monkeypatch):
    tried = []

    def pick(address):
        tried.append(address.ip)
        if len(tried) == 1:
            raise OSError(errno.EAFNOSUPPORT, "no")
        return "bound"

    both = listener.resolve("127.0.0.1", 1, listener.Family.ANY, 5) * 2
    monkeypatch.setattr(listener, "resolve", lambda *_: both)
    monkeypatch.setattr(listener, "_bound", pick)
    assert make()._sock == "bound"


@pytest.fixture
def hasty(monkeypatch):
    """Who asks for our close gets it at once."""
    monkeypatch.setattr(http_server, "COURTESY_S", 0.05)


HTTP_10 = b"GET / HTTP/1.0\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"


def served(client_tls, request, **changes):
    """All that a client gets that waits for the listener's close_notify, and the report."""
    with listening(**changes) as run, connected(run.port, client_tls[None]) as peer:
        peer.handshake()
        peer.send(request)
        seen = peer.read_to_close()
        leave(peer)
    return seen, run.report


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("framing", BodyFraming)
@pytest.mark.parametrize("request_", [HTTP_10, CLOSE])
def test_client_that_waits_for_our_close(client_tls, request_, framing):
    seen, report = served(client_tls, request_, framing=framing, body=9)
    head, _, body = seen.partition(b"\r\n\r\n")
    assert b"Connection: close" in head
    chunked = framing is BodyFraming.CHUNKED and request_ is CLOSE
    assert (b"chunked" in head) is chunked
    assert body == (b"9\r\ntlsclose \r\n0\r\n\r\n" if chunked else b"tlsclose ")
    assert judged(report) == ("clean", None, "none")
    assert report.close.first_closer == "server"


@pytest.mark.usefixtures("hasty")
def test_what_is_no_http_is_told_so(client_tls):
    seen, report = served(client_tls, b"hello\r\n\r\n")
    assert seen.startswith(b"HTTP/1.1 400 ")
    assert judged(report)[0] == "clean"


@pytest.mark.usefixtures("hasty")
def test_head_gets_no_body(client_tls):
    seen, _ = served(client_tls, HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert seen.endswith(b"\r\n\r\n")
    assert b"Content-Length: 1024" in seen


@pytest.mark.usefixtures("hasty")
def test_pipelined_requests_up_to_the_limit(client_tls, monkeypatch):
    monkeypatch.setattr(http_server, "MAX_REQUESTS", 3)
    seen, report = served(client_tls, REQUEST * 9, body=1)
    assert seen.count(b"HTTP/1.1 200") == 3
    assert seen.count(b"Connection: close") == 1
    assert judged(report)[0] == "clean"


def test_upload_after_100_continue(client_tls):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with listening() as run, connected(run.port, client_tls[None]) as peer:
        assert ask(peer, head) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.send(b"hello")
        assert peer.read().startswith(b"HTTP/1.1 200")
        leave(peer)
    message = run.report.message
    assert (message.bytes, message.expected, message.complete) == (5, 5, True)


def test_half_close_sends_the_end_of_the_body_with_the_close_notify(client_tls):
    with listening("half-close", body=40_000) as run, connected(run.port, client_tls[None]) as peer:
        peer.handshake()
        peer.send(REQUEST)
        assert len(peer.read_to_close()) > 40_000
        leave(peer)
    report = run.report
    (last,) = [event for event in report.events if event.kind == "close_notify"][:1]
    data = [event for event in report.events if event.kind == "app_data"]
    ends = [event.until_ns or event.at_ns for event in data if event.sender == "server"]
    assert max(ends) == last.at_ns


def test_listens_where_it_says():
    with listening("await", host="127.0.0.1") as run:
        assert (run.where.host, run.where.capture) == (LOOPBACK, "socket tap")
        assert probe(run.port).connection.server == f"{LOOPBACK}:{run.port}"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scenario": "silent", "framing": BodyFraming.CLOSE}, "choose another --framing"),
        ({"tls": TlsSettings(identity=IDENTITY, verify=True)}, "--verify needs --cafile"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, says):
    settings = ListenSettings(capture=capture("tap"), **changes)
    with pytest.raises(UsageError, match=says):
        api.listen(settings, on_ready=lambda _: None, on_report=lambda _: None, provider="openssl")


def test_clients_that_are_still_connected_are_counted(client_tls):
    stop, left, over = threading.Event(), [], threading.Event()
    settings = ListenSettings(capture=capture("tap"), tls=TlsSettings(identity=IDENTITY))

    def stay(port):
        try:
            with connected(port, client_tls[None]) as peer:
                peer.handshake()
                stop.set()
                over.wait(PATIENT_S)
        finally:
            stop.set()

    with ThreadPoolExecutor(1) as pool:
        try:
            judged_count = api.listen(
                settings,
                on_ready=lambda where: pool.submit(stay, where.port),
                on_report=lambda _: None,
                stop=stop,
                on_abandoned=left.append,
                provider="openssl",
            )
        finally:
            over.set()
    assert (judged_count, left) == (0, [1])
