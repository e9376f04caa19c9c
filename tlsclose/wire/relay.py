"""Things that processes make for each other in turn, left in memory that they share.

A relay is made before its members are forked. Each thing is taken by every member, in order, and
its place is used again once all have released it. Waiting ends when the common parent does; who
waits for one that was killed is for the parent to end.
"""

import mmap
import os
import pickle
from collections.abc import Callable
from multiprocessing import Pipe
from struct import Struct
from typing import Any, Final

from tlsclose.errors import CaptureFileError

SLOT_BYTES: Final = 16 * 2**20
"""What takes more is made by each member for itself. Memory is used as far as it is filled."""

_AHEAD: Final = 1
"""So many things more than there are members may be there at once."""
_LOOK_EVERY_S: Final = 1.0
"""Whether the parent is still there."""
_ALIGNED: Final = 64
_PICKLE: Final = 5
_SIZE: Final = Struct("=Q")
_MADE, _RELEASED, _LEFT = range(3)


class Relay:
    """What the members have in common."""

    def __init__(self, members: int, name: str, *, slot_bytes: int = SLOT_BYTES) -> None:
        self.name = name
        """Of what the things are made from."""
        self.members = members
        self.parent = os.getpid()
        self.slot_bytes = slot_bytes
        self.slots = members + _AHEAD
        self.memory = memoryview(mmap.mmap(-1, self.slots * slot_bytes))
        self.inboxes = [Pipe(duplex=False) for _ in range(members)]

    def slot(self, turn: int) -> memoryview:
        first = turn % self.slots * self.slot_bytes
        return self.memory[first : first + self.slot_bytes]


class Member:
    """One process's part in a relay."""

    def __init__(self, relay: Relay, at: int) -> None:
        self._relay = relay
        self._at = at
        self._made = 0
        self._released = [0] * relay.members
        self._left = False

    def makes(self, turn: int) -> bool:
        """Whether this member is to `leave_for_all` the thing of this turn."""
        return turn % self._relay.members == self._at

    def leave_for_all(self, turn: int, thing: object) -> bool:
        """False where there is no room for it: then every member takes None."""
        self._wait(lambda: min(self._released) > turn - self._relay.slots)
        written = _write(self._relay.slot(turn), thing)
        self._tell(_MADE)
        return written

    def take(self, turn: int) -> Any:  # noqa: ANN401 - whatever was left
        """Valid until it is released. Raises CaptureFileError where nobody will make it."""
        self._wait(lambda: self._made > turn)
        return _read(self._relay.slot(turn))

    def release(self) -> None:
        """What was taken last is not needed any more."""
        self._tell(_RELEASED)

    def leave(self) -> None:
        """Make nothing more."""
        self._tell(_LEFT)

    def _tell(self, what: int) -> None:
        message = bytes([what, self._at])
        for at, (_, inbox) in enumerate(self._relay.inboxes):
            if at != self._at:
                inbox.send_bytes(message)
        self._hear(message)

    def _wait(self, done: Callable[[], bool]) -> None:
        inbox = self._relay.inboxes[self._at][0]
        while not done():
            if inbox.poll(_LOOK_EVERY_S):
                self._hear(inbox.recv_bytes())
            elif self._left:
                raise CaptureFileError(f"{self._relay.name}: changed while it was read")
            elif os.getppid() != self._relay.parent:
                raise SystemExit

    def _hear(self, message: bytes) -> None:
        what, who = message
        if what == _MADE:
            self._made += 1
        elif what == _RELEASED:
            self._released[who] += 1
        else:
            self._left = True
            self._released[who] = 2**62


def _write(slot: memoryview, thing: object) -> bool:
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(thing, _PICKLE, buffer_callback=buffers.append)
    pieces = [memoryview(data), *(buffer.raw() for buffer in buffers)]
    room = sum(_aligned(len(piece)) + _SIZE.size for piece in pieces) + _ALIGNED
    _SIZE.pack_into(slot, 0, 0)
    if room > len(slot):
        return False
    _SIZE.pack_into(slot, 0, len(pieces))
    at = _aligned(_SIZE.size * (len(pieces) + 1))
    for number, piece in enumerate(pieces, 1):
        _SIZE.pack_into(slot, _SIZE.size * number, len(piece))
        slot[at : at + len(piece)] = piece
        at += _aligned(len(piece))
    return True


def _read(slot: memoryview) -> Any:  # noqa: ANN401
    (count,) = _SIZE.unpack_from(slot)
    if not count:
        return None
    at = _aligned(_SIZE.size * (count + 1))
    pieces = []
    for number in range(1, count + 1):
        (size,) = _SIZE.unpack_from(slot, _SIZE.size * number)
        pieces.append(slot[at : at + size])
        at += _aligned(size)
    return pickle.loads(pieces[0], buffers=pieces[1:])  # noqa: S301 - from our own processes


def _aligned(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED
