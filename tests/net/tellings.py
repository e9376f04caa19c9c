"""What is told of a capture's connections, in each way in which they can be followed."""

from typing import NamedTuple

from tests.wire.batching import batches
from tlsclose.core.classify import judge
from tlsclose.core.precedent import Precedents, outline
from tlsclose.net.following import observed
from tlsclose.net.line import Line, line_of
from tlsclose.net.observed import spoke_tls
from tlsclose.wire.capture_follower import CaptureFollower
from tlsclose.wire.outline import Outline

ENDLESS_NS = 2**62


class Told(NamedTuple):
    """What comes out of one connection."""

    first_packet: int
    bytes: int
    spoke_tls: bool
    line: Line


class Telling(NamedTuple):
    """What comes out of a capture, by first packet; and how many of its connections in brief."""

    told: list[Told]
    late: int
    outlines: int


class NoPrecedents(Precedents):
    """Judges every connection anew, by its own events."""

    def ruling(self, events, version):
        judgement = judge(events, version=version)
        return outline(judgement.verdict, judgement.findings)


def telling(frames, keys, *, cuts=(), brief=False, fast=True, linger_ns=ENDLESS_NS, **options):
    """Follow a capture's connections to their lines."""
    found, outlines = [], 0
    options = {"brief": brief, "fast": fast, "linger_ns": linger_ns, **options}
    follower = CaptureFollower(keys, found.append, **options)
    for batch in batches(frames, cuts):
        follower.take(batch)
    follower.finish()
    precedents = Precedents() if fast else NoPrecedents()
    told = []
    for item in found:
        outlines += isinstance(item.followed, Outline)
        line = line_of(observed(item, 0), precedents)
        told.append(Told(item.first_packet, item.bytes, spoke_tls(item.followed), line))
    return Telling(sorted(told, key=lambda one: one.first_packet), follower.late, outlines)


def differences(one, other):
    """Where two tellings differ, in words that can be read: nothing where they do not."""
    if [item.first_packet for item in one.told] != [item.first_packet for item in other.told]:
        return [("connections", one.told, other.told)]
    found = [("late", one.late, other.late)] if one.late != other.late else []
    for mine, others in zip(one.told, other.told, strict=True):
        if mine != others:
            pairs = zip((*mine[:-1], *mine.line), (*others[:-1], *others.line), strict=True)
            found.append((mine.line.client, *((a, b) for a, b in pairs if a != b)))
    return found


def agreed(frames, keys, **options):
    """Tell in each way, which must come to the same; return what was told in brief."""
    slow = telling(frames, keys, fast=False, **options)
    brief = telling(frames, keys, brief=True, **options)
    assert differences(brief, slow) == []
    assert differences(telling(frames, keys, **options), slow) == []
    return brief
