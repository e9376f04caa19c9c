"""Captures one after the other: keys, damage, progress, stopping."""

from pathlib import Path
from threading import Event

import pytest

from tests.net.test_observed import OPENING, close, followed, seen
from tlsclose.core.event import Source
from tlsclose.errors import CaptureFileError, KeyLogError
from tlsclose.net import captures
from tlsclose.net.analysis import Analysis
from tlsclose.net.captures import CaptureReader
from tlsclose.net.settings import AnalyzeSettings
from tlsclose.wire.keylog import KeyLog

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
        self.reader.read(paths, KeyLog())
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
    def script(path, keys, watcher):
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
    def script(path, keys, watcher):
        watcher.connection(CLEAN)
        if path.name == "a":
            raise CaptureFileError("a: byte 24: breaks off")

    engine(monkeypatch, script)
    run = Run()
    run.read(*files)
    assert [bool(report.verdict) for report in run.reports] == [True, False, True]
    assert run.reports[1].unobserved.reason == "a: byte 24: breaks off"


def test_stop(monkeypatch, files):
    def script(path, keys, watcher):
        assert not watcher.stopped
        run.stop.set()
        assert watcher.stopped
        watcher.connection(CLEAN)

    engine(monkeypatch, script)
    run = Run()
    assert run.read(*files) == [str(files[0])]


def test_keys_of_several_files(tmp_path):
    paths = [tmp_path / name for name in ("a", "b")]
    for number, path in enumerate(paths):
        path.write_text(f"CLIENT_RANDOM {number:064x} {'cd' * 48}\nnoise\n")
    run = Run()
    assert len(run.reader.keys(paths).lines()) == 2
    assert run.warnings == [f"{path}:2: not a key log line, ignored" for path in paths]


def test_keys_that_cannot_be_read(tmp_path):
    with pytest.raises(KeyLogError):
        Run().reader.keys([tmp_path])
