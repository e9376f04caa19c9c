import json
import socket
import threading
from pathlib import Path

import pytest

from tests.net.peer import (
    LOOPBACK,
    client_context,
    connected,
    pem_file,
    server_context,
    serving,
)
from tests.net.runs import capture, judged, listening
from tlsclose import api
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import Role, Stage
from tlsclose.core.verdict import Code
from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.net import listener as listener_module
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.net.settings import (
    CaptureMode,
    CaptureSettings,
    ListenSettings,
    ProbeSettings,
)
from tlsclose.net.target import Target
from tlsclose.providers.base import TlsSettings
from tlsclose.wire import sniff

PATIENT_S = 20.0


@pytest.fixture(autouse=True)
def same_provider_everywhere(monkeypatch):
    monkeypatch.setattr("tlsclose.providers.registry.DEFAULT", "openssl")


def settings(**changes):
    return ProbeSettings(**{"timeout_s": 5.0, "capture": capture("tap"), **changes})


def targets(*ports):
    return [Target(host=LOOPBACK, port=port) for port in ports]


@pytest.fixture
def closed_port():
    with socket.create_server((LOOPBACK, 0)) as server:
        return server.getsockname()[1]


def silent(peer):
    peer.drain()


def test_reports_in_the_order_of_targets_scenarios_and_repeats(closed_port):
    heard = []
    names = ("initiate", "await")
    with listening("initiate", count=8, timeout_s=5.0) as run:
        where = targets(run.port, closed_port, run.port)
        reports = api.probe(where, settings(scenarios=names, repeat=2), on_report=heard.append)
    asked = [report.target.port for report in reports]
    assert asked == [port for port in (run.port, closed_port, run.port) for _ in range(4)]
    assert [report.scenario for report in reports] == ["initiate", "initiate", "await", "await"] * 3
    assert [bool(report.verdict) for report in reports] == [True] * 4 + [False] * 4 + [True] * 4
    streams = [report.connection.stream for report in reports if report.connection]
    assert streams == [0, 1, 2, 3, 8, 9, 10, 11]
    assert sorted(map(id, heard)) == sorted(map(id, reports))


def test_on_report_is_called_on_the_callers_thread(closed_port):
    heard = set()
    api.probe(
        targets(*[closed_port] * 5),
        settings(),
        on_report=lambda _: heard.add(threading.current_thread()),
    )
    assert heard == {threading.current_thread()}


def test_a_silent_target_holds_up_nobody_else(closed_port):
    heard, stop = [], threading.Event()

    def on_report(report):
        heard.append(report)
        if len(heard) == 3:
            stop.set()

    with serving(silent) as port:
        where = targets(port, closed_port, closed_port, closed_port)
        reports = api.probe(where, settings(timeout_s=PATIENT_S), on_report=on_report, stop=stop)
    assert len(reports) == 3
    assert {report.target.port for report in reports} == {closed_port}


def test_stop_gives_up_what_is_under_way(tmp_path):
    stop = threading.Event()

    def script(peer):
        peer.handshake()
        stop.set()
        peer.drain()

    with serving(script, server_context(pem_file(tmp_path))) as port:
        reports = api.probe(
            targets(port), settings(timeout_s=PATIENT_S), on_report=lambda _: None, stop=stop
        )
    assert reports == ()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("probe-")]


def test_stop_before_the_start(closed_port):
    stop = threading.Event()
    stop.set()
    assert api.probe(targets(closed_port), settings(), on_report=lambda _: None, stop=stop) == ()


def test_no_targets():
    assert api.probe([], settings(), on_report=lambda _: None) == ()


class RefusalError(Exception):
    pass


def test_what_on_report_raises_ends_the_run_at_once(closed_port):
    def refuse(_):
        raise RefusalError

    with serving(silent) as port, pytest.raises(RefusalError):
        api.probe(targets(port, closed_port), settings(timeout_s=PATIENT_S), on_report=refuse)


def test_a_bug_in_one_probe_is_raised(monkeypatch, closed_port):
    from tlsclose.net import probe as module

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(module, "client_engine", broken)
    with pytest.raises(ZeroDivisionError):
        api.probe(targets(closed_port), settings(), on_report=lambda _: None)


BAD = {
    "scenario": {"scenarios": ("initiate", "nope")},
    "server name": {"sni": "a b"},
    "pcap without packets": {"capture": CaptureSettings(mode=CaptureMode.TAP, pcap=Path("x"))},
    "cipher list": {"tls": TlsSettings(ciphers="NO-SUCH")},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_bad_usage_is_raised_before_anything_is_sent(changes):
    with socket.create_server((LOOPBACK, 0)) as server:
        server.setblocking(False)
        with pytest.raises(UsageError):
            api.probe(
                targets(server.getsockname()[1]), settings(**changes), on_report=lambda _: None
            )
        with pytest.raises(BlockingIOError):
            server.accept()


def test_capture_denied(monkeypatch):
    monkeypatch.setattr(sniff, "can_sniff", lambda _=None: "not permitted")
    with pytest.raises(CaptureDeniedError):
        api.probe(targets(1), settings(capture=capture("sniff")), on_report=lambda _: None)
    with pytest.raises(CaptureDeniedError):
        api.listen(
            ListenSettings(capture=capture("sniff")),
            on_ready=lambda _: None,
            on_report=lambda _: None,
        )


def test_listen_makes_up_an_identity():
    with (
        listening("await", tls=TlsSettings()) as run,
        connected(run.port, client_context()) as peer,
    ):
        peer.handshake()
        peer.close_notify()
        peer.fin()
        peer.drain()
    assert judged(run.report)[0] == "clean"


@pytest.mark.parametrize("version", [TlsVersion.TLS12, TlsVersion.TLS13])
@pytest.mark.parametrize("mode", [pytest.param("sniff", marks=pytest.mark.capture), "tap", "off"])
def test_demo(mode, version):
    heard = []
    reports = api.demo(
        on_report=heard.append, capture=capture(mode), tls=TlsSettings(version=version)
    )
    assert tuple(heard) == reports
    assert [report.role.value for report in reports] == ["client", "server"]
    assert [judged(report) for report in reports] == [("clean", None, "none")] * 2
    assert reports[0].message.bytes == 5263
    assert {report.tls.version for report in reports} == {version}


def test_demo_whose_listener_cannot_start(monkeypatch):
    def refuse(*_):
        raise UsageError("no port")

    monkeypatch.setattr(listener_module.Listener, "_open", refuse)
    with pytest.raises(UsageError, match="no port"):
        api.demo(on_report=lambda _: None, capture=capture("tap"))


def test_demo_whose_probe_fails(monkeypatch):
    from tlsclose.net import probe as module

    monkeypatch.setattr(module, "resolve", lambda *_: "no resolver")
    (report,) = api.demo(on_report=lambda _: None, capture=capture("tap"))
    assert report.unobserved.reason == "no resolver"


PCAPS = Path(__file__).parents[1] / "pcaps"
CAPTURES = sorted(PCAPS.glob("*.pcapng"))
UNKNOWN_TO_THE_WIRE = ("no-answer", "half-close-cut")
"""The wire knows neither how long a peer was waited for, nor how a message was framed."""


def analysed(*paths, **choice):
    heard, warnings = [], []
    summary = api.analyze(
        paths, AnalyzeSettings(**choice), on_report=heard.append, on_warning=warnings.append
    )
    return heard, summary, warnings


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_analyze_comes_to_the_verdict_of_the_run(path):
    (report,), summary, _ = analysed(path)
    (before,) = json.loads(path.with_suffix(".json").read_text())["reports"]
    assert report.role is Role.OBSERVER
    assert report.connection.client == before["connection"]["client"]
    assert summary.packets == before["capture"]["packets"]
    assert summary.by_code == {report.verdict.code: 1}
    if not path.stem.startswith(UNKNOWN_TO_THE_WIRE):
        told = (report.verdict.code, report.verdict.blame, report.verdict.confidence)
        verdict = before["verdict"]
        assert told == (verdict["code"], verdict["blame"], verdict["confidence"])


def test_analyze_several_and_choose():
    heard, summary, _ = analysed(*CAPTURES, verdicts=frozenset({Code.RESET}))
    assert {report.verdict.code for report in heard} == {Code.RESET}
    assert summary.connections == len(heard) < len(CAPTURES)
    assert summary.connections + summary.left_out == len(CAPTURES)


def test_analyze_no_capture(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(b"GET / HTTP/1.1\r\n\r\n" * 100)
    (report, after), summary, _ = analysed(path, CAPTURES[0])
    assert report.unobserved.stage is Stage.CAPTURE
    assert str(path) in report.unobserved.reason
    assert after.verdict is not None
    assert (summary.connections, summary.unreadable) == (1, 1)


def test_analyze_what_breaks_off(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(CAPTURES[0].read_bytes()[:-10])
    *judged_before, report = analysed(path)[0]
    assert len(judged_before) == 1
    assert report.unobserved.stage is Stage.CAPTURE


def test_analyze_with_a_key_log(tmp_path):
    path = tmp_path / "keys"
    path.write_text("noise\n")
    _, _, warnings = analysed(CAPTURES[0], keylogs=(path,))
    assert warnings == [f"{path}:1: not a key log line, ignored"]


def test_analyze_stops_before_the_start():
    stop = threading.Event()
    stop.set()
    summary = api.analyze(CAPTURES, AnalyzeSettings(), on_report=pytest.fail, stop=stop)
    assert summary.packets == 0
