"""What one event is called in the picture: record names, TCP flags, sizes, alerts."""

import re
from collections.abc import Callable
from typing import Final

from tlsclose.core.event import Event, Handshake, Kind, Loss, Source
from tlsclose.report.amount import number, size
from tlsclose.report.picture import Stroke

_FLAG: Final = "(?:FIN|SYN|RST|PSH|ACK|URG|ECE|CWR)"
_FLAGS: Final = re.compile(f"{_FLAG}(?:,{_FLAG})*")

_TCP: Final = frozenset({Kind.SYN, Kind.FIN, Kind.RST})

LONG_ALERT: Final = 21
"""Longest text that stands in an arrow at 80 columns; longer names go into the small print."""

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


def notes(event: Event, *, verbosity: int) -> tuple[str, ...]:
    """What to say beside it: its fate, the end of a long name, what is worth a remark."""
    match event.kind:
        case Kind.GAP:
            texts = [_fate(event), event.note]
        case Kind.NOT_TLS:
            texts = [event.detail, event.note]
        case Kind.ALERT:
            texts = [_rest_of_alert(event), _guessed(event), event.note]
        case Kind.FIN:
            texts = [event.note] if verbosity >= 1 else []
        case _ if _is_guess(event):
            texts = [_guessed(event), event.note if verbosity >= 1 else ""]
        case _:
            texts = [event.note]
    return tuple(filter(None, texts))


def spoken(event: Event) -> str:
    """What to call the event within a sentence."""
    if event.kind in _TCP:
        return event.kind.value.upper()
    if event.kind is Kind.NOT_TLS and event.detail:
        return f"not TLS ({event.detail})"
    return labels(event)[0].removeprefix("… ").removesuffix("?")


def _is_guess(event: Event) -> bool:
    """Whether inference told something of weight; that unopened data is data goes unsaid."""
    return event.source is Source.INFERRED and (
        event.kind in (Kind.ALERT, Kind.CLOSE_NOTIFY) or event.detail == Handshake.COMPLETE
    )


def _guessed(event: Event) -> str:
    return "inferred" if _is_guess(event) else ""


def _tcp(event: Event) -> tuple[str, ...]:
    name = event.kind.value.upper()
    if _FLAGS.fullmatch(event.detail):
        return (event.detail.replace(",", ", "), name)
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


def _rest_of_alert(event: Event) -> str:
    """What an arrow at 80 columns has no room for."""
    if event.alert is None or len(str(event.alert)) <= LONG_ALERT:
        return ""
    return str(event.alert) if len(event.alert.name) > LONG_ALERT else event.alert.level_name


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


def _handshake(event: Event) -> tuple[str, ...]:
    name = event.detail or "handshake"
    if event.count > 1:
        return (f"{number(event.count)} {name}", name)
    return _with_size(name, event)


def _with_size(name: str, event: Event) -> tuple[str, ...]:
    return (f"{name} {size(event.bytes)}", name) if event.bytes else (name,)


def _fate(event: Event) -> str:
    match event.detail:
        case Loss.NEVER_ARRIVED:
            return "never arrived"
        case Loss.NOT_CAPTURED:
            return "not captured"
        case Loss.UNSEEN:
            return "not seen"
    return event.detail


def _gap(event: Event) -> tuple[str, ...]:
    return (f"gap {size(event.bytes)} {_fate(event)}", f"gap {size(event.bytes)}")


_LABELS: Final[dict[Kind, Callable[[Event], tuple[str, ...]]]] = {
    Kind.SYN: _tcp,
    Kind.FIN: _tcp,
    Kind.RST: _tcp,
    Kind.HANDSHAKE: _handshake,
    Kind.NOT_TLS: lambda event: _with_size("not TLS", event),
    Kind.RECORD: lambda event: _records(event, "sealed"),
    Kind.APP_DATA: lambda event: _records(event, "data"),
    Kind.ALERT: _alert,
    Kind.CLOSE_NOTIFY: _close_notify,
    Kind.GAP: _gap,
    Kind.TIMEOUT: lambda _: ("silent",),
}
