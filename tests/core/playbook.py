"""Orders of events as tiny scripts.

    client app_data 78; server app_data x3; client close_notify; server close_notify
    server fin; client fin

One statement is `SIDE WHAT [ARGUMENTS] [@source] [+3ms]`. Statements are 1 ms apart; `pause 10ms`
makes a longer break, `+3ms` moves one event later (a slow witness) and `-3ms` earlier. A complete
handshake stands in front unless `handshake=False`. `timeout 5s` also lets 5 s pass.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tlsclose.core.alert import Alert, AlertDescription, AlertLevel
from tlsclose.core.classify import Judgement, judge
from tlsclose.core.event import Event, Kind, Side, Source, ordered
from tlsclose.core.message import Framing, Message
from tlsclose.core.record import TlsVersion

MILLISECOND: Final = 1_000_000
SOURCES: Final = {
    Kind.CLOSE_NOTIFY: Source.DECRYPTED,
    Kind.ALERT: Source.DECRYPTED,
    Kind.APP_DATA: Source.DECRYPTED,
    Kind.TIMEOUT: Source.SOCKET,
}
"""Who tells of what, where the script does not say; the wire tells of the rest."""

_UNITS: Final = {"ms": MILLISECOND, "s": 1000 * MILLISECOND}
_STATEMENT: Final = re.compile(
    r"(?P<side>client|server) (?P<kind>\w+)(?P<rest>[^@+]*?)"
    r"( @(?P<source>\w+))?( (?P<shift>[+-]\d+(ms|s)))?"
)


def nanoseconds(text: str) -> int:
    number, unit = re.fullmatch(r"([+-]?\d+)(ms|s)", text).groups()
    return int(number) * _UNITS[unit]


def script(text: str, *, handshake: bool = True) -> tuple[Event, ...]:
    """Read a script into the one ordered stream of events."""
    return ordered(_events(text, handshake=handshake))


def _events(text: str, *, handshake: bool) -> Iterator[Event]:
    now = 0
    if handshake:
        yield _event("client handshake complete", now)
    for statement in filter(None, (part.strip() for part in re.split(r"[;\n]", text))):
        now += MILLISECOND
        if statement.startswith("pause "):
            now += nanoseconds(statement.removeprefix("pause "))
            continue
        event = _event(statement, now)
        if event.waited_ns is not None:
            now += event.waited_ns
            event = replace(event, at_ns=event.at_ns + event.waited_ns)
        yield event


def _event(statement: str, now: int) -> Event:
    match = _STATEMENT.fullmatch(statement)
    if match is None:
        raise ValueError(f"not a statement: {statement!r}")
    kind = Kind(match["kind"])
    source = Source(match["source"] or SOURCES.get(kind, Source.WIRE))
    shift = nanoseconds(match["shift"]) if match["shift"] else 0
    event = Event(at_ns=now + shift, sender=Side(match["side"]), kind=kind, source=source)
    return _arguments(event, match["rest"].split())


def _arguments(event: Event, words: list[str]) -> Event:
    match event.kind, words:
        case Kind.CLOSE_NOTIFY, _:
            return _alert(event, words[0] if words else "warning", "close_notify")
        case Kind.ALERT, [level, name]:
            return _alert(event, level, name)
        case Kind.GAP, [loss, missing]:
            return replace(event, detail=loss, bytes=int(missing))
        case Kind.TIMEOUT, [length, *what]:
            return replace(event, waited_ns=nanoseconds(length), detail=" ".join(what))
        case ((Kind.APP_DATA | Kind.RECORD), [amount, *what]) if amount.strip("x").isdigit():
            event = replace(event, detail=" ".join(what))
            if amount.startswith("x"):
                return replace(event, count=int(amount[1:]), until_ns=event.at_ns)
            return replace(event, bytes=int(amount))
        case Kind.RST, _:
            return replace(event, note=" ".join(words))
        case _:
            return replace(event, detail=" ".join(words))


def _alert(event: Event, level: str, name: str) -> Event:
    if event.source is Source.INFERRED:
        return event
    alert = Alert(
        level=AlertLevel[level.upper()].value,
        description=int(name) if name.isdigit() else AlertDescription[name.upper()].value,
    )
    return replace(event, alert=alert, detail=str(alert))


def swapped(text: str) -> str:
    """The same script with client and server exchanged."""
    return re.sub(r"\b(client|server)\b", lambda side: str(Side(side[1]).other), text)


@dataclass(frozen=True, slots=True)
class Play:
    """A judged script. Its text is what a failing test shows."""

    events: tuple[Event, ...]
    judgement: Judgement

    @property
    def codes(self) -> list[str]:
        return [str(finding.code) for finding in self.judgement.findings]

    def __str__(self) -> str:
        verdict = self.judgement.verdict
        lines = [
            f"{'>' if index in verdict.evidence else ' '}{index:3} {event.at_ns / MILLISECOND:9.1f}"
            f" ms  {event.sender:6} {event.kind:12} @{event.source:9} {event.detail}"
            for index, event in enumerate(self.events)
        ]
        halves = f"client {self.judgement.teardown.client.half}"
        halves += f", server {self.judgement.teardown.server.half}"
        said = f"{verdict.code} ({verdict.confidence}), blame {verdict.blame}, "
        said += f"truncation {verdict.truncation_risk}: {verdict.summary}"
        return "\n".join(["", *lines, halves, said, f"findings: {', '.join(self.codes) or '-'}"])


def act(
    events: str | tuple[Event, ...],
    *,
    version: str | None = "1.3",
    message: Message | None = None,
    handshake: bool = True,
) -> Play:
    """Judge a script, or a stream of events."""
    stream = script(events, handshake=handshake) if isinstance(events, str) else events
    tls = None if version is None else TlsVersion(version)
    return Play(stream, judge(stream, version=tls, message=message))


def response(framing: str, *, complete: bool | None, sender: str = "server") -> Message:
    """A response as far as it came: 40 bytes, 100 expected where a length was announced."""
    expected = {True: 40, False: 100, None: None}[complete]
    return Message(
        sender=Side(sender),
        protocol="http/1.1",
        framing=Framing(framing),
        complete=complete,
        bytes=40,
        expected=expected if framing == Framing.CONTENT_LENGTH else None,
        status=200,
    )


COMPLETE: Final = response("content-length", complete=True)
CUT: Final = response("content-length", complete=False)
OPEN_ENDED: Final = response("close-delimited", complete=None)
