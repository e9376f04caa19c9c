"""The application's part of a scenario: what is said before the close."""

from typing import Final, Protocol

from tlsclose.core.event import Side
from tlsclose.core.message import Framing, Message
from tlsclose.net.clock import Deadline
from tlsclose.net.session import Session

QUIET_S: Final = 0.3
"""An answer in an unknown protocol is taken as whole after this silence."""
MIN_BYTES_PER_S: Final = 64 * 1024
"""Every byte of a message buys time at this rate, so that only a slow peer runs out of it."""
MAX_BYTES: Final = 1 << 30
"""A message longer than this is not read to its end."""


class Exchange(Protocol):
    """Says and hears application data over a session."""

    patience_s: float | None
    """Where it is on us to close first: how long the peer may still be waited for, in seconds."""

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

    patience_s: float | None = None

    def run(self, session: Session, *, last: bool) -> None: ...

    def run_notified(self, session: Session) -> str:
        return session.notify()

    def message(self, session: Session) -> Message | None:  # noqa: ARG002
        return None


class RawRequest:
    """Bytes as the user gave them, and whatever comes back."""

    patience_s: float | None = None

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._received = 0

    def run(self, session: Session, *, last: bool) -> None:  # noqa: ARG002
        session.did("request", f"{len(self._data)} bytes")
        session.write(self._data)
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
    """One GET and its response. Raises UsageError for a host or path that HTTP cannot carry.

    Says nothing where ALPN settled on a protocol other than HTTP/1.
    """

    patience_s: float | None = None

    def __init__(self, host: str, path: str) -> None:
        from tlsclose.net.http import Reader, request_bytes

        self._path = path
        self._requests = {last: request_bytes(host, path, last=last) for last in (False, True)}
        self._reader = Reader(Side.SERVER)
        self._asked = False

    def run(self, session: Session, *, last: bool) -> None:
        if _speaks_http1(session):
            session.write(self._request(session, last=last))
            self._read(session)

    def run_notified(self, session: Session) -> str:
        if not _speaks_http1(session):
            return session.notify()
        refused = session.notify(session.sealed(self._request(session, last=False)))
        self._read(session)
        return refused

    def _request(self, session: Session, *, last: bool) -> bytes:
        self._asked = True
        session.did("request", f"GET {self._path}")
        return self._requests[last]

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
        return self._reader.message() if self._asked else None


def _speaks_http1(session: Session) -> bool:
    chosen = session.context.tls.alpn
    if chosen is None or chosen.startswith("http/1"):
        return True
    session.did("no request", f"ALPN chose {chosen}")
    return False
