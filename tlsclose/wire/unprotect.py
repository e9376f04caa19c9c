"""From what was negotiated and logged to the protection that opens a side's records."""

from tlsclose.core.event import Side
from tlsclose.core.record import TlsVersion
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.protection import Epoch, Negotiated, Protection


def protection(
    negotiated: Negotiated, sender: Side, epoch: Epoch, keys: KeyLog
) -> Protection | None:
    """What opens the records that `sender` writes in `epoch`, from its first record on.

    None where the key log lacks the secret or holds one of a wrong length, or where the suite or
    version cannot be opened.
    """
    match negotiated.version:
        case TlsVersion.TLS13:
            from tlsclose.wire.tls13 import protection as protection13

            return protection13(negotiated, sender, epoch, keys)
        case TlsVersion.TLS12 | TlsVersion.TLS11 | TlsVersion.TLS10:
            from tlsclose.wire.tls12 import protection as protection12

            return protection12(negotiated, sender, epoch, keys)
        case TlsVersion.SSL3:
            return None
