"""The facts that a connection told in brief comes to, by number: few different ones, made once."""

from functools import lru_cache
from typing import Final

from tlsclose.core.alert import Alert
from tlsclose.core.event import STRAY_RESET, Handshake, Kind, Side, Source
from tlsclose.core.facts import Fact, number_of
from tlsclose.wire.messages import message_name
from tlsclose.wire.packets import TcpFlags, flag_names
from tlsclose.wire.whole_run import SIDES

_FIN: Final = int(TcpFlags.FIN)
_PSH: Final = int(TcpFlags.PSH)


class OtherwiseError(Exception):
    """The connection is not to be told in brief."""


@lru_cache(maxsize=256)
def mark(side: int, flags: int) -> int:
    """A SYN or FIN."""
    if flags & _FIN:
        return _number(Fact(SIDES[side], Kind.FIN, Source.WIRE, flag_names(flags & ~_PSH)))
    return _number(Fact(SIDES[side], Kind.SYN, Source.WIRE, flag_names(flags)))


@lru_cache(maxsize=64)
def reset(sender: Side, flags: int, *, in_window: bool, noted: bool) -> int:
    """A RST."""
    detail = flag_names(flags) if in_window else STRAY_RESET
    return _number(Fact(sender, Kind.RST, Source.WIRE, detail, None, noted))


@lru_cache(maxsize=1024)
def messages(side: int, source: Source, types: bytes) -> int:
    """Handshake messages of one record, by their types."""
    return _handshake(side, source, ", ".join(map(message_name, types)))


@lru_cache(maxsize=4)
def changed(side: int) -> int:
    """A ChangeCipherSpec."""
    return _handshake(side, Source.WIRE, "change_cipher_spec")


@lru_cache(maxsize=4)
def complete(side: int) -> int:
    """The end of the handshake, which this side's Finished brought."""
    return _handshake(side, Source.DECRYPTED, str(Handshake.COMPLETE))


@lru_cache(maxsize=1024)
def alert(side: int, plaintext: bytes) -> tuple[bool, int]:
    """Whether it is close_notify, and the fact."""
    alert = Alert(level=plaintext[0], description=plaintext[1])
    closes = alert.is_close_notify
    kind = Kind.CLOSE_NOTIFY if closes else Kind.ALERT
    detail = alert.level_name if closes else str(alert)
    return closes, _number(Fact(SIDES[side], kind, Source.DECRYPTED, detail, alert))


@lru_cache(maxsize=16)
def data(side: int, source: Source) -> int:
    """Application data."""
    return _number(Fact(SIDES[side], Kind.APP_DATA, source))


def _handshake(side: int, source: Source, detail: str) -> int:
    return _number(Fact(SIDES[side], Kind.HANDSHAKE, source, detail))


def _number(fact: Fact) -> int:
    number = number_of(fact)
    if number is None:
        raise OtherwiseError
    return number
