"""`--pcap FILE`: the packets of a run with their keys, as pcapng.

Format: draft-ietf-opsawg-pcapng. Readers go through a file once, so the Decryption Secrets Block
has to stand before the packets it opens, while the keys are known only after them: packets are
spooled and the file is put together at the end.

The blocks are written here and not by scapy's RawPcapNgWriter: that one has no secrets block and
no `if_tsresol` option (time stamps stay in microseconds and pass through a float), and importing
it would cost a run without sniffing 0.15 s.
"""

import os
import shutil
import struct
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from tlsclose.errors import UsageError
from tlsclose.wire.frame import Frame

_SECTION_HEADER: Final = 0x0A0D0D0A
_INTERFACE_DESCRIPTION: Final = 0x00000001
_ENHANCED_PACKET: Final = 0x00000006
_DECRYPTION_SECRETS: Final = 0x0000000A

_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
_UNKNOWN_LENGTH: Final = 0xFFFFFFFFFFFFFFFF
_NO_LIMIT: Final = 0
_TLS_KEY_LOG: Final = 0x544C534B

_END_OF_OPTIONS: Final = 0
_IF_NAME: Final = 2
_SHB_USER_APPLICATION: Final = 4
_IF_TIME_RESOLUTION: Final = 9
_NANOSECONDS: Final = b"\x09"

_EPB_HEADER: Final = struct.Struct("<IIIIIII")
_TRAILER: Final = struct.Struct("<I")
_EPB_OVERHEAD_BYTES: Final = _EPB_HEADER.size + _TRAILER.size


class PcapngWriter:
    """Collects packets from any thread; `finish` makes the file appear whole, `abandon` never.

    The constructor raises UsageError where `path` cannot be written; so do the other methods for
    what the disk refuses later. Nothing is visible at `path` before `finish`. The spool has no
    name where the system allows that, and else mode 0600.
    """

    def __init__(self, path: Path, *, application: str = "tlsclose") -> None:
        self._path = path
        self._application = application
        self._interfaces: dict[tuple[str, int], int] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._target = _writable(path)
        try:
            self._spool: IO[bytes] = tempfile.TemporaryFile(  # noqa: SIM115
                dir=self._target.parent
            )
        except OSError as error:
            raise _refused(path, error) from None

    def frame(self, frame: Frame, interface: str) -> int:
        """Add a packet; return its number in the file, from 1."""
        with self._lock:
            key = (interface, frame.link_type)
            block = _packet(frame, self._interfaces.setdefault(key, len(self._interfaces)))
            try:
                self._spool.write(block)
            except OSError as error:
                raise _refused(self._path, error) from None
            self._count += 1
            return self._count

    def finish(self, keylog_lines: Iterable[str]) -> None:
        """Write the file: header, interfaces, keys (where there are any), packets."""
        head = _section(self._application)
        head += b"".join(_interface(name, link) for name, link in self._interfaces)
        head += _secrets(keylog_lines)
        with self._lock:
            try:
                self._put_in_place(head)
            except OSError as error:
                raise _refused(self._path, error) from None
            finally:
                self._spool.close()

    def abandon(self) -> None:
        """Leave no trace; harmless when repeated or after `finish`."""
        with self._lock:
            self._spool.close()

    def _put_in_place(self, head: bytes) -> None:
        descriptor, name = tempfile.mkstemp(
            dir=self._target.parent, prefix=f".{self._target.name[:100]}."
        )
        unfinished = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(head)
                self._spool.seek(0)
                shutil.copyfileobj(self._spool, file)
            unfinished.replace(self._target)
        finally:
            unfinished.unlink(missing_ok=True)


def _writable(path: Path) -> Path:
    """Where the file goes once links are followed. Raises UsageError where it cannot."""
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise UsageError(f"cannot write {str(path)!r}: not a regular file")
        directory_ok = target.parent.is_dir()
        file_ok = not target.exists() or os.access(target, os.W_OK)
    except (OSError, RuntimeError, ValueError) as error:
        raise _refused(path, error) from None
    if not directory_ok:
        raise UsageError(f"cannot write {str(path)!r}: no directory {str(target.parent)!r}")
    if not file_ok:
        raise UsageError(f"cannot write {str(path)!r}: the file is write-protected")
    return target


def _refused(path: Path, error: Exception) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(f"cannot write {str(path)!r}: {reason}")


def _padding(data: bytes) -> bytes:
    return bytes(-len(data) % 4)


def _block(kind: int, body: bytes) -> bytes:
    body += _padding(body)
    length = _TRAILER.pack(len(body) + 12)
    return _TRAILER.pack(kind) + length + body + length


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(
        struct.pack("<HH", code, len(value)) + value + _padding(value)
        for code, value in (*options, (_END_OF_OPTIONS, b""))
    )


def _section(application: str) -> bytes:
    body = struct.pack("<IHHQ", _BYTE_ORDER_MAGIC, 1, 0, _UNKNOWN_LENGTH)
    return _block(_SECTION_HEADER, body + _options((_SHB_USER_APPLICATION, application.encode())))


def _interface(name: str, link_type: int) -> bytes:
    options = _options((_IF_NAME, os.fsencode(name)), (_IF_TIME_RESOLUTION, _NANOSECONDS))
    return _block(_INTERFACE_DESCRIPTION, struct.pack("<HHI", link_type, 0, _NO_LIMIT) + options)


def _secrets(keylog_lines: Iterable[str]) -> bytes:
    """The key log (RFC 9850) as the secrets block's text, one line each."""
    text = "".join(f"{line.rstrip()}\n" for line in keylog_lines if line.strip()).encode()
    if not text:
        return b""
    return _block(_DECRYPTION_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(text)) + text)


def _packet(frame: Frame, interface: int) -> bytes:
    padding = _padding(frame.data)
    length = _EPB_OVERHEAD_BYTES + len(frame.data) + len(padding)
    header = _EPB_HEADER.pack(
        _ENHANCED_PACKET,
        length,
        interface,
        frame.at_ns >> 32,
        frame.at_ns & 0xFFFFFFFF,
        len(frame.data),
        frame.original_length,
    )
    return b"".join((header, frame.data, padding, _TRAILER.pack(length)))
