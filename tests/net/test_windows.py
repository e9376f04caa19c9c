"""What only Windows' sockets and clocks do; under Wine too, where nothing else is said."""

import socket
import time

import pytest

from tests.net.peer import LOOPBACK
from tests.net.runs import listening
from tests.system import WINDOWS
from tlsclose.cli.checks import run_checks
from tlsclose.net import clock
from tlsclose.wire import pcap_socket
from tlsclose.wire.sniff import can_sniff

pytestmark = pytest.mark.skipif(not WINDOWS, reason="Windows only")


def test_nobody_else_gets_a_listeners_port():
    with listening(count=None) as run, socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match=r"10013|10048"):
            thief.bind((LOOPBACK, run.port))
        run.stop.set()


def test_time_of_day_is_that_of_the_system():
    before = time.time_ns()
    assert abs(clock._time_of_day_ns() - before) < 10**9


def test_time_of_day_does_not_stand_still():
    readings = {clock._time_of_day_ns() for _ in range(100)}
    assert len(readings) > 1


def test_without_npcap_the_reason_is_npcap(monkeypatch):
    monkeypatch.setattr(pcap_socket, "npcap", lambda: None)
    assert can_sniff() == can_sniff("Ethernet") == pcap_socket.NO_NPCAP


@pytest.mark.windows
def test_doctor_knows_npcap():
    found = {check.name: check for check in run_checks()}
    assert found["provider schannel"].state == "ok"
    if pcap_socket.npcap() is None:
        assert found["capture"].detail == pcap_socket.NO_NPCAP
        assert found["libpcap"].advice == "install Npcap"
