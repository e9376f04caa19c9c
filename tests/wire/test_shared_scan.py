"""A capture whose windows several readers scan in turn: each is told what one alone is."""

import pytest

from tests.wire.captures import AT, pcap
from tests.wire.test_relay import side_by_side
from tests.wire.test_windows import PCAP, PCAPNG, read
from tlsclose.net.crew import can_fork
from tlsclose.wire.relay import Member, Relay
from tlsclose.wire.windows import SharedFile, mapped

pytestmark = pytest.mark.skipif(not can_fork(), reason="processes cannot be forked")

TINY = pcap([(AT + at, b"", 0) for at in range(300)], nanoseconds=True)


def together(path, members, *, slot_bytes, **options):
    """What so many threads are told."""
    file = mapped(path, path.stat().st_size)
    relay = Relay(members, str(path), slot_bytes=slot_bytes)
    found = [None] * members

    def run(at):
        member = Member(relay, at)
        found[at] = read(path, shared=SharedFile(file, member), **options)
        member.leave()

    side_by_side(members, run)
    return found


@pytest.mark.parametrize("members", [2, 4])
@pytest.mark.parametrize("slot_bytes", [100, 4000, 2**20], ids=["none fit", "some", "all"])
@pytest.mark.parametrize("buffer_bytes", [40, 200, 2**20])
@pytest.mark.parametrize("data", [PCAP, PCAPNG, TINY], ids=["pcap", "pcapng", "tiny"])
def test_the_same(tmp_path, data, buffer_bytes, slot_bytes, members):
    path = tmp_path / "a"
    path.write_bytes(data)
    alone = read(path, buffer_bytes=buffer_bytes)
    found = together(path, members, slot_bytes=slot_bytes, buffer_bytes=buffer_bytes)
    assert found == [alone] * members


@pytest.mark.parametrize("data", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize("cut", [1, 17, 500, 900])
def test_damage(tmp_path, data, cut):
    path = tmp_path / "a"
    for damaged in (data[:-cut], data[:-cut] + b"\xff" * cut):
        path.write_bytes(damaged)
        assert together(path, 2, slot_bytes=2**20) == [read(path)] * 2
