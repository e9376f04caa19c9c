"""zstd by the optional package `zstandard`; importing this without it raises ImportError."""

import io
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MAX_WINDOW_BYTES: Final = 2**27
"""Memory that a file may ask for: what the `zstd` command grants without being told."""


class ZstdSource(io.RawIOBase):
    """Decompressed bytes; what is wrong with them is an OSError."""

    def __init__(self, file: io.RawIOBase) -> None:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        self._reader = decompressor.stream_reader(cast("BinaryIO", file), read_across_frames=True)

    def readable(self) -> bool:
        return True

    def readinto(self, into: "WriteableBuffer") -> int:
        try:
            return self._reader.readinto1(into)
        except zstandard.ZstdError as error:
            raise OSError(str(error)) from error
