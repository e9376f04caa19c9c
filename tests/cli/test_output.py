import errno
import io
import json
import sys

import pytest

from tests.cli.stub import judged, unseen
from tlsclose.core.verdict import Code
from tlsclose.errors import UsageError

BOTH = [judged(host="one"), judged(Code.PREMATURE_CLOSE, host="two")]


def hosts(document):
    return [report["target"]["host"] for report in document["reports"]]


@pytest.mark.parametrize("command", [("probe", "x"), ("listen",), ("demo",)])
def test_json_is_one_document_in_order(run, api, command):
    api.reports = BOTH
    document = json.loads(run(*command, "--format", "json").out)
    assert document["schema_version"] == 1
    assert document["tool"]["name"] == "tlsclose"
    assert hosts(document) == ["one", "two"]


def test_json_without_reports(run, api):
    api.reports = []
    assert json.loads(run("listen", "--format", "json").out)["reports"] == []


def test_json_equals_the_library_document(run, api):
    from tlsclose.report.json import document

    api.reports = BOTH
    assert json.loads(run("probe", "x", "--format", "json").out) == document(BOTH)


def test_jsonl_streams_in_the_order_of_ending(run, api):
    api.reports = BOTH
    lines = run("probe", "x", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["target"]["host"] for line in lines] == ["two", "one"]


def test_jsonl_is_flushed_line_by_line(run, api, capsys):
    seen = []

    def hand_over(on_report, stop, *, reverse=False):
        for item in BOTH:
            on_report(item)
            seen.append(capsys.readouterr().out.count("\n"))
        return tuple(BOTH)

    api._hand_over = hand_over
    run("listen", "--format", "jsonl")
    assert seen == [1, 1]


def test_text_is_ordered_and_ends_with_a_table(run, api):
    api.reports = BOTH
    out = run("probe", "x", "--color", "never").out
    assert out.index("CLEAN") < out.index("PREMATURE CLOSE")
    assert out.rstrip().splitlines()[-1] != out.rstrip().splitlines()[0]
    assert out.count("two") >= 2


def test_quiet_is_one_line_a_report(run, api):
    ended = run("probe", "x", "-q")
    assert ended.out.count("\n") == 1
    assert "CLEAN" in ended.out
    assert ended.err == ""


def test_quiet_is_the_table_alone_where_there_are_several(run, api):
    api.reports = BOTH
    lines = run("probe", "x", "y", "-q").out.splitlines()
    assert [line.split()[0] for line in lines] == ["target", "one:443", "two:443", "2"]


def test_demo_draws_the_first_timeline_and_hints(run, api):
    api.reports = BOTH
    ended = run("demo")
    assert "CLEAN" in ended.out
    assert "PREMATURE CLOSE" not in ended.out
    assert "tlsclose probe" in ended.err
    assert run("demo", "-q").err == ""


def test_listen_announces_and_counts_on_standard_error(run, api):
    api.reports = [*BOTH, unseen()]
    ended = run("listen", "--host", "::1", "--format", "jsonl")
    first, last = ended.err.splitlines()
    assert first.startswith("listening on [::1]:4433 ")
    assert last == "3 clients: 1 clean, 1 premature-close, 1 unobserved"


def test_quiet_listen_still_says_the_port(run, api):
    assert run("listen", "-q").err.startswith("listening on 127.0.0.1:4433 ")


def test_files_in_every_format(run, api, tmp_path):
    api.reports = BOTH
    outputs = [f"--output={kind}={tmp_path}/{kind}" for kind in ("text", "json", "jsonl")]
    ended = run("probe", "x", *outputs, "--color", "always")
    assert ended.code == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["json", "jsonl", "text"]
    assert hosts(json.loads((tmp_path / "json").read_text())) == ["one", "two"]
    assert (tmp_path / "jsonl").read_text().count("\n") == 2
    assert "\x1b" not in (tmp_path / "text").read_text()
    assert "\x1b[" in ended.out


class Broken(io.StringIO):
    """A standard output whose every write fails."""

    def __init__(self, error):
        super().__init__()
        self._error = error

    def write(self, _):
        raise self._error

    def flush(self):
        raise self._error


@pytest.mark.parametrize("format_", ["text", "json", "jsonl"])
@pytest.mark.parametrize("command", [("probe", "x"), ("listen",), ("demo",)])
def test_lost_reader_does_not_change_the_verdict(run, api, monkeypatch, tmp_path, command, format_):
    api.reports = BOTH
    monkeypatch.setattr(sys, "stdout", Broken(BrokenPipeError()))
    output = f"--output=jsonl={tmp_path}/a"
    assert run(*command, "--format", format_, output).code == 1
    assert (tmp_path / "a").read_text().count("\n") == 2


def test_lost_reader_stops_a_listener_without_files(run, api, monkeypatch):
    stops = []
    api.during = stops.append
    monkeypatch.setattr(sys, "stdout", Broken(BrokenPipeError()))
    assert run("listen").code == 0
    assert stops[0].is_set()


@pytest.mark.parametrize("format_", ["text", "json", "jsonl"])
def test_full_standard_output(run, api, monkeypatch, format_):
    monkeypatch.setattr(sys, "stdout", Broken(OSError(errno.ENOSPC, "No space left on device")))
    ended = run("probe", "x", "--format", format_)
    assert ended.code == 2
    assert ended.err == "tlsclose: cannot write to standard output: No space left on device\n"


def test_file_that_fails_at_the_end(run, api, tmp_path, monkeypatch):
    def fail(self):
        raise UsageError("--output: cannot write: disk full")

    monkeypatch.setattr("tlsclose.cli.files.AtomicFile.commit", fail)
    ended = run("probe", "x", f"--output=json={tmp_path}/a")
    assert ended.code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "drawn"),
    [
        (("x", "y"), True),
        (("x", "--repeat", "2"), True),
        (("x",), False),
        (("x", "y", "-q"), False),
        (("x", "y", "--format", "jsonl"), False),
    ],
)
def test_progress_on_a_terminal(run, api, monkeypatch, words, drawn):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert ("probing" in run("probe", *words).err) == drawn


def test_no_progress_without_a_terminal(run, api):
    api.reports = BOTH
    assert run("probe", "x", "y").err == ""


def test_schema_is_printed_whole(run):
    from tlsclose.report.schema import text

    assert json.loads(run("schema").out) == json.loads(text())
