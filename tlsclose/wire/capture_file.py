"""Capture files as batches of packets: pcap and pcapng, packed or not, whole or still growing.

Memory is bounded by one buffer, whatever lengths a file claims: the buffer grows only with bytes
that are there. A file that breaks off or contradicts itself is read up to that place; `damage`
then tells where and why.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path
from typing import Final

from tlsclose.errors import CaptureFileError
from tlsclose.wire.batch import Batch, Packets, batches, empty
from tlsclose.wire.byte_source import ByteSource, opened
from tlsclose.wire.embedded_keys import EmbeddedKeys
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.pcap_file import PcapFile
from tlsclose.wire.pcap_format import FILE_HEADER_BYTES, is_pcap
from tlsclose.wire.pcapng_file import PcapngFile
from tlsclose.wire.pcapng_format import MAGIC
from tlsclose.wire.scan import BREAKS_OFF, BREAKS_OFF_EARLY, Format
from tlsclose.wire.shared_scan import OnSecrets, SharedScan
from tlsclose.wire.windows import MappedWindow, SharedFile, mapped, window_on

BUFFER_BYTES: Final = 12 * 2**20

_IDLE_NS: Final = 200_000_000
_UNDER_WAY_NS: Final = 3_000_000_000
"""Packets that are read so soon after they were captured come from a capture under way."""


class CaptureFile:
    """Iterate once: batches of packets, in the order of the file."""

    def __init__(
        self,
        name: str,
        source: ByteSource | mmap | SharedFile,
        keys: KeyLog,
        *,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self.name = name
        self.damage: str | None = None
        """Why the file could not be read to its end: names the file and the byte offset."""
        self.packets = 0
        self._member = source.member if isinstance(source, SharedFile) else None
        file = source.file if isinstance(source, SharedFile) else source
        self._window = window_on(file, buffer_bytes)
        self._embedded = EmbeddedKeys(name, keys)
        self._now_ns = 0

    def __iter__(self) -> Iterator[Batch]:
        """Raises CaptureFileError where the file is not a capture."""
        reading, window = self._begin(), self._window
        while reading is not None:
            scan = reading.scan(window.buffer, window.at, window.end)
            yield from self._batches(scan.packets)
            window.at = scan.consumed
            if scan.damage:
                self._damaged(scan.damage)
                return
            count = self._more(scan.needed)
            if count is None:
                yield empty(self.packets + 1, self._idle_ns())
            elif count == 0:
                if window.at != window.end:
                    self._damaged(BREAKS_OFF)
                return

    def _begin(self) -> Format[Packets] | None:
        window = self._window
        while window.end < FILE_HEADER_BYTES:
            if self._more(FILE_HEADER_BYTES) == 0:
                break
        head = bytes(window.buffer[: min(window.end, FILE_HEADER_BYTES)])
        if head.startswith(MAGIC):
            return self._shared(PcapngFile)
        if self.damage is not None:
            raise CaptureFileError(self.damage)
        if not is_pcap(head):
            what = "is empty" if not head else "is neither pcap nor pcapng"
            raise CaptureFileError(f"{self.name}: {what}")
        if len(head) < FILE_HEADER_BYTES:
            self._damaged(BREAKS_OFF_EARLY)
            return None
        window.at = FILE_HEADER_BYTES
        return self._shared(lambda _: PcapFile(head))

    def _shared(self, make: "Callable[[OnSecrets], PcapFile | PcapngFile]") -> Format[Packets]:
        window = self._window
        if self._member is None or not isinstance(window, MappedWindow):
            return make(self._embedded.add)
        return SharedScan(make, self._member, window, self._embedded.add)

    def _batches(self, packets: Packets) -> Iterator[Batch]:
        for batch in batches(self._window.buffer, packets, self.packets + 1):
            self.packets += len(batch)
            self._now_ns = int(batch.at_ns[-1])
            yield batch

    def _idle_ns(self) -> int:
        """How much capture time went by without a packet; tcpdump holds some back for a second."""
        behind = time.time_ns() - self._now_ns
        step = behind if _IDLE_NS < behind < _UNDER_WAY_NS else _IDLE_NS
        self._now_ns += step
        return step

    def _more(self, needed: int) -> int | None:
        """Read on; 0 at the end of the file, None where nothing came."""
        try:
            return self._window.more(needed)
        except CaptureFileError as error:
            self._damaged("no more can be read", error)
            return 0

    @property
    def live(self) -> bool:
        """Whether more may be written while we read."""
        return self._window.live

    @property
    def bytes_read(self) -> int:
        """Of the unpacked file."""
        return self._window.bytes_read

    @property
    def warnings(self) -> list[str]:
        """What was wrong and did no harm."""
        return self._embedded.warnings

    def _damaged(self, what: str, error: CaptureFileError | None = None) -> None:
        if self.damage is None:
            offset = self.bytes_read - max(self._window.end - self._window.at, 0)
            cause = f" ({error})" if error is not None else ""
            self.damage = f"{self.name}: byte {offset}: {what}{cause}"


@contextmanager
def open_capture(
    path: Path,
    keys: KeyLog,
    *,
    buffer_bytes: int = BUFFER_BYTES,
    size: int | None = None,
    shared: SharedFile | None = None,
) -> Iterator[CaptureFile]:
    """A capture file, `-` for standard input; secrets in it are added to `keys`.

    `size`: read no more of its bytes. Then it is mapped where that is possible, and this process
    dies where somebody makes the file smaller: for one that is not alone.
    `shared`: the file, where others read it too. Raises CaptureFileError where it cannot be opened.
    """
    file = shared or (mapped(path, size) if size else None)
    if file is not None:
        yield CaptureFile(str(path), file, keys, buffer_bytes=buffer_bytes)
        return
    with opened(path, size) as source:
        yield CaptureFile(str(path), source, keys, buffer_bytes=buffer_bytes)
