import os
import stat

import pytest

from tests.net.runs import LOOPBACK, judged, listening
from tlsclose import api
from tlsclose.errors import CaptureDeniedError, KeyLogError, UsageError
from tlsclose.net import capture as module
from tlsclose.net.capture import CaptureRun
from tlsclose.net.clock import Clock
from tlsclose.net.observe import NoObservation, TapObservation
from tlsclose.net.settings import CaptureMode, CaptureSettings, ProbeSettings
from tlsclose.net.target import Target
from tlsclose.wire import sniff
from tlsclose.wire.keylog import KeyLog

SNIFF, TAP, OFF, AUTO = CaptureMode.SNIFF, CaptureMode.TAP, CaptureMode.OFF, CaptureMode.AUTO
LINE = "CLIENT_RANDOM " + "ab" * 32 + " " + "cd" * 48


@pytest.fixture
def denied(monkeypatch):
    monkeypatch.setattr(sniff, "can_sniff", lambda _=None: "not permitted: run as root")


def observation(run):
    with run.watch(1, LOOPBACK) as watch:
        return watch.observe(KeyLog(), Clock.start())


def test_tap_where_sniffing_is_denied(denied):
    with CaptureRun(CaptureSettings()) as run:
        assert run.summary == "socket tap (not permitted: run as root)"
        seen = observation(run)
    assert isinstance(seen, TapObservation)
    assert seen.info().note == "not permitted: run as root"


def test_sniffing_that_is_demanded_and_denied(denied):
    with pytest.raises(CaptureDeniedError, match="run as root"):
        CaptureRun(CaptureSettings(mode=SNIFF))


def test_tap_by_choice_needs_no_reason():
    with CaptureRun(CaptureSettings(mode=TAP)) as run:
        assert run.summary == "socket tap"
        assert observation(run).info().note == ""


def test_off():
    with CaptureRun(CaptureSettings(mode=OFF)) as run:
        assert run.summary == "capture off"
        assert isinstance(observation(run), NoObservation)


@pytest.mark.parametrize("mode", [TAP, OFF, AUTO])
def test_pcap_without_packets_is_refused_before_anything_is_written(denied, tmp_path, mode):
    keys = tmp_path / "keys"
    with pytest.raises(UsageError, match="--pcap needs sniffed packets"):
        CaptureRun(CaptureSettings(mode=mode, pcap=tmp_path / "x.pcapng", keylog=keys))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.capture
@pytest.mark.parametrize("mode", [SNIFF, AUTO])
def test_interface_that_does_not_exist(mode):
    with pytest.raises(UsageError, match="no interface 'nope0'"):
        CaptureRun(CaptureSettings(mode=mode, interface="nope0"))


@pytest.mark.capture
def test_key_log_that_cannot_be_written_leaves_no_pcap(tmp_path):
    settings = CaptureSettings(mode=SNIFF, pcap=tmp_path / "a.pcapng", keylog=tmp_path / "no" / "k")
    with pytest.raises(KeyLogError):
        CaptureRun(settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.capture
def test_nothing_half_written_after_a_failure(tmp_path):
    path = tmp_path / "a.pcapng"
    with pytest.raises(ZeroDivisionError), CaptureRun(CaptureSettings(mode=SNIFF, pcap=path)):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_keys_go_to_the_follower_and_to_the_file(tmp_path):
    path, keys = tmp_path / "keys", KeyLog()
    with CaptureRun(CaptureSettings(mode=TAP, keylog=path)) as run:
        run.sink(keys)(LINE)
    assert path.read_text() == LINE + "\n"
    assert keys.lines() == (LINE,)


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_key_log_is_for_its_owner_only(tmp_path):
    path = tmp_path / "keys"
    with CaptureRun(CaptureSettings(mode=TAP, keylog=path)):
        pass
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


class Deaf:
    """A sniffer that starts, and whose capture breaks off."""

    def __init__(self, **_):
        pass

    def count_dropped(self):
        return 0

    def start(self):
        pass

    def stop(self):
        raise CaptureDeniedError("the capture broke off")


def test_capture_that_breaks_off_does_not_take_the_report_with_it(monkeypatch):
    monkeypatch.setattr(sniff, "can_sniff", lambda _=None: None)
    monkeypatch.setattr(sniff, "Sniffer", Deaf)
    with CaptureRun(CaptureSettings(mode=SNIFF, interface="lo")) as run:
        observation(run)


@pytest.mark.parametrize(
    ("address", "serving", "interface"),
    [
        ("0.0.0.0", True, "any"),
        ("::", True, "any"),
        ("192.0.2.1", True, "any"),
        ("fe80::1%x", True, "any"),
        ("127.0.0.1", True, "routed"),
        ("192.0.2.1", False, "routed"),
    ],
)
def test_interface(monkeypatch, address, serving, interface):
    from tlsclose.wire import route

    monkeypatch.setattr(route, "interface_for", lambda _: "routed")
    assert module._interface_for(address, serving=serving) == interface


@pytest.mark.capture
def test_several_connections_in_one_file(tmp_path):
    """The numbers in the events are those of the packets in the file."""
    from scapy.utils import RawPcapNgReader

    path = tmp_path / "close.pcapng"
    settings = ProbeSettings(
        scenarios=("initiate", "await"),
        timeout_s=5.0,
        capture=CaptureSettings(mode=SNIFF, pcap=path),
    )
    with listening("initiate", count=4, timeout_s=5.0) as run:
        target = Target(host=LOOPBACK, port=run.port)
        reports = api.probe([target, target], settings, on_report=lambda _: None)
    with RawPcapNgReader(str(path)) as reader:
        packets = [data for data, *_ in reader]
    assert {judged(report) for report in reports} == {("clean", None, "none")}
    late = len(packets) - sum(report.capture.packets for report in reports)
    assert 0 <= late <= len(reports)  # a last ACK may come behind the report
    assert {report.capture.path for report in reports} == {str(path)}
    for report in reports:
        numbered = {event.kind: event.packet for event in report.events if event.packet}
        port = int(report.connection.client.rpartition(":")[2]).to_bytes(2, "big")
        for kind, flag in (("syn", 0x02), ("fin", 0x01)):
            packet = packets[numbered[kind] - 1]
            assert port in (packet[34:36], packet[36:38])
            assert packet[47] & flag
