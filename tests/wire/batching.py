"""Batches of packets, made in memory; where they end is up to the test."""

from itertools import pairwise

import numpy as np

from tests.wire.captures import ETHERNET, ethernet
from tlsclose.wire.batch import Batch


def frames(packets):
    """As (at_ns, link type, data, original length)."""
    return [
        (packet.at_ns, ETHERNET, data := ethernet(segment), len(data) + segment.truncated)
        for packet in packets
        for segment in (packet.segment,)
    ]


def batches(frames, cuts=()):
    """Batches of consecutive frames, which end before the frames of these numbers."""
    limits = sorted({0, len(frames), *(cut for cut in cuts if cut < len(frames))})
    for first, behind in pairwise(limits):
        at_ns, link, data, original = zip(*frames[first:behind], strict=True)
        captured = np.array([len(item) for item in data], np.int64)
        yield Batch(
            buffer=bytearray(b"".join(data)),
            start=np.cumsum(captured) - captured,
            captured=captured,
            original=np.array(original, np.int64),
            at_ns=np.array(at_ns, np.int64),
            link=np.array(link, np.int64),
            first=first + 1,
        )
