"""Of which answers it can be told whether they were cut off."""

import pytest

from tlsclose.core.message import Framing
from tlsclose.net.answer_message import answer_message
from tlsclose.wire.answer import Answer

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"Content-Length: 9\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def whole(data):
    return Answer(data, len(data))


@pytest.mark.parametrize(
    ("answer", "framing", "complete", "size"),
    [
        (whole(LENGTH + b"123456789"), Framing.CONTENT_LENGTH, True, 9),
        (whole(LENGTH + b"1234"), Framing.CONTENT_LENGTH, False, 4),
        (Answer(LENGTH + b"1234", len(LENGTH) + 9), Framing.CONTENT_LENGTH, True, 9),
        (Answer(LENGTH, len(LENGTH) + 7), Framing.CONTENT_LENGTH, False, 7),
        (whole(CHUNKED + b"4\r\n1234\r\n0\r\n\r\n"), Framing.CHUNKED, True, 4),
        (whole(CHUNKED + b"4\r\n1234\r\n"), Framing.CHUNKED, False, 4),
        (whole(OK + b"\r\n1234"), Framing.CLOSE_DELIMITED, None, 4),
        (whole(b"HTTP/1.1 204 No Content\r\n\r\n"), Framing.NO_BODY, True, 0),
    ],
)
def test_told_by_its_framing(answer, framing, complete, size):
    message = answer_message(answer)
    assert (message.framing, message.complete, message.bytes) == (framing, complete, size)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(),
        whole(b"220 ready\r\n"),
        whole(OK),
        whole(LENGTH),
        Answer(b"", 500),
        Answer(CHUNKED + b"4\r\n1234\r\n", 500),
        Answer(OK + b"\r\n1234", 500),
        whole(b"\x00" * 99),
    ],
    ids=[
        "none",
        "no HTTP",
        "half a header section",
        "perhaps to HEAD",
        "not opened",
        "chunks not read",
        "long and without an end",
        "zeros",
    ],
)
def test_not_told(answer):
    assert answer_message(answer) is None
