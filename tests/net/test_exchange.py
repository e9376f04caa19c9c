import itertools
from types import SimpleNamespace

import pytest

from tlsclose.core.event import Side
from tlsclose.core.report import TlsInfo
from tlsclose.errors import UsageError
from tlsclose.net import exchange as module
from tlsclose.net.clock import Deadline
from tlsclose.net.exchange import HttpClient, RawRequest, Silence

OK = b"HTTP/1.1 200 OK\r\n"


class Line:
    """A session that gives these reads, and keeps what was said and done."""

    side = Side.CLIENT
    peer_done = False
    context = SimpleNamespace(tls=TlsInfo(alpn="http/1.1"))

    def __init__(self, *reads, writable=True):
        self._reads = iter(reads)
        self._writable = writable
        self.said = []
        self.done = []
        self.waits = []

    def did(self, name, detail=""):
        self.done.append((name, detail))

    def write(self, data, _deadline=None):
        self.said.append(data)
        return self._writable

    def sealed(self, data):
        return b"<" + data + b">"

    def notify(self, prefix=b""):
        self.said.append(prefix + b"close_notify")
        return ""

    def wait(self, name, until):
        self.waits.append((name, until(Deadline(20.0))))

    def read(self, _):
        return next(self._reads, None)


def test_http_in_one_read_and_in_many():
    answer = OK + b"Content-Length: 5\r\n\r\nhello"
    for reads in ([answer], [bytes([byte]) for byte in answer]):
        line, client = Line(*reads), HttpClient("x:1", "/p")
        client.run(line, last=True)
        assert line.waits == [("response", "done")]
        assert line.said[0].startswith(b"GET /p HTTP/1.1\r\nHost: x:1\r\n")
        assert b"Connection: close" in line.said[0]
        assert line.done == [("request", "GET /p"), ("response", "HTTP 200, complete")]
        assert client.message(line).complete


def test_http_answer_that_does_not_come():
    line, client = Line(), HttpClient("x", "/")
    client.run(line, last=False)
    assert line.waits == [("response", None)]
    assert line.done[-1] == ("response", "no response, incomplete")


def test_http_answer_to_a_request_that_could_not_be_sent_whole():
    """A server may refuse early, answer and reset."""
    line, client = Line(OK + b"Content-Length: 0\r\n\r\n", writable=False), HttpClient("x", "/")
    client.run(line, last=False)
    assert client.message(line).complete


def test_http_request_and_close_notify_in_one_flight():
    line, client = Line(OK + b"Content-Length: 0\r\n\r\n"), HttpClient("x", "/")
    assert client.run_notified(line) == ""
    (flight,) = line.said
    assert flight.startswith(b"<GET / ")
    assert flight.endswith(b">close_notify")
    assert b"Connection: close" not in flight


def test_endless_http_answer_is_read_up_to_a_bound(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 10_000)
    line = Line(*itertools.chain([OK + b"\r\n"], itertools.repeat(b"x" * 1000, 100)))
    client = HttpClient("x", "/")
    client.run(line, last=False)
    assert line.waits == [("response", None)]
    assert client.message(line).bytes <= 11_000


@pytest.mark.parametrize(("host", "path"), [("x", "/a b"), ("x\r\ny", "/")])
def test_http_that_cannot_be_said(host, path):
    with pytest.raises(UsageError):
        HttpClient(host, path)


RAW = {
    "silence": ([], None, 0),
    "an answer, then quiet": ([b"abc", b"de", None], "quiet", 5),
    "a ticket, then an answer": ([b"", b"abc", None], "quiet", 3),
}


@pytest.mark.parametrize(("reads", "outcome", "size"), RAW.values(), ids=RAW)
def test_raw(reads, outcome, size):
    line, raw = Line(*reads), RawRequest(b"ping")
    raw.run(line, last=False)
    assert line.said == [b"ping"]
    assert line.waits == [("response", outcome)]
    message = raw.message(line)
    assert (message.bytes, message.complete, message.sender) == (size, None, Side.SERVER)


def test_raw_and_close_notify_in_one_flight():
    line = Line(b"pong")
    assert RawRequest(b"ping").run_notified(line) == ""
    assert line.said == [b"<ping>close_notify"]


def test_silence():
    line = Line()
    Silence().run(line, last=True)
    assert line.said == []
    assert Silence().run_notified(line) == ""
    assert line.said == [b"close_notify"]
    assert Silence().message(line) is None


def test_http_is_not_spoken_where_alpn_chose_something_else():
    line = Line()
    line.context = SimpleNamespace(tls=TlsInfo(alpn="h2"))
    client = HttpClient("localhost", "/")
    client.run(line, last=False)
    assert line.said == []
    assert line.waits == []
    assert client.message(line) is None
