"""Whether two tools read the same from a capture, connection by connection."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Sign(StrEnum):
    """What both tools can name."""

    CLOSE_NOTIFY = "close_notify"
    ALERT = "alert"
    FIN = "fin"
    RST = "rst"


ONCE: Final = frozenset({Sign.FIN, Sign.RST})
"""tlsclose reports with which packet a side ended; that the packet was sent again ends nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One sign in one packet."""

    stream: int
    sender: str
    """`address:port`, brackets around an IPv6 address."""
    sign: Sign
    packet: int
    """From 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that one tool read from one capture."""

    seen: tuple[Seen, ...] = ()
    versions: Mapping[int, str] = field(default_factory=dict)
    """TLS version (`1.3`) by stream, where a ServerHello told it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How two readings compare."""

    agreed: Mapping[str, int]
    """Signs in the same packet of the same stream from the same sender; streams of one version."""
    repeated: Mapping[str, int]
    """FIN and RST that their sender had sent before, in the other tool's reading."""
    differences: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{count:>8,}  {name}: both say the same" for name, count in self.agreed.items()]
        lines += [
            f"{count:>8,}  {name} sent again by the same side: tshark counts packets, "
            "tlsclose ends a side once"
            for name, count in self.repeated.items()
        ]
        lines.append(f"{len(self.differences):>8,}  unexplained differences")
        return "\n".join([*lines, *self.differences])


def compare(ours: Reading, theirs: Reading) -> Agreement:
    """Compare tlsclose's reading with tshark's. A stream that tlsclose left out is one that
    carried no TLS; theirs must then have no alert in it either."""
    agreed: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    differences: list[str] = []
    left, right = _grouped(ours.seen), _grouped(theirs.seen)
    reported = {seen.stream for seen in ours.seen} | set(ours.versions)
    for key in sorted(left.keys() | right.keys()):
        stream, sender, sign = key
        if stream not in reported and sign in ONCE:
            agreed[f"{sign} of streams without TLS, left out"] += len(right[key])
            continue
        mine, other = sorted(left[key]), sorted(right[key])
        if sign in ONCE and len(other) > len(mine) > 0:
            repeated[sign] += len(other) - len(mine)
            other = other[: len(mine)]
        agreed[sign] += (Counter(mine) & Counter(other)).total()
        if mine != other:
            where = f"stream {stream}, {sign} from {sender}"
            differences.append(f"{where}: packets {mine} in ours, {other} in theirs")
    differences += _versions(ours.versions, theirs.versions, agreed)
    return Agreement(agreed=agreed, repeated=repeated, differences=tuple(differences))


def _grouped(seen: Iterable[Seen]) -> dict[tuple[int, str, Sign], list[int]]:
    groups: defaultdict[tuple[int, str, Sign], list[int]] = defaultdict(list)
    for one in seen:
        groups[one.stream, one.sender, one.sign].append(one.packet)
    return groups


def _versions(
    ours: Mapping[int, str], theirs: Mapping[int, str], agreed: Counter[str]
) -> Iterator[str]:
    for stream in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(stream), theirs.get(stream)
        if mine == other:
            agreed["version of a stream"] += 1
        else:
            yield f"stream {stream}: TLS {mine} in ours, {other} in theirs"
