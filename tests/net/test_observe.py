import pytest

from tests.wire.test_hub import ACK, CLIENT, FIN, SERVER, SYN, ours, theirs
from tlsclose.core.event import Kind, Side
from tlsclose.net.clock import Clock
from tlsclose.net.observe import NoObservation, Sniffed, SniffObservation, TapObservation
from tlsclose.wire.hub import Hub
from tlsclose.wire.keylog import KeyLog

ALERT = b"\x15\x03\x03\x00\x02\x02\x28"


def kinds(followed):
    return [event.kind for event in followed.events]


def test_nobody_looks():
    nobody = NoObservation()
    nobody.pump()
    assert nobody.finish(set()) is None
    assert nobody.info().source == "off"
    assert not nobody.testifies


def test_tap_follows_what_the_socket_took_and_gave():
    tap = TapObservation(KeyLog(), "no right to sniff")
    tap.tap(5, Side.SERVER, ALERT[:3])
    tap.pump()
    tap.tap(6, Side.SERVER, ALERT[3:])
    followed = tap.finish(set())
    assert kinds(followed) == [Kind.ALERT]
    assert followed.events[0].at_ns == 6
    assert tap.info().note == "no right to sniff"


@pytest.fixture
def sniffed():
    """A hub, an observation on it, and the kernel's drop counter as a list of one number."""
    hub, dropped = Hub(), [3]
    where = Sniffed(hub=hub, interface="lo", dropped=lambda: dropped[0], path="x.pcapng")
    clock = Clock(epoch_ns=0, monotonic_ns=0)
    return hub, SniffObservation(where, KeyLog(), clock), dropped


def test_packets_before_and_after_the_claim(sniffed):
    hub, seen, _ = sniffed
    hub.on_frame(ours(SYN))
    seen.connected(CLIENT, SERVER)
    seen.pump()
    hub.on_frame(theirs(SYN | ACK))
    hub.on_frame(theirs(FIN | ACK, seq=8))
    followed = seen.finish({(SERVER, False)})
    assert kinds(followed) == [Kind.SYN, Kind.SYN, Kind.FIN]
    assert [event.packet for event in followed.events] == [1, 2, 3]
    info = seen.info()
    assert (info.source, info.interface, info.packets, info.path) == ("sniff", "lo", 3, "x.pcapng")


def test_drops_of_the_kernel_while_it_lasted(sniffed):
    _, seen, dropped = sniffed
    seen.connected(CLIENT, SERVER)
    dropped[0] = 10
    assert seen.info().dropped == 7


def test_end_that_never_shows_is_not_waited_for_for_ever(sniffed, monkeypatch):
    from tlsclose.net import observe

    monkeypatch.setattr(observe, "FLUSH_S", 0.0)
    _, seen, _ = sniffed
    seen.connected(CLIENT, SERVER)
    assert kinds(seen.finish({(SERVER, True)})) == []
