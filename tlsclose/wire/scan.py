"""What a reader of one capture format makes of the bytes in a buffer."""

from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from mmap import mmap

Buffer: TypeAlias = "bytearray | mmap"
"""A part of a file, read or mapped."""

MAX_TIME_NS: Final = 2**62
"""Whatever a file claims, no packet is later."""

BREAKS_OFF: Final = "the file breaks off inside what begins here"
BREAKS_OFF_EARLY: Final = "the file breaks off inside its header"

Made_co = TypeVar("Made_co", covariant=True)
"""What packets are made into: columns for a batch, or frames where there are few."""


class Scan(NamedTuple, Generic[Made_co]):
    """How far the format could be read."""

    packets: Made_co
    consumed: int
    """Offset in the buffer behind the last whole item; behind the buffer's end where an item that
    nobody needs goes on there."""
    needed: int = 0
    """Bytes from `consumed` on that the next item takes, as far as that is known."""
    damage: str = ""
    """What is wrong with the bytes at `consumed`: nothing behind them can be read."""


class Format(Protocol[Made_co]):
    """Reads items one after the other, and remembers what earlier ones said."""

    def scan(self, buffer: Buffer, at: int, end: int) -> Scan[Made_co]:
        """Read all whole items between two offsets."""
