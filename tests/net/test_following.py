"""One capture followed: numbers, order, damage, stopping."""

import struct
from functools import partial
from pathlib import Path

import pytest

from tlsclose.errors import CaptureFileError
from tlsclose.net.following import follow
from tlsclose.wire import capture_file, small_capture
from tlsclose.wire.capture_file import open_capture
from tlsclose.wire.keylog import KeyLog

SYN, ACK, FIN, RST = 0x02, 0x10, 0x01, 0x04
CLIENT, SERVER = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 7])
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
STARTED_S = 1_700_000_000
PCAPS = sorted((Path(__file__).parents[2] / "pcaps").glob("*.pcapng"))


def packet(second, port, flags, *, answers=False, sequence=0):
    """One segment without data between a client's port and the server's 443."""
    ends = (SERVER, CLIENT, 443, port) if answers else (CLIENT, SERVER, port, 443)
    tcp = struct.pack(">HHIIBBHHH", ends[2], ends[3], sequence, 1, 5 << 4, flags, 1024, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + ends[0] + ends[1]
    data = ip + tcp
    return struct.pack("<IIII", STARTED_S + second, 0, len(data), len(data)) + data


def written(path, *packets):
    path.write_bytes(PCAP_HEADER + b"".join(packets))
    return path


class Heard:
    """A watcher that keeps everything."""

    def __init__(self, stop_after=None):
        self.seen, self.packets_before, self.warnings = [], [], []
        self.packets = self.size = self.done = 0
        self._stop_after = stop_after

    def connection(self, seen):
        self.seen.append(seen)
        self.packets_before.append(self.packets)

    def read(self, packets, size):
        self.packets += packets
        self.size += size

    def warn(self, text):
        self.warnings.append(text)

    def progress(self, done):
        self.done = done

    def read_keys(self):
        raise AssertionError("a file that is whole")

    @property
    def stopped(self):
        return self._stop_after is not None and self.packets >= self._stop_after

    @property
    def numbers(self):
        return [(seen.stream, seen.client[1]) for seen in self.seen]


def heard(path, **options):
    watcher = Heard(**options)
    follow(path, KeyLog(), watcher)
    return watcher


@pytest.fixture(params=["one by one", "columns"], autouse=True)
def way(request, monkeypatch):
    """Both ways to feed the follower."""
    if request.param == "columns":
        monkeypatch.setattr(small_capture, "SMALL_BYTES", -1)


def test_fragments_are_warned_of_once(tmp_path):
    whole = bytearray(packet(0, 1001, SYN))
    whole[16 + 6] = 0x20  # more fragments
    told = heard(written(tmp_path / "a.pcap", bytes(whole), packet(1, 1002, SYN)))
    (warning,) = told.warnings
    assert warning.startswith("IP fragments of TCP segments, not put together: 1;")


def test_numbers_follow_the_first_packets(tmp_path):
    path = written(
        tmp_path / "a.pcap",
        packet(0, 1001, SYN),
        packet(1, 1002, SYN),
        packet(2, 1002, RST, answers=True),
        packet(3, 1003, SYN),
        packet(4, 1001, ACK, sequence=1),
    )
    told = heard(path)
    assert told.numbers == [(0, 1001), (1, 1002), (2, 1003)]
    assert [one.started_ns for one in told.seen] == [
        (STARTED_S + second) * 10**9 for second in (0, 1, 3)
    ]
    assert {one.server for one in told.seen} == {("192.0.2.7", 443)}
    assert (told.packets, told.size, told.done) == (5, 200, path.stat().st_size)


def test_ports_used_again_are_another_connection(tmp_path):
    path = written(
        tmp_path / "a.pcap",
        packet(0, 1001, SYN),
        packet(1, 1001, RST, answers=True),
        packet(2, 1002, SYN),
        packet(3, 1001, SYN, sequence=5000),
    )
    assert heard(path).numbers == [(0, 1001), (1, 1002), (2, 1001)]


def test_a_connection_is_handed_on_before_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(small_capture, "SMALL_BYTES", -1)
    monkeypatch.setattr(capture_file, "open_capture", partial(open_capture, buffer_bytes=128))
    packets = [packet(0, 1001, SYN), packet(1, 1001, RST, answers=True)]
    packets += [packet(60 + number, 2000 + number, SYN) for number in range(10)]
    told = heard(written(tmp_path / "a.pcap", *packets))
    assert told.numbers == [(0, 1001), *((number + 1, 2000 + number) for number in range(10))]
    assert told.packets_before[0] < told.packets_before[-1] == len(packets)


def test_damage_comes_after_what_could_be_read(tmp_path):
    path = written(tmp_path / "a.pcap", packet(0, 1001, SYN), packet(1, 1001, SYN)[:-1])
    watcher = Heard()
    with pytest.raises(CaptureFileError, match=r"a\.pcap: byte 80: "):
        follow(path, KeyLog(), watcher)
    assert watcher.numbers == [(0, 1001)]


def test_no_capture(tmp_path):
    (tmp_path / "a").write_text("hello, world" * 10)
    with pytest.raises(CaptureFileError, match="neither pcap nor pcapng"):
        heard(tmp_path / "a")


def test_a_file_that_went_away(tmp_path):
    with pytest.raises(CaptureFileError, match="cannot open"):
        heard(tmp_path / "a")


def test_stopping_is_no_damage(tmp_path):
    path = written(tmp_path / "a.pcap", packet(0, 1001, SYN), packet(1, 1001, SYN)[:-1])
    assert heard(path, stop_after=1).numbers == [(0, 1001)]


def block(kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def test_malformed_embedded_keys_are_told(tmp_path):
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    secrets = block(10, struct.pack("<II", 0x544C534B, 6) + b"noise\n")
    path = tmp_path / "a.pcapng"
    path.write_bytes(section + block(1, struct.pack("<HHI", 101, 0, 0)) + secrets)
    (warning,) = heard(path).warnings
    assert warning.startswith(f"{path}: ")


@pytest.mark.parametrize("way", ["one by one"], indirect=True)
@pytest.mark.parametrize("path", PCAPS, ids=lambda path: path.stem)
def test_both_ways_tell_the_same(path, monkeypatch):
    monkeypatch.setattr(small_capture, "SMALL_BYTES", 2**20)
    alone = vars(heard(path))
    monkeypatch.setattr(small_capture, "SMALL_BYTES", -1)
    assert vars(heard(path)) == alone
    assert alone["seen"]
