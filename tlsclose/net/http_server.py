"""The application's part of a scenario where we are the server: answers to HTTP requests.

A client may hold the connection, ask for its end, speak HTTP/1.0 or no HTTP at all. Each is
answered as RFC 9112 wants it: a client that is judged by how it closes must not be kept from it.
"""

from collections.abc import Iterator
from typing import Final

from tlsclose.core.event import Side
from tlsclose.core.message import Framing, Message
from tlsclose.net.clock import Deadline
from tlsclose.net.exchange import MIN_BYTES_PER_S
from tlsclose.net.http import BAD_REQUEST, CONTINUE, Reader, response_parts
from tlsclose.net.session import Session
from tlsclose.net.settings import BodyFraming
from tlsclose.net.transport import Ending

MAX_REQUESTS: Final = 100
"""Answered on one connection; the last answer says `Connection: close`."""
COURTESY_S: Final = 1.0
"""How long a client that asked us to close is still waited for to do it first."""

_FRAMINGS: Final = {
    BodyFraming.CONTENT_LENGTH: Framing.CONTENT_LENGTH,
    BodyFraming.CHUNKED: Framing.CHUNKED,
    BodyFraming.CLOSE: Framing.CLOSE_DELIMITED,
}


class HttpServer:
    """Answers requests until one side has to close."""

    def __init__(self, body: int, framing: BodyFraming) -> None:
        self._body = body
        self._wanted = framing
        self._framing = framing
        """Of the last response: a client of HTTP/1.0 knows no chunks."""
        self._reader = Reader(Side.CLIENT)
        self._request: Message | None = None
        self._continued = False
        self._response_end = 0
        """How many bytes TCP had been given once the last response was out."""
        self._cut = False
        """The last response did not go out whole."""
        self.patience_s: float | None = None

    def run(self, session: Session, *, last: bool) -> None:
        for left in reversed(range(MAX_REQUESTS)):
            if not self._read(session):
                self._refuse(session)
                return
            closing = self._must_close(full=not left) or last
            self._respond(session, self._parts(closing=closing))
            if closing or self._cut:
                return
            self._reader.next_request()
            self._continued = False

    def run_notified(self, session: Session) -> str:
        if not self._read(session):
            return session.notify()
        self._must_close(full=True)
        tail = self._respond(session, self._parts(closing=True), hold=True)
        refused = session.notify(session.sealed(tail))
        self._response_end = session.transport.sent
        self._cut = self._cut or bool(refused)
        return refused

    def _must_close(self, *, full: bool) -> bool:
        """Whether it is on us to close after this response (RFC 9112 9.6), and how soon."""
        chunks_known = self._reader.knows_chunks or self._wanted is not BodyFraming.CHUNKED
        self._framing = self._wanted if chunks_known else BodyFraming.CLOSE
        if self._framing is BodyFraming.CLOSE:
            self.patience_s = 0.0
        elif full or self._reader.wants_close:
            self.patience_s = COURTESY_S
        return self.patience_s is not None

    def _parts(self, *, closing: bool) -> Iterator[bytes]:
        return response_parts(self._body, self._framing, head=self._reader.is_head, close=closing)

    def _read(self, session: Session) -> bool:
        """Read one whole request; False where the peer closed or stayed silent instead."""
        served = self._request is not None
        session.wait(
            "close_notify" if served else "request",
            lambda deadline: self._until_done(session, deadline),
            closing=served,
        )
        if self._reader.started:
            session.did("request", self._reader.summary)
            self._request = self._reader.message()
        return self._reader.complete

    def _until_done(self, session: Session, deadline: Deadline) -> str | None:
        while not self._reader.done and not session.peer_done:
            data = session.read(deadline)
            if data is None:
                return None
            self._reader.feed(data)
            deadline.extend(len(data) / MIN_BYTES_PER_S)
            if self._reader.wants_continue and not self._continued:
                self._continued = session.write(CONTINUE, deadline)
        return "done"

    def _refuse(self, session: Session) -> None:
        """Answer what is no HTTP (RFC 9112 section 3)."""
        if self._reader.malformed and not session.peer_done:
            session.did("response", "HTTP 400")
            session.write(BAD_REQUEST)
            self.patience_s = COURTESY_S

    def _respond(self, session: Session, parts: Iterator[bytes], *, hold: bool = False) -> bytes:
        """Send the parts, or all but the last, which is returned."""
        session.did("response", f"HTTP 200, {self._body} bytes, {self._framing}")
        deadline = Deadline(session.timeout_s)
        part = next(parts)
        for following in parts:
            self._send(session, part, deadline)
            part = following
            if self._cut:
                break
        if not hold:
            self._send(session, part, deadline)
        self._response_end = session.transport.sent
        return part

    def _send(self, session: Session, part: bytes, deadline: Deadline) -> None:
        self._cut = self._cut or not session.write(part, deadline)
        deadline.extend(len(part) / MIN_BYTES_PER_S)

    def message(self, session: Session) -> Message | None:
        """Our response where it may not have reached the client whole, else the client's request.

        A reset overtakes acknowledgements: what was not acknowledged before it may have come, and
        what was may never be read.
        """
        taken = session.transport.acknowledged()
        missing = 0 if taken is None else max(0, self._response_end - taken)
        orderly = session.peer_notified and not missing
        reset = session.transport.aborted or (
            session.transport.ending is Ending.RST and not orderly
        )
        if not self._response_end or not (missing or reset or self._cut):
            return self._request
        return Message(
            sender=Side.SERVER,
            protocol="http/1.1",
            framing=_FRAMINGS[self._framing],
            complete=None if reset and not self._cut else False,
            bytes=max(0, min(self._body, self._response_end) - missing),
            expected=self._body if self._framing is BodyFraming.CONTENT_LENGTH else None,
            status=200,
            note=self._note(missing, reset=reset),
        )

    def _note(self, missing: int, *, reset: bool) -> str:
        if self._cut:
            return "it could not be sent to its end"
        if reset:
            return "a reset may have overtaken what the client had not read"
        return f"the client's TCP never acknowledged {missing} bytes"
