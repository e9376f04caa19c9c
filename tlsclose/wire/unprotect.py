"""From what was negotiated and logged to the protection that opens a side's records."""

from collections.abc import Callable
from functools import cache

from tlsclose.core.event import Side
from tlsclose.core.record import TlsVersion
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.protection import Epoch, Negotiated, Protection

_Maker = Callable[[Negotiated, Side, Epoch, KeyLog], Protection | None]


def protection(
    negotiated: Negotiated, sender: Side, epoch: Epoch, keys: KeyLog
) -> Protection | None:
    """What opens the records that `sender` writes in `epoch`, from its first record on.

    None where the key log lacks the secret or holds one of a wrong length, or where the suite or
    version cannot be opened.
    """
    if not keys:
        return None
    make = _maker(negotiated.version)
    return None if make is None else make(negotiated, sender, epoch, keys)


@cache
def _maker(version: TlsVersion) -> _Maker | None:
    match version:
        case TlsVersion.TLS13:
            from tlsclose.wire.tls13 import protection as protection13

            return protection13
        case TlsVersion.TLS12 | TlsVersion.TLS11 | TlsVersion.TLS10:
            from tlsclose.wire.tls12 import protection as protection12

            return protection12
        case TlsVersion.SSL3:
            return None
