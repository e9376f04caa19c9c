"""Capture files as batches of packets: pcap and pcapng, packed or not, whole or still growing.

Memory is bounded by one buffer, whatever lengths a file claims: the buffer grows only with bytes
that are there. A file that breaks off or contradicts itself is read up to that place; `damage`
then tells where and why.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tlsclose.errors import CaptureFileError
from tlsclose.wire.batch import PADDING_BYTES, Batch, Packets, empty
from tlsclose.wire.byte_source import ByteSource, opened
from tlsclose.wire.embedded_keys import EmbeddedKeys
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.pcap_file import PcapFile
from tlsclose.wire.pcap_format import FILE_HEADER_BYTES, is_pcap
from tlsclose.wire.pcapng_file import PcapngFile
from tlsclose.wire.pcapng_format import MAGIC
from tlsclose.wire.scan import BREAKS_OFF, BREAKS_OFF_EARLY, Format

BUFFER_BYTES: Final = 16 * 2**20
MAX_BATCH: Final = 2**15
"""Packets."""

_IDLE_NS: Final = 200_000_000
_UNDER_WAY_NS: Final = 3_000_000_000
"""Packets that are read so soon after they were captured come from a capture under way."""


class CaptureFile:
    """Iterate once: batches of packets, in the order of the file."""

    def __init__(
        self, name: str, source: ByteSource, keys: KeyLog, *, buffer_bytes: int = BUFFER_BYTES
    ) -> None:
        self.name = name
        self.live = source.live
        self.damage: str | None = None
        """Why the file could not be read to its end: names the file and the byte offset."""
        self.bytes_read = 0
        """Of the unpacked file."""
        self.packets = 0
        self._source = source
        self._embedded = EmbeddedKeys(name, keys)
        self._buffer = bytearray(buffer_bytes + PADDING_BYTES)
        self._at = self._end = 0
        self._now_ns = 0

    def __iter__(self) -> Iterator[Batch]:
        """Raises CaptureFileError where the file is not a capture."""
        reading = self._begin()
        while reading is not None:
            scan = reading.scan(self._buffer, self._at, self._end)
            yield from self._batches(scan.packets)
            self._at = scan.consumed
            if scan.damage:
                self._damaged(scan.damage)
                return
            count = self._more(scan.needed)
            if count is None:
                yield empty(self.packets + 1, self._idle_ns())
            elif count == 0:
                if self._at != self._end:
                    self._damaged(BREAKS_OFF)
                return

    def _begin(self) -> Format[Packets] | None:
        while self._end < FILE_HEADER_BYTES:
            if self._more(FILE_HEADER_BYTES) == 0:
                break
        head = bytes(self._buffer[: min(self._end, FILE_HEADER_BYTES)])
        if head.startswith(MAGIC):
            return PcapngFile(self._embedded.add)
        if self.damage is not None:
            raise CaptureFileError(self.damage)
        if not is_pcap(head):
            what = "is empty" if not head else "is neither pcap nor pcapng"
            raise CaptureFileError(f"{self.name}: {what}")
        if len(head) < FILE_HEADER_BYTES:
            self._damaged(BREAKS_OFF_EARLY)
            return None
        self._at = FILE_HEADER_BYTES
        return PcapFile(head)

    def _batches(self, packets: Packets) -> Iterator[Batch]:
        """Tiny packets take more room as columns than in the file: so many at a time."""
        for at in range(0, len(packets.start), MAX_BATCH):
            part = slice(at, at + MAX_BATCH)
            first = self.packets + 1
            self.packets += len(packets.start[part])
            self._now_ns = int(packets.at_ns[part][-1])
            yield Batch(
                buffer=self._buffer,
                start=packets.start[part],
                captured=packets.captured[part],
                original=packets.original[part],
                at_ns=packets.at_ns[part],
                link=packets.link[part],
                first=first,
            )

    def _idle_ns(self) -> int:
        """How much capture time went by without a packet; tcpdump holds some back for a second."""
        behind = time.time_ns() - self._now_ns
        step = behind if _IDLE_NS < behind < _UNDER_WAY_NS else _IDLE_NS
        self._now_ns += step
        return step

    def _more(self, needed: int) -> int | None:
        """Read on; 0 at the end of the file, None where nothing came."""
        skipped = self._skip()
        if skipped != 1:
            return skipped
        self._make_room(needed)
        try:
            with memoryview(self._buffer) as whole, whole[self._end : self._room] as free:
                count = self._source.fill(free)
        except CaptureFileError as error:
            self._damaged("no more can be read", error)
            self._at = self._end
            return 0
        self._end += count or 0
        self.bytes_read += count or 0
        return count

    @property
    def warnings(self) -> list[str]:
        """What was wrong and did no harm."""
        return self._embedded.warnings

    @property
    def _room(self) -> int:
        return len(self._buffer) - PADDING_BYTES

    def _skip(self) -> int | None:
        """Read and drop what `_at` has stepped over; 1 where that is done."""
        while self._at > self._end:
            size = min(self._at - self._end, self._room)
            try:
                with memoryview(self._buffer) as whole, whole[:size] as free:
                    count = self._source.fill(free)
            except CaptureFileError as error:
                self._damaged("no more can be read", error)
                count = 0
            if not count:
                return count
            self.bytes_read += count
            self._at -= count
        return 1

    def _make_room(self, needed: int) -> None:
        """Move what is left to the front; grow, by no more than there already is, if it is full."""
        left = self._end - self._at
        if left and self._at:
            self._buffer[:left] = self._buffer[self._at : self._end]
        self._at, self._end = 0, left
        if left == self._room:
            grown = min(max(needed, self._room + 1), 2 * self._room)
            larger = bytearray(grown + PADDING_BYTES)
            larger[:left] = self._buffer[:left]
            self._buffer = larger

    def _damaged(self, what: str, error: CaptureFileError | None = None) -> None:
        if self.damage is None:
            offset = self.bytes_read - max(self._end - self._at, 0)
            cause = f" ({error})" if error is not None else ""
            self.damage = f"{self.name}: byte {offset}: {what}{cause}"


@contextmanager
def open_capture(
    path: Path, keys: KeyLog, *, buffer_bytes: int = BUFFER_BYTES, size: int | None = None
) -> Iterator[CaptureFile]:
    """A capture file, `-` for standard input; secrets in it are added to `keys`.

    `size`: read no more of its bytes. Raises CaptureFileError where it cannot be opened.
    """
    with opened(path, size) as source:
        yield CaptureFile(str(path), source, keys, buffer_bytes=buffer_bytes)
