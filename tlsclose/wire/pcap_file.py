"""The classic capture format as columns: all packets of a buffer at once."""

import numpy as np

from tlsclose.wire.batch import Packets, no_packets, words
from tlsclose.wire.pcap_format import SECOND_NS, PcapFormat
from tlsclose.wire.scan import MAX_TIME_NS, Buffer


class PcapFile(PcapFormat[Packets]):
    """Packets into columns."""

    def _packets(self, buffer: Buffer, at: list[int]) -> Packets:
        if not at:
            return no_packets()
        places = np.array(at, np.int64)
        seconds, fraction, captured, original = words(buffer, places, self._order, 4)
        at_ns = np.minimum(seconds * SECOND_NS + fraction * self._unit_ns, MAX_TIME_NS)
        return Packets(
            start=places + self._header_bytes,
            captured=captured,
            original=original,
            at_ns=at_ns,
            link=np.full(len(at), self._link, np.int64),
        )
