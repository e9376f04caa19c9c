from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.core.event import Side
from tlsclose.core.message import Framing
from tlsclose.errors import UsageError
from tlsclose.net.http import MAX_HEADERS, Reader, request_bytes, response_parts
from tlsclose.net.settings import BodyFraming

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH, CHUNKED = Framing.CONTENT_LENGTH, Framing.CHUNKED
NO_BODY, CLOSE, UNKNOWN = Framing.NO_BODY, Framing.CLOSE_DELIMITED, Framing.UNKNOWN

TE = b"Transfer-Encoding: chunked\r\n"
UNKNOWABLE = (UNKNOWN, None, 0, None, None)


def length(number):
    return OK + b"Content-Length: %d\r\n\r\n" % number


# what came: framing, complete, body bytes, announced bytes, status
RESPONSES = {
    "nothing": (b"", UNKNOWN, False, 0, None, None),
    "cut header section": (OK + b"Content-Len", UNKNOWN, False, 0, None, None),
    "length": (length(5) + b"hello", LENGTH, True, 5, 5, 200),
    "length cut": (length(5) + b"hel", LENGTH, False, 3, 5, 200),
    "length and more": (length(2) + b"hello", LENGTH, True, 2, 2, 200),
    "length 0": (length(0), LENGTH, True, 0, 0, 200),
    "equal lengths": (OK + b"Content-Length: 1, 1\r\n\r\nx", LENGTH, True, 1, 1, 200),
    "two lengths": (OK + b"Content-Length: 1\r\n" * 2 + b"Content-Length: 2\r\n\r\n", *UNKNOWABLE),
    "absurd length": (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", *UNKNOWABLE),
    "negative length": (length(-1), *UNKNOWABLE),
    "chunked": (OK + TE + b"\r\n5\r\nhello\r\n0\r\n\r\n", CHUNKED, True, 5, None, 200),
    "trailers": (OK + TE + b"\r\n1;a=b\r\nx\r\n0\r\nT: u\r\n\r\n", CHUNKED, True, 1, None, 200),
    "no last chunk": (OK + TE + b"\r\n5\r\nhello\r\n", CHUNKED, False, 5, None, 200),
    "bad chunk size": (OK + TE + b"\r\n5\r\nhello\r\nzz\r\n", CHUNKED, None, 5, None, 200),
    "chunked and length: chunked counts": (
        OK + TE + b"Content-Length: 1\r\n\r\n2\r\nxy\r\n0\r\n\r\n",
        *(CHUNKED, True, 2, None, 200),
    ),
    "close": (OK + b"\r\nhello", CLOSE, None, 5, None, 200),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", CLOSE, None, 5, None, 200),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", LENGTH, True, 1, 1, 200),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", NO_BODY, True, 0, None, 204),
    "304": (b"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", NO_BODY, True, 0, None, 304),
    "1xx first": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nX: y\r\n\r\n" + length(1) + b"x",
        *(LENGTH, True, 1, 1, 200),
    ),
    "1xx only": (b"HTTP/1.1 100 Continue\r\n\r\n", UNKNOWN, False, 0, None, None),
    "101 that nobody asked for": (b"HTTP/1.1 101 Up\r\n\r\n", *UNKNOWABLE),
    "another protocol": (b"220 mail.example ESMTP\r\n\r\n", *UNKNOWABLE),
    "control bytes": (b"\x15\x03\x03\x00\x02", *UNKNOWABLE),
    "unknown coding": (OK + b"Transfer-Encoding: gzip\r\n\r\n", *UNKNOWABLE),
    "endless header section": (OK + b"X: y\r\n" * (MAX_HEADERS // 6 + 9), *UNKNOWABLE),
}


def read(data, sender=Side.SERVER):
    reader = Reader(sender)
    reader.feed(data)
    return reader


@pytest.mark.parametrize("row", RESPONSES.values(), ids=RESPONSES)
def test_framing_of_responses(row):
    data, framing, complete, size, expected, status = row
    reader = read(data)
    message = reader.message()
    assert (message.framing, message.complete, message.bytes) == (framing, complete, size)
    assert (message.expected, message.status) == (expected, status)
    assert message.sender is Side.SERVER
    assert bool(message.note) is (framing is UNKNOWN or reader.malformed)


@pytest.mark.parametrize("row", [row for name, row in RESPONSES.items() if "endless" not in name])
def test_byte_by_byte_says_the_same(row):
    whole, reader = read(row[0]), Reader(Side.SERVER)
    for byte in row[0]:
        reader.feed(bytes([byte]))
    assert reader.message() == whole.message()
    assert reader.done == whole.done


def facts(reader):
    """The message without the words that say what is wrong: h11 looks closer at a short line."""
    message = reader.message()
    return replace(message, note=bool(message.note))


PIECES = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"X: y\r\n", b"\r\n"),
        *(b"\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"abc", b"\x00", b"\xff", b"3;x=y\r\n"),
        *(
            b"GET / HTTP/1.1\r\n",
            b"POST /\xff HTTP/1.1\r\n",
            b"Host: x\r\n",
            b"Expect: 100-continue",
        ),
    ]
)


@given(
    st.lists(PIECES | st.binary(max_size=8), max_size=12).map(b"".join),
    st.lists(st.integers(1, 30), max_size=20),
    st.sampled_from(Side),
)
def test_cuts_do_not_matter_and_nothing_raises(data, cuts, sender):
    whole, reader = read(data, sender), Reader(sender)
    at = 0
    for size in (*cuts, len(data)):
        reader.feed(data[at : at + size])
        at += size
    assert facts(reader) == facts(whole)
    assert (reader.done, reader.summary, reader.wants_close) == (
        whole.done,
        whole.summary,
        whole.wants_close,
    )


def test_an_empty_read_is_no_end_of_file():
    reader = read(OK + b"\r\nhel")
    reader.feed(b"")
    reader.feed(b"lo")
    assert reader.message().bytes == 5
    assert not reader.malformed


GET = b"GET /a?b HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
GET_10 = b"GET / HTTP/1.0\r\n"

# what came: summary, framing, complete, whether it asks for the end
REQUESTS = {
    "get": (GET + b"\r\n", "GET /a?b", NO_BODY, True, False),
    "head": (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD /", NO_BODY, True, False),
    "post": (POST + b"Content-Length: 2\r\n\r\nab", "POST /", LENGTH, True, False),
    "post cut": (POST + b"Content-Length: 2\r\n\r\na", "POST /", LENGTH, False, False),
    "chunked": (POST + TE + b"\r\n1\r\na\r\n0\r\n\r\n", "POST /", CHUNKED, True, False),
    "close": (GET + b"Connection: Close\r\n\r\n", "GET /a?b", NO_BODY, True, True),
    "HTTP/1.0": (GET_10 + b"\r\n", "GET /", NO_BODY, True, True),
    "HTTP/1.0, kept": (GET_10 + b"Connection: keep-alive\r\n\r\n", "GET /", NO_BODY, True, False),
    "no HTTP": (b"hello\r\n\r\n", "", UNKNOWN, None, False),
}


@pytest.mark.parametrize("row", REQUESTS.values(), ids=REQUESTS)
def test_requests(row):
    data, summary, framing, complete, closes = row
    reader = read(data, Side.CLIENT)
    assert (reader.summary, reader.wants_close) == (summary, closes)
    assert (reader.message().framing, reader.message().complete) == (framing, complete)


def test_pipelined_requests_one_by_one():
    reader = read(GET + b"\r\n" + b"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Le", Side.CLIENT)
    assert reader.complete
    reader.next_request()
    assert not reader.done
    reader.feed(b"ngth: 1\r\n\r\nx" + GET + b"\r\n")
    assert reader.summary == "POST /2"
    reader.next_request()
    assert reader.summary == "GET /a?b"
    assert reader.complete


def test_expectation_ends_with_the_body():
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
    reader = read(head, Side.CLIENT)
    assert reader.wants_continue
    reader.feed(b"x")
    assert not reader.wants_continue
    assert not read(GET + b"\r\n", Side.CLIENT).wants_continue


@pytest.mark.parametrize("framing", BodyFraming)
@pytest.mark.parametrize("size", [0, 1, 16_384, 40_000])
@pytest.mark.parametrize("head", [False, True])
def test_our_responses_are_what_we_say(framing, size, head):
    parts = list(response_parts(size, framing, head=head, close=False))
    reader = read(b"".join(parts))
    message = reader.message()
    assert message.framing == framing.value if framing is not BodyFraming.CLOSE else CLOSE
    assert message.bytes == (0 if head else size)
    assert (
        message.complete
        is {
            BodyFraming.CLOSE: None,
            BodyFraming.CHUNKED: not head,
            BodyFraming.CONTENT_LENGTH: not head or not size,
        }[framing]
    )
    assert all(parts)
    assert reader.wants_close is (framing is BodyFraming.CLOSE)


@pytest.mark.parametrize("last", [False, True])
def test_our_request_is_one(last):
    reader = read(request_bytes("[::1]:4433", "/a?b", last=last), Side.CLIENT)
    assert reader.complete
    assert reader.wants_close is last
    assert reader.summary == "GET /a?b"


@pytest.mark.parametrize("path", ["/a b", "/\r\nX: y", "/\u00e9", ""])
def test_path_that_http_cannot_carry(path):
    with pytest.raises(UsageError):
        request_bytes("x", path, last=False)
