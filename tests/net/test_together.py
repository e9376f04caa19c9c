"""Captures read by several processes: what comes out is what one process finds."""

import gzip
from pathlib import Path

import pytest

from tests.net.sharing import ALL, MANY, analysed
from tests.wire.captures import block, enhanced, interface, pcap, section
from tlsclose.core.verdict import Code
from tlsclose.net import captures, crew
from tlsclose.wire import capture_follower

pytestmark = [
    pytest.mark.skipif(not crew.can_fork(), reason="processes cannot be forked"),
    pytest.mark.usefixtures("small_is_large"),
]


@pytest.fixture
def jobs(monkeypatch):
    """What processes are given: the first file, and which part of it."""
    seen = []
    work = crew.Crew.add

    def add(self, job, run):
        seen.append((job.first, job.at))
        work(self, job, run)

    monkeypatch.setattr(crew.Crew, "add", add)
    return seen


def test_several_processes_are_used(path, jobs):
    analysed(path, processes=4)
    analysed(path, processes=3)
    assert jobs == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 0), (0, 1)]


def test_small_files_are_read_in_a_row(same, few_and_many, jobs):
    same(*few_and_many)
    firsts = [first for first, _ in jobs]
    assert 0 < len(set(firsts)) < 12
    assert 30 in firsts
    assert {first for first, at in jobs if at} == {30}


def test_keys_within_a_row_serve_the_files_behind_them(same, tmp_path, few_and_many, packets, keys):
    first = tmp_path / "first.pcapng"
    first.write_bytes(with_secrets(packets[:200], keys))
    told, _ = same(*few_and_many[:3], first, *few_and_many[25:])
    assert {one.verdict.confidence for one in told if hasattr(one, "verdict")} > {"proven"}


def test_the_same(same, path, keylog):
    told, summary = same(path, keylogs=(keylog,))
    warning, *reports = told
    assert warning.endswith("not a key log line, ignored")
    assert len(reports) == summary.connections == ALL
    assert summary.without_tls == MANY
    assert len({report.connection.stream for report in reports}) == len(reports)
    assert {report.verdict.code for report in reports} == {Code.CLEAN, Code.RESET}
    assert all(report.events for report in reports)


@pytest.mark.parametrize(
    "settings",
    [
        {"outline": True},
        {"port": 40_003},
        {"end": ("192.0.2.1", 40_005)},
        {"host": "localhost", "verdicts": frozenset({Code.RESET})},
        {"stream": 0},
    ],
)
def test_choices(same, path, keylog, settings):
    _, summary = same(path, keylogs=(keylog,), **settings)
    assert summary.connections


@pytest.mark.parametrize(
    ("limit", "value"),
    [("max_open", 8), ("max_half_open", 8), ("MAX_LINGERING", 4), ("MAX_REMEMBERED", 8)],
)
def test_limits(same, path, keylog, monkeypatch, limit, value):
    """Evicted, reported early, forgotten: as it would be in one process."""
    before = analysed(path, processes=1, keylogs=(keylog,))
    if limit.isupper():
        monkeypatch.setattr(capture_follower, limit, value)
    else:
        defaults = capture_follower.CaptureFollower.__init__.__kwdefaults__
        monkeypatch.setitem(defaults, limit, value)
    assert same(path, keylogs=(keylog,)) != before


@pytest.mark.parametrize("cut", [1, 5000])
def test_damage(same, path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    told, summary = same(path)
    assert "breaks off" in told[-1].reason
    assert summary.unreadable == 1
    assert summary.connections > MANY // 2


def test_damage_within(same, path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\xff" * (len(data) // 2)
    path.write_bytes(data)
    told, summary = same(path)
    assert "byte " in told[-1].reason
    assert summary.connections


def test_no_capture(same, path):
    path.write_bytes(bytes(20_000))
    told, _ = same(path)
    assert "neither pcap nor pcapng" in told[0].reason


def test_packed(same, path):
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), 0))
    same(packed)


def with_secrets(packets, lines):
    text = "\n".join(lines).encode()
    secrets = block(10, len(text).to_bytes(4, "little").join([b"KSLT", b""]) + text)
    data = b"".join(enhanced(at // 1000, data) for at, data, _ in packets)
    return section() + interface() + secrets + data


def test_embedded_keys(same, tmp_path, packets, keys):
    path = tmp_path / "a.pcapng"
    path.write_bytes(with_secrets(packets, [*keys, "noise"]))
    told, _ = same(path)
    assert len([one for one in told if isinstance(one, str)]) == 1
    assert all(one.verdict.confidence == "proven" for one in told if not isinstance(one, str))


def test_several_files(same, path, tmp_path, packets):
    other, small, none = (tmp_path / name for name in ("b.pcap", "c.pcap", "d.pcap"))
    other.write_bytes(pcap(packets[: len(packets) // 2], nanoseconds=True)[:-1])
    small.write_bytes(pcap(packets[:20]))
    none.write_bytes(b"nothing")
    told, summary = same(path, other, small, none, path)
    assert summary.unreadable == 2
    assert sum(not hasattr(one, "connection") for one in told) == 2


def test_keys_of_one_file_serve_the_files_behind_it(same, path, tmp_path, packets, keys):
    first = tmp_path / "first.pcapng"
    first.write_bytes(with_secrets(packets[:200], keys))
    told, _ = same(path, first, path, path)
    assert {one.verdict.confidence for one in told[:ALL]} != {"proven"}
    assert {one.verdict.confidence for one in told[-ALL:]} == {"proven"}


def test_one_process_for_what_is_small_or_no_file(path, tmp_path, monkeypatch):
    assert captures.usable([path], 2) == 2
    assert captures.usable([path] * 9, 99) == crew.MOST_PROCESSES
    assert captures.usable([path, Path("-")], 2) == 1
    assert captures.usable([path, tmp_path / "none"], 2) == 1
    monkeypatch.setattr(captures, "LARGE_BYTES", 2**30)
    assert captures.usable([path], 2) == 1
    monkeypatch.setattr(captures, "LARGE_BYTES", 1)
    monkeypatch.setattr(crew, "processors", lambda: 3)
    assert captures.usable([path], None) == 3
    monkeypatch.setattr(crew, "can_fork", lambda: False)
    assert captures.usable([path], None) == 1


def test_several_interfaces(same, tmp_path, packets):
    path = tmp_path / "a.pcapng"
    half = len(packets) // 2
    data = [section(), interface(), interface(resolution=9)]
    data += [
        enhanced(at if number % 2 else at // 1000, one, number=number % 2)
        for number, (at, one, _) in enumerate(packets[:half])
    ]
    data += [section(">"), interface(">", resolution=9)]
    data += [enhanced(at, one, ">") for at, one, _ in packets[half:]]
    path.write_bytes(b"".join(data))
    _, summary = same(path)
    assert summary.connections > MANY // 2
