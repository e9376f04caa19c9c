"""What one event is called in the picture: record names, TCP flags, sizes, alerts."""

import re
from collections.abc import Callable
from typing import Final

from tlsclose.core.event import Event, Kind, Loss, Source
from tlsclose.report.amount import number, size
from tlsclose.report.picture import Stroke

_FLAG: Final = r"(?:FIN|SYN|RST|PSH|ACK|URG|ECE|CWR)"
_FLAGS: Final = re.compile(rf"{_FLAG}(?:[, ]+{_FLAG})*")

_TCP: Final = frozenset({Kind.SYN, Kind.FIN, Kind.RST})

LONG_ALERT: Final = 21
"""Longest text that stands in an arrow at 80 columns; longer names go into the small print."""

_TOLD: Final = {
    Source.WIRE: "",
    Source.DECRYPTED: "",
    Source.INFERRED: "inferred",
    Source.PROVIDER: "told by the TLS API",
    Source.SOCKET: "told by the socket",
}

_STROKES: Final = {
    Kind.RST: Stroke.RESET,
    Kind.ALERT: Stroke.ALERT,
    Kind.GAP: Stroke.MISSING,
}


def stroke(event: Event) -> Stroke:
    """How its arrow is drawn."""
    return _STROKES.get(event.kind, Stroke.PLAIN)


def labels(event: Event) -> tuple[str, ...]:
    """Names for the event, from the fullest to the shortest."""
    return _LABELS[event.kind](event)


def notes(event: Event) -> tuple[str, ...]:
    """What to say beside it: who told of it where it was not seen, and the event's own note."""
    told = _TOLD[event.source]
    match event.kind:
        case Kind.GAP:
            told = _fate(event)
        case Kind.NOT_TLS:
            told = event.detail
        case Kind.ALERT if len(str(event.alert or "")) > LONG_ALERT:
            told = str(event.alert)
    own = "" if is_flags(event.note) else event.note
    return tuple(text for text in (told, own) if text)


def is_flags(note: str) -> bool:
    """Whether a note is nothing but TCP flags, which the label shows already."""
    return bool(_FLAGS.fullmatch(note))


def spoken(event: Event) -> str:
    """What to call the event within a sentence."""
    if event.kind in _TCP:
        return event.kind.value.upper()
    if event.kind is Kind.NOT_TLS and event.detail:
        return f"not TLS ({event.detail})"
    return labels(event)[0].removeprefix("… ")


def _tcp(event: Event) -> tuple[str, ...]:
    name = event.kind.value.upper()
    if is_flags(event.note):
        return (", ".join(re.findall("[A-Z]{3}", event.note)), name)
    return (name,)


def _close_notify(event: Event) -> tuple[str, ...]:
    name = "close_notify"
    if event.alert is not None and event.alert.level_name != "warning":
        return (f"{event.alert.level_name} {name}", name)
    return (f"{name}?",) if event.source is Source.INFERRED else (name,)


def _alert(event: Event) -> tuple[str, ...]:
    if event.alert is None:
        name = event.detail or "alert"
        return (f"{name}?", "alert?") if event.source is Source.INFERRED else (name, "alert")
    return (
        f"alert: {event.alert}",
        str(event.alert),
        event.alert.name,
        f"{event.alert.level_name} alert {event.alert.description}",
    )


def _records(event: Event, name: str) -> tuple[str, ...]:
    if event.count == 1:
        return _with_size(name, event)
    count = number(event.count)
    return (
        f"… {count} {name} records, {size(event.bytes)}",
        f"{count} {name}, {size(event.bytes)}",
        f"{name} {size(event.bytes)}",
        size(event.bytes),
    )


def _with_size(name: str, event: Event) -> tuple[str, ...]:
    return (f"{name} {size(event.bytes)}", name) if event.bytes else (name,)


def _fate(event: Event) -> str:
    match event.detail:
        case Loss.NEVER_ARRIVED:
            return "never arrived"
        case Loss.NOT_CAPTURED:
            return "not captured"
    return event.detail


def _not_tls(event: Event) -> tuple[str, ...]:
    return _with_size("not TLS", event)


def _gap(event: Event) -> tuple[str, ...]:
    return (f"gap {size(event.bytes)} {_fate(event)}", f"gap {size(event.bytes)}")


_LABELS: Final[dict[Kind, Callable[[Event], tuple[str, ...]]]] = {
    Kind.SYN: _tcp,
    Kind.FIN: _tcp,
    Kind.RST: _tcp,
    Kind.HANDSHAKE: lambda event: _with_size(event.detail or "handshake", event),
    Kind.NOT_TLS: _not_tls,
    Kind.RECORD: lambda event: _records(event, "sealed"),
    Kind.APP_DATA: lambda event: _records(event, "data"),
    Kind.ALERT: _alert,
    Kind.CLOSE_NOTIFY: _close_notify,
    Kind.GAP: _gap,
    Kind.TIMEOUT: lambda _: ("silent",),
}
