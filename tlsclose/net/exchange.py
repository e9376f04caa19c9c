"""The application's part of a scenario: what is said before the close."""

from collections.abc import Iterator
from typing import Final, Protocol

from tlsclose.core.event import Side
from tlsclose.core.message import Framing, Message
from tlsclose.net.clock import Deadline
from tlsclose.net.session import Session
from tlsclose.net.settings import BodyFraming

QUIET_S: Final = 0.3
"""An answer in an unknown protocol is taken as whole after this silence."""
MIN_BYTES_PER_S: Final = 64 * 1024
"""Every byte of a message buys time at this rate, so that only a slow peer runs out of it."""
MAX_BYTES: Final = 1 << 30
"""A message longer than this is not read to its end."""


class Exchange(Protocol):
    """Says and hears application data over a session."""

    def run(self, session: Session, *, last: bool) -> None:
        """Exchange messages; `last` makes this the last exchange of the connection."""
        ...

    def run_notified(self, session: Session) -> str:
        """The same with our close_notify in the flight of our last data; why not, if not."""
        ...

    def message(self, session: Session) -> Message | None:
        """The message whose end the close must not hide."""
        ...


class Silence:
    """No application data at all."""

    def run(self, session: Session, *, last: bool) -> None: ...

    def run_notified(self, session: Session) -> str:
        return session.notify()

    def message(self, session: Session) -> Message | None:  # noqa: ARG002
        return None


class RawRequest:
    """Bytes as the user gave them, and whatever comes back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._received = 0

    def run(self, session: Session, *, last: bool) -> None:  # noqa: ARG002
        session.did("request", f"{len(self._data)} bytes")
        if session.write(self._data):
            self._read(session)

    def run_notified(self, session: Session) -> str:
        session.did("request", f"{len(self._data)} bytes")
        refused = session.notify(session.sealed(self._data))
        self._read(session)
        return refused

    def _read(self, session: Session) -> None:
        session.wait("response", lambda deadline: self._until_quiet(session, deadline))
        session.did("response", f"{self._received} bytes")

    def _until_quiet(self, session: Session, deadline: Deadline) -> str | None:
        while not session.peer_done:
            quiet = Deadline(min(QUIET_S, deadline.left)) if self._received else deadline
            data = session.read(quiet)
            if data is None:
                return "quiet" if self._received else None
            self._received += len(data)
            if deadline.left <= 0:
                return None
        return "ended"

    def message(self, session: Session) -> Message | None:
        return Message(
            sender=session.side.other,
            protocol="raw",
            framing=Framing.UNKNOWN,
            complete=None,
            bytes=self._received,
        )


class HttpClient:
    """One GET and its response."""

    def __init__(self, host: str, path: str) -> None:
        from tlsclose.net.http import Reader

        self._host = host
        self._path = path
        self._reader = Reader(Side.SERVER)

    def run(self, session: Session, *, last: bool) -> None:
        if session.write(self._request(session, last=last)):
            self._read(session)

    def run_notified(self, session: Session) -> str:
        refused = session.notify(session.sealed(self._request(session, last=False)))
        self._read(session)
        return refused

    def _request(self, session: Session, *, last: bool) -> bytes:
        from tlsclose.net.http import request_bytes

        session.did("request", f"GET {self._path}")
        return request_bytes(self._host, self._path, last=last)

    def _read(self, session: Session) -> None:
        session.wait("response", lambda deadline: self._until_done(session, deadline))
        message = self._reader.message()
        state = {True: "complete", False: "incomplete", None: "ends with the connection"}
        summary = self._reader.summary or "no response"
        session.did("response", f"{summary}, {state[message.complete]}")

    def _until_done(self, session: Session, deadline: Deadline) -> str | None:
        received = 0
        while not self._reader.done and not session.peer_done:
            data = session.read(deadline)
            if data is None:
                return None
            self._reader.feed(data)
            received += len(data)
            deadline.extend(len(data) / MIN_BYTES_PER_S)
            if received > MAX_BYTES:
                return None
        return "done"

    def message(self, session: Session) -> Message | None:  # noqa: ARG002
        return self._reader.message()


class HttpServer:
    """Answers requests until one side has to close."""

    def __init__(self, body: int, framing: BodyFraming) -> None:
        from tlsclose.net.http import Reader

        self._body = body
        self._framing = framing
        self._reader = Reader(Side.CLIENT)
        self._request: Message | None = None
        self._response_end = 0
        """How many bytes TCP had been given once the last response was out."""

    def run(self, session: Session, *, last: bool) -> None:
        closing = last or self._framing is BodyFraming.CLOSE
        while self._read(session):
            sent = self._respond(session, self._parts(closing=closing))
            if closing or not sent:
                return
            self._reader.next_request()

    def run_notified(self, session: Session) -> str:
        if not self._read(session):
            return session.notify()
        *first, tail = self._parts(closing=True)
        self._respond(session, iter(first))
        refused = session.notify(session.sealed(tail))
        self._response_end = session.transport.sent
        return refused

    def _parts(self, *, closing: bool) -> Iterator[bytes]:
        from tlsclose.net.http import response_parts

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
        return "done"

    def _respond(self, session: Session, parts: Iterator[bytes]) -> bool:
        session.did("response", f"HTTP 200, {self._body} bytes, {self._framing}")
        sent = all(session.write(part) for part in parts)
        self._response_end = session.transport.sent
        return sent

    def message(self, session: Session) -> Message | None:
        """Our response where part of it never reached the client, else the client's request."""
        taken = session.transport.acknowledged()
        missing = 0 if taken is None else self._response_end - taken
        if missing <= 0:
            return self._request
        return Message(
            sender=Side.SERVER,
            protocol="http/1.1",
            framing=_FRAMINGS[self._framing],
            complete=False,
            bytes=max(0, self._body - missing),
            expected=self._body,
            status=200,
            note=f"the client's TCP never acknowledged {missing} bytes",
        )


_FRAMINGS: Final = {
    BodyFraming.CONTENT_LENGTH: Framing.CONTENT_LENGTH,
    BodyFraming.CHUNKED: Framing.CHUNKED,
    BodyFraming.CLOSE: Framing.CLOSE_DELIMITED,
}
