import errno
import signal

import click
import pytest

from tests.cli.stub import judged, unseen
from tlsclose.core.verdict import Code
from tlsclose.errors import CaptureDeniedError, KeyLogError, UsageError

ENDINGS = (
    ([judged()], (), 0),
    ([judged(Code.RESET_AFTER_CLOSE)], (), 0),
    ([judged(Code.RESET_AFTER_CLOSE)], ("--fail-on", "note"), 1),
    ([judged(Code.INCOMPLETE_CLOSE)], (), 1),
    ([judged(Code.INCOMPLETE_CLOSE)], ("--fail-on", "error"), 0),
    ([judged(Code.PREMATURE_CLOSE)], ("--fail-on", "error"), 1),
    ([judged(Code.PREMATURE_CLOSE, provoked=True)], (), 0),
    ([unseen()], (), 3),
    ([judged(), unseen()], (), 3),
    ([unseen(), judged(Code.RESET)], (), 1),
)


@pytest.mark.parametrize(("reports", "options", "code"), ENDINGS)
@pytest.mark.parametrize("command", [("probe", "localhost"), ("listen", "--count", "2"), ("demo",)])
@pytest.mark.parametrize("format_", ["text", "json", "jsonl"])
def test_exit_code_by_findings(run, api, command, format_, reports, options, code):
    api.reports = reports
    assert run(*command, "--format", format_, *options).code == code


def raising(error):
    def during(_stop):
        raise error

    return during


RAISED = (
    (UsageError("say it otherwise"), 2, "tlsclose: say it otherwise\n"),
    (KeyLogError("key log is a folder"), 2, "tlsclose: key log is a folder\n"),
    (CaptureDeniedError("no right"), 2, "tlsclose: no right\n"),
    (click.Abort(), 130, "tlsclose: interrupted\n"),
    (KeyboardInterrupt(), 130, "interrupted\n"),
    (OSError(errno.ENOSPC, "No space left"), 2, "tlsclose: cannot write: No space left\n"),
    (OSError(errno.EBADF, "Bad"), 4, "please report\n"),
    (ValueError("two\nlines \x1b[2J"), 4, "ValueError: two lines \\x1b[2J, please report\n"),
    (RecursionError(), 4, "please report\n"),
)


@pytest.mark.parametrize(("error", "code", "says"), RAISED, ids=lambda item: str(item)[:20])
def test_exceptions(run, api, tmp_path, error, code, says):
    api.during = raising(error)
    ended = run("probe", "localhost", "--output", f"json={tmp_path}/a")
    assert ended.code == code
    assert ended.err.endswith(says)
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert list(tmp_path.iterdir()) == []


def test_traceback_with_v(run, api):
    api.during = raising(ValueError("x"))
    ended = run("probe", "localhost", "-v")
    assert ended.code == 4
    assert "Traceback" in ended.err


def test_traceback_with_the_variable(run, api, monkeypatch):
    monkeypatch.setenv("TLSCLOSE_DEBUG", "1")
    api.during = raising(ValueError("x"))
    assert "Traceback" in run("probe", "localhost").err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [("probe", "localhost"), ("listen",)])
def test_interruption_keeps_what_was_judged(run, api, command, number, tmp_path):
    def during(stop):
        signal.raise_signal(number)
        assert stop.wait(5)

    api.during = during
    before = signal.getsignal(number)
    api.reports = [judged(Code.RESET)]
    ended = run(*command, "--output", f"jsonl={tmp_path}/a")
    assert ended.code == 130
    assert "RESET" in ended.out
    assert (tmp_path / "a").read_text().count("\n") == 1
    assert signal.getsignal(number) is before


def test_second_interruption_gives_up(run, api, tmp_path):
    def during(stop):
        signal.raise_signal(signal.SIGINT)
        assert stop.wait(5)
        signal.raise_signal(signal.SIGINT)
        for _ in range(1000):
            stop.wait(0.001)

    api.during = during
    ended = run("listen", "--output", f"json={tmp_path}/a")
    assert ended.code == 130
    assert list(tmp_path.iterdir()) == []
