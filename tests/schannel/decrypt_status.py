"""DecryptMessage as Windows answers, for runs under Wine.

Where Windows returns SEC_I_CONTEXT_EXPIRED for the peer's close_notify, Wine (up to 11.10) returns
SEC_E_OK and no data. What wraps it here returns 0x00090317 in that case. So such a run shows how
our code handles the status; that Windows returns it is for the tests marked `windows` to show.

With TLS 1.2 a record of type 21 that DecryptMessage accepts without data is a close_notify, and
nothing else. With TLS 1.3 a session ticket looks the same from outside: only the length of the
record (2 bytes of alert, 1 of type, 16 of tag) tells them apart. A test may go by that, for it
knows that its peers pad nothing; the product must not, and does not.

    python -m tests.schannel.decrypt_status probe example.org      tlsclose with it installed
"""

import ctypes
import os
import sys
from typing import Final

from tlsclose.core.record import TlsVersion
from tlsclose.providers import _secur32 as abi

EXPIRED: Final = 0x00090317
ALERT: Final = 21
APPLICATION_DATA: Final = 23
SEALED_ALERT_13: Final = 19
HEADER: Final = 5
PRIORITIES: Final = "GNUTLS_SYSTEM_PRIORITY_FILE"


def under_wine() -> bool:
    if sys.platform != "win32":
        return False
    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


def spoken() -> tuple[TlsVersion, ...]:
    """Versions that this machine's Schannel speaks with itself.

    Wine takes no heed of the credential: it has TLS 1.3 whenever that is there at all.
    """
    if not under_wine():
        return (TlsVersion.TLS12, TlsVersion.TLS13)
    return (TlsVersion.TLS13,) if PRIORITIES in os.environ else (TlsVersion.TLS12,)


def install() -> None:
    """Wrap this process's DecryptMessage, where it is Wine's."""
    functions = abi.secur32()
    if under_wine() and not isinstance(functions.DecryptMessage, _AsWindows):
        functions.DecryptMessage = _AsWindows(functions.DecryptMessage)


class _AsWindows:
    def __init__(self, function) -> None:
        self._function = function

    def __call__(self, context, description, sequence, quality) -> int:
        buffers = description._obj.pBuffers
        header = ctypes.string_at(buffers[0].pvBuffer, HEADER) if buffers[0].cbBuffer > 4 else b""
        code = self._function(context, description, sequence, quality)
        if code or _data(description._obj):
            return code
        return EXPIRED if _is_close_notify(header) else code


def _data(description: abi.SecBufferDesc) -> int:
    buffers = (description.pBuffers[index] for index in range(description.cBuffers))
    return sum(buffer.cbBuffer for buffer in buffers if buffer.BufferType == abi.SECBUFFER_DATA)


def _is_close_notify(header: bytes) -> bool:
    kind, length = header[0], int.from_bytes(header[3:])
    return kind == ALERT or (kind == APPLICATION_DATA and length == SEALED_ALERT_13)


if __name__ == "__main__":
    from tlsclose.cli.main import run

    install()
    sys.exit(run())
