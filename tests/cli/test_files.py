import multiprocessing
import os
import stat
import tempfile
from pathlib import Path

import pytest

from tlsclose.cli.files import AtomicFile, check_distinct, check_writable
from tlsclose.errors import UsageError

DEVICE = Path(os.devnull)
NOBODY = 65534


def test_nothing_exists_before_commit(tmp_path):
    path = tmp_path / "a"
    file = AtomicFile(path, "--output")
    assert list(tmp_path.iterdir()) == []
    file.open().write("text")
    assert not path.exists()
    file.commit()
    assert path.read_text() == "text"
    assert list(tmp_path.iterdir()) == [path]


def test_discard_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    file = AtomicFile(path, "--output")
    file.open().write("new")
    file.discard()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_discard_after_commit_keeps_the_file(tmp_path):
    file = AtomicFile(tmp_path / "a", "--output")
    file.commit()
    file.discard()
    assert (tmp_path / "a").read_text() == ""


@pytest.mark.posix("file modes")
def test_mode_of_the_old_file_is_kept(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o640)
    AtomicFile(path, "--output").commit()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.posix("file modes")
def test_mode_of_a_new_file_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        AtomicFile(tmp_path / "a", "--output").commit()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.posix("links need a privilege")
def test_symbolic_link_keeps_pointing(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    file = AtomicFile(tmp_path / "link", "--output")
    file.open().write("text")
    file.commit()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "text"


def test_device_is_written_directly():
    file = AtomicFile(DEVICE, "--output")
    file.open().write("text")
    file.commit()
    assert stat.S_ISCHR(DEVICE.stat().st_mode)


def test_check_leaves_nothing(tmp_path):
    check_writable(tmp_path / "a", "--pcap")
    assert list(tmp_path.iterdir()) == []


def refusals(folder):
    """What is said of a read-only file and folder; root may write anything, so step down."""
    if os.geteuid() == 0:
        os.setuid(NOBODY)
    for name in ("a", "b"):
        with pytest.raises(UsageError) as refused:
            check_writable(folder / name, "--output")
        yield str(refused.value)


@pytest.mark.posix("file modes")
def test_read_only_file_and_folder():
    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").write_text("")
        (folder / "a").chmod(0o444)
        folder.chmod(0o555)
        child = context.Process(target=lambda: told.put(list(refusals(folder))))
        child.start()
        child.join(20)
        folder.chmod(0o755)
    assert child.exitcode == 0
    file, directory = told.get()
    assert "not writable" in file
    assert "Permission denied" in directory


def test_same_file_by_another_name(tmp_path):
    with pytest.raises(UsageError, match="named twice"):
        check_distinct([tmp_path / "a", tmp_path / "x" / ".." / "a"])
    check_distinct([DEVICE, DEVICE])
