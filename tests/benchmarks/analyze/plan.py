"""What every connection of the made capture does: the same list for the same options.

A close is two little scripts, one for each side, run once the last answer is out (server) or read
(client). The steps:

    notify   send close_notify          shut    FIN, and go on reading
    await    read to close_notify       close   FIN, and read no more
    drain    read to the end of TCP     reset   RST
    corrupt  send a record whose tag is wrong
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

OVERHEAD: Final = 1.06
"""Bytes captured for one byte of an answer, handshakes apart."""
HANDSHAKE_BYTES: Final = 5_500
SEED: Final = 9846


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """How a connection ends."""

    weight: int
    client: tuple[str, ...] = ("drain", "close")
    server: tuple[str, ...] = ("drain", "close")
    sent: float = 1.0
    """Share of the last answer that the server sends."""
    read: float = 1.0
    """Share of the last answer that the client reads."""
    notified_request: bool = False
    """The client's close_notify goes out with its last request."""


CLOSES: Final = {
    "server-first": Close(
        weight=260,
        server=("notify", "shut", "drain", "close"),
        client=("await", "notify", "close"),
    ),
    "client-first": Close(
        weight=220, client=("notify", "drain", "close"), server=("await", "notify", "close")
    ),
    "server-leaves": Close(
        weight=70, server=("notify", "close"), client=("await", "notify", "close")
    ),
    "server-only": Close(weight=80, server=("notify", "close"), client=("await", "close")),
    "client-only": Close(weight=60, client=("notify", "close"), server=("await", "close")),
    "server-bare": Close(weight=60, server=("close",)),
    "server-bare-answered": Close(
        weight=30, server=("shut", "drain", "close"), client=("drain", "notify", "close")
    ),
    "client-bare": Close(weight=50, client=("close",)),
    "server-cut": Close(weight=15, server=("close",), sent=0.5),
    "server-cut-notified": Close(weight=10, server=("notify", "close"), sent=0.5),
    "server-reset-midway": Close(weight=15, server=("reset",), sent=0.5),
    "client-reset-midway": Close(weight=15, client=("reset",), read=0.5),
    "client-reset": Close(weight=20, client=("reset",)),
    "server-notify-reset": Close(weight=15, server=("notify", "reset")),
    "both-notify-reset": Close(
        weight=15, server=("notify", "await", "reset"), client=("await", "notify", "drain", "close")
    ),
    "half-close": Close(
        weight=35, notified_request=True, server=("notify", "shut", "drain", "close")
    ),
    "fatal-alert": Close(weight=10, client=("corrupt", "drain", "close"), server=("drain",)),
}
FAILURES: Final = {"hello-fin": 5, "hello-reset": 5, "old-version": 5, "distrust": 5}
"""Connections whose handshake does not finish, and their weights."""

SUITES: Final = (
    ("1.3", None),
    ("1.3", None),
    ("1.3", None),
    ("1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("1.2", "ECDHE-ECDSA-AES128-SHA256"),
)
SIZES: Final = ((40, 200, 4_000), (35, 4_000, 64_000), (22, 64_000, 512_000), (3, 10**6, 8 * 10**6))
"""Weight, least and most bytes of what a connection carries, before it is scaled."""
CONTENTS: Final = ("random", "random", "text")
FRAMINGS: Final = ("length", "length", "chunked", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One connection."""

    close: str
    """A key of `CLOSES` or of `FAILURES`."""
    version: str
    suite: str | None
    answers: tuple[int, ...]
    """Bytes of each answer's body; one request each."""
    content: str
    framing: str
    resume: bool
    ipv6: bool

    def path(self, number: int) -> str:
        """What the request for one answer asks for."""
        last = number == len(self.answers) - 1
        framing = self.framing if last or self.framing != "close" else "length"
        close = self.close if last else "-"
        return f"/{self.content}/{self.answers[number]}/{framing}/{close}"


def planned(connections: int, total_bytes: int) -> list[Planned]:
    """All connections, whose packets will be about `total_bytes`."""
    chance = random.Random(SEED)
    weights = {name: close.weight for name, close in CLOSES.items()} | FAILURES
    closes = chance.choices(list(weights), list(weights.values()), k=connections)
    bands = chance.choices(SIZES, [size[0] for size in SIZES], k=connections)
    sizes = [chance.uniform(least, most) for _, least, most in bands]
    carried = max(0.0, total_bytes - connections * HANDSHAKE_BYTES) / OVERHEAD
    scale = carried / sum(sizes) if sizes else 0.0
    return [
        _one(chance, close, int(size * scale)) for close, size in zip(closes, sizes, strict=True)
    ]


def _one(chance: random.Random, close: str, size: int) -> Planned:
    version, suite = chance.choice(SUITES)
    return Planned(
        close=close,
        version=version,
        suite=suite,
        answers=tuple(_split(size, chance.choice((1, 1, 1, 2, 3)))),
        content=chance.choice(CONTENTS),
        framing=chance.choice(FRAMINGS),
        resume=chance.random() < 0.15,
        ipv6=chance.random() < 0.1,
    )


def _split(size: int, parts: int) -> Iterator[int]:
    for left in range(parts, 0, -1):
        share = size // left
        yield share
        size -= share
