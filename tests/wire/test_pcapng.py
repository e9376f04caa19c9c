"""The file as others read it: tshark, scapy, and block by block."""

import json
import os
import signal
import stat
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tlsclose.errors import UsageError
from tlsclose.wire.frame import Frame, LinkType
from tlsclose.wire.pcapng import PcapngWriter

SECOND = 1_000_000_000
AT = 1_795_000_000 * SECOND + 123_456_789
KEYS = (
    "SERVER_HANDSHAKE_TRAFFIC_SECRET " + "ab" * 32 + " " + "cd" * 32,
    "CLIENT_TRAFFIC_SECRET_0 " + "ab" * 32 + " " + "ef" * 32,
)
IP_PACKET = bytes.fromhex("45000028000040004006") + bytes(30)


def frame(number=0, *, data=bytes(14) + IP_PACKET, link=LinkType.ETHERNET, cut=0):
    return Frame(at_ns=AT + number, link_type=link, data=data, original_length=len(data) + cut)


def blocks(data):
    """(type, body) of each block; both lengths of a block must agree and fill the file."""
    found = []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, length - 4)[0] == length
        found.append((kind, data[8 : length - 4]))
        data = data[length:]
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "close.pcapng"


def test_order_of_blocks(path):
    writer = PcapngWriter(path)
    assert writer.frame(frame(0), "eth0") == 1
    assert writer.frame(frame(1), "lo") == 2
    assert writer.frame(frame(2, data=IP_PACKET, link=LinkType.RAW), "lo") == 3
    assert writer.frame(frame(3), "eth0") == 4
    writer.finish(KEYS)
    found = blocks(path.read_bytes())
    assert [kind for kind, _ in found] == [0x0A0D0D0A, 1, 1, 1, 10, 6, 6, 6, 6]
    assert [struct.unpack_from("<I", body)[0] for kind, body in found if kind == 6] == [0, 1, 2, 0]
    assert [struct.unpack_from("<H", body)[0] for kind, body in found if kind == 1] == [1, 1, 101]


def test_secrets_block_holds_the_key_log(path):
    writer = PcapngWriter(path)
    writer.finish([KEYS[0], KEYS[1] + "\n", "", "  \n"])
    (secrets,) = [body for kind, body in blocks(path.read_bytes()) if kind == 10]
    kind, length = struct.unpack_from("<II", secrets)
    assert kind == 0x544C534B
    assert secrets[8 : 8 + length].decode() == "".join(f"{line}\n" for line in KEYS)


def test_no_keys_no_secrets_block(path):
    writer = PcapngWriter(path)
    writer.frame(frame(), "lo")
    writer.finish(())
    assert [kind for kind, _ in blocks(path.read_bytes())] == [0x0A0D0D0A, 1, 6]


@pytest.mark.parametrize("size", range(60, 66))
def test_scapy_reads_every_length(path, size):
    from scapy.utils import RawPcapNgReader

    writer = PcapngWriter(path)
    data = bytes(range(size))
    writer.frame(frame(7, data=data, cut=3), "lo")
    writer.frame(frame(SECOND), "lo")
    writer.finish(())
    with RawPcapNgReader(str(path)) as reader:
        (first, meta), (_, later) = list(reader)
    assert first == data
    assert meta.tsresol == SECOND
    assert (meta.tshigh << 32) + meta.tslow == AT + 7
    assert (later.tshigh << 32) + later.tslow == AT + SECOND
    assert meta.wirelen == size + 3
    assert meta.ifname == b"lo"


@pytest.mark.peer("tshark")
def test_tshark_reads_stamps_names_and_lengths(path):
    writer = PcapngWriter(path, application="tlsclose 1.2.3")
    writer.frame(frame(0), "eth0")
    writer.frame(frame(1, cut=1000), "wörld")
    writer.frame(frame(2, data=IP_PACKET, link=LinkType.RAW), "tun0")
    writer.finish(KEYS)
    fields = ["frame.time_epoch", "frame.interface_name", "frame.len", "frame.cap_len"]
    options = [option for field in fields for option in ("-e", field)]
    output = subprocess.check_output(
        ["tshark", "-r", str(path), "-T", "json", *options], stderr=subprocess.DEVNULL
    )
    rows = [packet["_source"]["layers"] for packet in json.loads(output)]
    assert [row["frame.interface_name"][0] for row in rows] == ["eth0", "wörld", "tun0"]
    assert [row["frame.len"][0] for row in rows] == ["54", "1054", "40"]
    assert [row["frame.cap_len"][0] for row in rows] == ["54", "54", "40"]
    assert [row["frame.time_epoch"][0].rpartition(".")[2] for row in rows] == [
        "123456789",
        "123456790",
        "123456791",
    ]


@pytest.mark.posix("file modes, and files without a name")
def test_nothing_visible_before_finish_and_private_after(path, tmp_path):
    writer = PcapngWriter(path)
    writer.frame(frame(), "lo")
    assert list(tmp_path.iterdir()) == []
    writer.finish(KEYS)
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.posix("file modes")
def test_replaces_an_older_file_whole(path):
    path.write_bytes(b"old" * 10_000)
    path.chmod(0o644)
    writer = PcapngWriter(path)
    assert path.read_bytes().startswith(b"old")
    writer.finish(())
    assert [kind for kind, _ in blocks(path.read_bytes())] == [0x0A0D0D0A]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.posix("links need a privilege")
def test_follows_a_link(path, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(path)
    PcapngWriter(link).finish(())
    assert link.is_symlink()
    assert path.is_file()


def test_abandoned_run_leaves_nothing(path, tmp_path):
    writer = PcapngWriter(path)
    writer.frame(frame(), "lo")
    writer.abandon()
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


def test_abandon_after_finish_keeps_the_file(path):
    writer = PcapngWriter(path)
    writer.finish(())
    writer.abandon()
    assert path.is_file()


@pytest.mark.posix("SIGKILL")
def test_killed_run_leaves_nothing(path, tmp_path):
    script = (
        "import os, signal, sys; from pathlib import Path;"
        "from tlsclose.wire.frame import Frame; from tlsclose.wire.pcapng import PcapngWriter;"
        "w = PcapngWriter(Path(sys.argv[1]));"
        "w.frame(Frame(1, 1, bytes(100000), 100000), 'lo');"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_failure_while_putting_together_leaves_the_old_file(path, tmp_path, monkeypatch):
    path.write_bytes(b"old")
    writer = PcapngWriter(path)
    writer.frame(frame(), "lo")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tlsclose.wire.pcapng.shutil.copyfileobj", full)
    with pytest.raises(UsageError, match=r"close\.pcapng.*No space left"):
        writer.finish(KEYS)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_packets_from_several_threads_are_each_whole(path):
    writer = PcapngWriter(path)
    numbers = []

    def write(interface):
        numbers.extend(writer.frame(frame(n), interface) for n in range(300))

    threads = [threading.Thread(target=write, args=(f"veth{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.finish(())
    assert sorted(numbers) == list(range(1, 1201))
    assert [kind for kind, _ in blocks(path.read_bytes())].count(6) == 1200


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/close.pcapng", "no directory"),
        ("file/close.pcapng", "no directory|Not a directory"),
        ("folder", "not a regular file"),
        pytest.param("pipe", "not a regular file", marks=pytest.mark.posix("named pipes")),
        pytest.param("x" * 300, "too long", marks=pytest.mark.posix("Wine and Windows differ")),
    ],
)
def test_destination_is_checked_at_once(tmp_path, name, reason):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    if name == "pipe":
        os.mkfifo(tmp_path / name)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match=rf"(?s)cannot write .*{Path(name).name}.*({reason})"):
        PcapngWriter(tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.posix("/dev")
def test_device_is_refused():
    with pytest.raises(UsageError, match=r"/dev/null.*not a regular file"):
        PcapngWriter(Path("/dev/null"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="drops root's rights")
def test_unwritable_places_are_named(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o755)
    protected = tmp_path / "protected.pcapng"
    protected.write_bytes(b"keep")
    tmp_path.chmod(0o777)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    script = (
        "import os, sys; from pathlib import Path; from tlsclose.errors import UsageError;"
        "from tlsclose.wire.pcapng import PcapngWriter\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "for name in sys.argv[1:]:\n"
        "    try: PcapngWriter(Path(name))\n"
        "    except UsageError as error: print(error)\n"
    )
    names = [str(closed / "close.pcapng"), str(protected)]
    output = subprocess.check_output([sys.executable, "-c", script, *names], text=True)
    assert output.splitlines() == [
        f"cannot write {names[0]!r}: Permission denied",
        f"cannot write {names[1]!r}: the file is write-protected",
    ]
