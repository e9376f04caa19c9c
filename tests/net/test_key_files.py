"""Key logs that grow while a capture is being written."""

import pytest

from tlsclose.errors import KeyLogError
from tlsclose.net import key_files
from tlsclose.net.key_files import KeyFiles


def key(number):
    return f"CLIENT_RANDOM {number:064x} {'cd' * 48}\n"


def numbers(files):
    return [int(line.split()[1], 16) for line in files.keys.lines()]


def test_keys_of_several_files(tmp_path):
    paths = [tmp_path / name for name in ("a", "b")]
    for number, path in enumerate(paths):
        path.write_text(f"{key(number)}noise\n")
    warnings = []
    assert numbers(KeyFiles(paths, warnings.append)) == [0, 1]
    assert warnings == [f"{path}:2: not a key log line, ignored" for path in paths]


def test_keys_that_cannot_be_read(tmp_path):
    with pytest.raises(KeyLogError):
        KeyFiles([tmp_path], pytest.fail)


def test_lines_that_are_added(tmp_path):
    path = tmp_path / "keys"
    path.write_text(key(0))
    files = KeyFiles([path], pytest.fail)
    with path.open("a") as log:
        log.write(key(1) + "noise\n" + key(2)[:70])
        log.flush()
        files.read_on()
        assert numbers(files) == [0, 1]
        log.write(key(2)[70:])
        log.flush()
        files.read_on()
        files.read_on()
        assert numbers(files) == [0, 1, 2]


def test_a_line_that_was_cut_at_the_start(tmp_path):
    path = tmp_path / "keys"
    path.write_text(key(0) + key(1)[:70])
    files = KeyFiles([path], lambda _: None)
    path.write_text(key(0) + key(1))
    files.read_on()
    assert numbers(files) == [0, 1]


def test_a_log_without_lines_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(key_files, "MOST_AT_ONCE", 1000)
    path = tmp_path / "keys"
    path.write_text("")
    files = KeyFiles([path], pytest.fail)
    path.write_text("x" * 1500 + "\n" + key(0))
    for _ in range(3):
        files.read_on()
    assert numbers(files) == [0]


def test_a_log_that_went_away(tmp_path):
    path = tmp_path / "keys"
    path.write_text(key(0))
    files = KeyFiles([path], pytest.fail)
    path.unlink()
    files.read_on()
    assert numbers(files) == [0]
