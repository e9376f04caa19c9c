"""One captured packet, before anything in it has been looked at."""

from enum import IntEnum
from typing import NamedTuple


class LinkType(IntEnum):
    """LINKTYPE_ values of pcapng that live capture produces."""

    NULL = 0
    ETHERNET = 1
    RAW = 101
    LOOP = 108
    LINUX_SLL = 113


class Frame(NamedTuple):
    """A packet as the capture delivered it."""

    at_ns: int
    """Nanoseconds since the Unix epoch (the kernel's time stamp)."""
    link_type: int
    data: bytes
    """From the link header on."""
    original_length: int
    """Length on the wire in bytes; larger than `len(data)` where the capture cut it."""
