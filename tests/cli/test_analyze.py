import errno
import io
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from tests.cli.stub import broken, observed
from tlsclose.cli import bar
from tlsclose.core.report import Summary
from tlsclose.core.verdict import Code, Confidence
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.report import schema

BOTH = [observed(), observed(Code.PREMATURE_CLOSE, stream=1)]
KEY = f"CLIENT_RANDOM {'ab' * 32} {'cd' * 48}\n"


@pytest.fixture
def api(api):
    api.reports = [observed()]
    return api


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "a.pcap"
    path.write_bytes(b"x")
    return path


CHOICES = (
    ((), AnalyzeSettings()),
    (("--stream", "0"), AnalyzeSettings(stream=0)),
    (("--connection", "192.0.2.7:443"), AnalyzeSettings(end=("192.0.2.7", 443))),
    (("--connection", "[2001:DB8::0:1]:1"), AnalyzeSettings(end=("2001:db8::1", 1))),
    (("--host", "example.org"), AnalyzeSettings(host="example.org")),
    (("--port", "443"), AnalyzeSettings(port=443)),
    (
        ("--verdict", "reset", "--verdict", "data-lost"),
        AnalyzeSettings(verdicts=frozenset({Code.RESET, Code.DATA_LOST})),
    ),
)


@pytest.mark.parametrize(("words", "settings"), CHOICES)
def test_settings(run, api, capture, words, settings):
    assert run("analyze", capture, *words).code == 0
    assert api.calls[0].paths == (capture,)
    assert replace(api.calls[0].settings, outline=False, processes=1) == settings


def test_key_logs(run, api, capture, tmp_path, monkeypatch):
    paths = tuple(tmp_path / name for name in ("one", "two", "env"))
    for path in paths:
        path.write_text(KEY)
    monkeypatch.setenv("SSLKEYLOGFILE", str(paths[2]))
    run("analyze", capture, "--keylog", paths[0], "--keylog", paths[1])
    run("analyze", capture)
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "not yet"))
    run("analyze", capture)
    keylogs = [call.settings.keylogs for call in api.calls]
    assert keylogs == [paths[:2], paths[2:], ()]


def test_standard_input(run, api, monkeypatch):
    assert run("analyze", "-").code == 0
    assert api.calls[0].paths == (Path("-"),)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    ended = run("analyze", "-")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "standard input is no capture" in ended.err


def test_a_line_for_each_connection_and_the_totals(run, api, capture):
    api.reports = BOTH
    ended = run("analyze", capture, "--color", "never")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines] == ["#", "0", "1", "2", "20"]
    assert lines[-2:] == [" 2 TLS connections: 1 clean, 1 premature-close", " 20 packets, 5.0 kB"]
    assert max(map(len, lines)) <= 80
    assert ended.err == "one in full: tlsclose analyze a.pcap --stream 1\n"


@pytest.mark.parametrize(("path", "told"), [("a b.pcap", "'a b.pcap'"), ("-", None)])
def test_the_hint_can_be_copied(run, api, capture, path, told):
    api.reports = [observed(Code.RESET, stream=7, path=path)]
    hint = f"one in full: tlsclose analyze {told} --stream 7\n" if told else ""
    assert run("analyze", capture).err == hint


def test_lines_come_as_connections_close(run, api, capture, capsys):
    seen = []

    def hand_over(on_report, _stop):
        for item in BOTH:
            on_report(item)
            seen.append(capsys.readouterr().out.count("\n"))

    api.reports = BOTH
    api._hand_over = hand_over
    run("analyze", capture)
    assert seen == [2, 1]


def test_verbose_says_why(run, api, capture):
    assert "        What happened.\n" in run("analyze", capture, "-v").out


def test_quiet_says_nothing_beside(run, api, capture):
    api.reports = BOTH
    api.warnings = ("keys:1: not a key log line, ignored",)
    ended = run("analyze", capture, "-q")
    assert ended.err == ""
    assert "premature-close" in ended.out
    assert run("analyze", capture).err.startswith("tlsclose: keys:1: not a key log line")


@pytest.mark.parametrize("words", [("--stream", "0"), ("--connection", "192.0.2.7:443")])
def test_one_connection_is_drawn(run, api, capture, words):
    ended = run("analyze", capture, *words)
    assert "\n CLEAN   What happened.\n" in ended.out
    assert "stream 0 from a.pcap" in ended.out
    assert "TLS connection" not in ended.out
    assert ended.err == ""


def test_several_captures_are_named(run, api, capture, tmp_path):
    (tmp_path / "b.pcap").write_bytes(b"x")
    api.reports = [observed(), observed(path="b.pcap"), observed(stream=1, path="b.pcap")]
    out = run("analyze", capture, tmp_path / "b.pcap").out
    starts = [line.split()[0] for line in out.splitlines()]
    assert starts == ["#", "a.pcap", "0", "b.pcap", "0", "1", "3", "20"]


def test_inferred_verdicts_are_marked(run, api, capture):
    api.reports = [observed(confidence=Confidence.INFERRED)]
    out = run("analyze", capture).out
    assert " clean? " in out
    assert out.endswith("? inferred, without keys\n")


def test_json_with_summary(run, api, capture):
    api.reports = [*BOTH, broken()]
    ended = run("analyze", capture, "--format", "json")
    document = json.loads(ended.out)
    jsonschema.validate(document, json.loads(schema.text()))
    assert document["summary"]["by_code"] == {"clean": 1, "premature-close": 1}
    assert [report["role"] for report in document["reports"]] == ["observer"] * 3
    assert document["reports"][2]["unobserved"]["stage"] == "capture"
    assert all(document["reports"][0][name] is None for name in ("target", "provider"))
    assert document["reports"][0]["steps"] == []


def test_json_without_connections(run, api, capture):
    api.reports = []
    document = json.loads(run("analyze", capture, "--format", "json").out)
    assert (document["reports"], document["summary"]["connections"]) == ([], 0)


def test_jsonl_is_one_report_a_line(run, api, capture):
    api.reports = BOTH
    lines = run("analyze", capture, "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["connection"]["stream"] for line in lines] == [0, 1]


def test_files_in_every_format(run, api, capture, tmp_path):
    api.reports = BOTH
    outputs = [f"--output={kind}={tmp_path}/{kind}" for kind in ("text", "json", "jsonl")]
    ended = run("analyze", capture, *outputs, "--color", "always")
    assert "\x1b[" in ended.out
    assert "\x1b" not in (tmp_path / "text").read_text()
    assert "premature-close" in (tmp_path / "text").read_text()
    assert json.loads((tmp_path / "json").read_text())["summary"]["connections"] == 2
    assert (tmp_path / "jsonl").read_text().count("\n") == 2


ENDINGS = (
    ([observed()], (), 0),
    ([observed(Code.INCOMPLETE_CLOSE)], (), 1),
    ([observed(Code.INCOMPLETE_CLOSE)], ("--fail-on", "error"), 0),
    ([observed(Code.UNDETERMINED)], (), 0),
    ([observed(Code.UNDETERMINED)], ("--fail-on", "note"), 1),
    ([broken()], (), 3),
    ([observed(), broken()], (), 3),
    ([observed(Code.RESET), broken()], (), 1),
)


@pytest.mark.parametrize(("reports", "words", "code"), ENDINGS)
@pytest.mark.parametrize("format_", ["text", "json", "jsonl"])
def test_exit_code(run, api, capture, format_, reports, words, code):
    api.reports = reports
    assert run("analyze", capture, "--format", format_, *words).code == code


def test_a_broken_capture_is_told_in_one_line(run, api, capture):
    api.reports = [observed(), broken()]
    ended = run("analyze", capture)
    assert ended.err == "tlsclose: a.pcap: byte 24: breaks off\n"
    assert "unobserved at capture: a.pcap: byte 24: breaks off" in ended.out


NOTHING = (
    (Summary(packets=1), 3, "no TLS connection in 1 packet"),
    (Summary(elsewhere=2), 3, "2 TLS connections, and none that was asked for"),
    (Summary(other_verdicts=2), 0, ""),
)


@pytest.mark.parametrize(("summary", "code", "says"), NOTHING)
def test_nothing_to_judge_is_not_clean(run, api, capture, summary, code, says):
    api.reports = []
    api.summary = summary
    ended = run("analyze", capture, "-q")
    assert ended.code == code
    assert ended.err == (f"tlsclose: {says}\n" if says else "")


def test_interruption_keeps_what_was_judged(run, api, capture, tmp_path):
    def during(stop):
        signal.raise_signal(signal.SIGINT)
        assert stop.wait(5)

    api.during = during
    api.reports = [observed(Code.RESET)]
    ended = run("analyze", capture, f"--output=json={tmp_path}/a")
    assert ended.code == 130
    assert " reset " in ended.out
    assert json.loads((tmp_path / "a").read_text())["summary"]["connections"] == 1


class Gone(io.StringIO):
    def write(self, _):
        raise BrokenPipeError(errno.EPIPE, "gone")


def test_lost_reader_ends_the_run(run, api, capture, monkeypatch):
    stops = []
    api.during = stops.append
    monkeypatch.setattr(sys, "stdout", Gone())
    run("analyze", capture)
    assert stops[0].is_set()


@pytest.mark.parametrize(("words", "drawn"), [((), True), (("-q",), False)])
def test_progress_of_a_long_file(run, api, capture, monkeypatch, words, drawn):
    monkeypatch.setattr(bar, "LONG", 1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    err = run("analyze", capture, *words).err
    assert ("reading [" in err) is drawn
    if drawn:
        assert err.endswith("\r")


@pytest.mark.parametrize(("long", "terminal"), [(2, True), (1, False)])
def test_no_progress_otherwise(run, api, capture, monkeypatch, long, terminal):
    monkeypatch.setattr(bar, "LONG", long)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert run("analyze", capture).err == ""
