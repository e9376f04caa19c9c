"""Captures one after the other: keys, damage, progress, stopping."""

from pathlib import Path
from threading import Event

import pytest

from tests.net.test_observed import OPENING, close, followed, seen
from tlsclose.core.event import Source
from tlsclose.errors import CaptureFileError
from tlsclose.net import captures
from tlsclose.net.analysis import Analysis
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.net.captures import CaptureReader
from tlsclose.net.key_files import KeyFiles

CLEAN = seen(followed(*OPENING, *close(10, Source.DECRYPTED)))


class Run:
    """A reader whose every word is kept."""

    def __init__(self):
        self.reports, self.warnings, self.done = [], [], []
        self.stop = Event()
        self.reader = CaptureReader(
            Analysis(AnalyzeSettings(), self.reports.append),
            on_warning=self.warnings.append,
            on_progress=self.done.append,
            stop=self.stop,
        )

    def read(self, *paths):
        self.reader.read(paths, KeyFiles([], pytest.fail))
        return [report.capture.path for report in self.reports]


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(bytes(100))
    return paths


def engine(monkeypatch, script):
    monkeypatch.setattr(captures, "follow", script)


def test_every_file_in_turn(monkeypatch, files):
    def script(path, keys, watcher, *, brief):
        watcher.read(2, 120)
        watcher.connection(CLEAN)
        watcher.progress(40)
        watcher.warn(f"{path.name}: odd")

    engine(monkeypatch, script)
    run = Run()
    assert run.read(*files, Path("-")) == [*map(str, files), "-"]
    assert run.done == [40, 140, 240]
    assert run.warnings == ["a: odd", "b: odd", "-: odd"]
    assert run.reader.analysis.summary.packets == 6


def test_a_damaged_file_keeps_nothing_away(monkeypatch, files):
    def script(path, keys, watcher, *, brief):
        watcher.connection(CLEAN)
        if path.name == "a":
            raise CaptureFileError("a: byte 24: breaks off")

    engine(monkeypatch, script)
    run = Run()
    run.read(*files)
    assert [bool(report.verdict) for report in run.reports] == [True, False, True]
    assert run.reports[1].unobserved.reason == "a: byte 24: breaks off"


def test_stop(monkeypatch, files):
    def script(path, keys, watcher, *, brief):
        assert not watcher.stopped
        run.stop.set()
        assert watcher.stopped
        watcher.connection(CLEAN)

    engine(monkeypatch, script)
    run = Run()
    assert run.read(*files) == [str(files[0])]


def test_keys_are_read_on(monkeypatch, files, tmp_path):
    log = tmp_path / "keys"
    log.write_text("")

    def script(path, keys, watcher, *, brief):
        assert keys.lines() == ()
        log.write_text(f"CLIENT_RANDOM {0:064x} {'cd' * 48}\n")
        watcher.read_keys()
        assert len(keys.lines()) == 1
        watcher.connection(CLEAN)

    engine(monkeypatch, script)
    run = Run()
    run.reader.read(files[:1], KeyFiles([log], pytest.fail))
    assert len(run.reports) == 1
