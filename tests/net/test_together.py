"""Captures read by several processes: what comes out is what one process finds."""

import faulthandler
import gzip
import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from tests.wire.captures import AT, block, enhanced, ethernet, interface, pcap, section
from tests.wire.playbook import CLIENT, MS, SERVER, Tcp, Tls
from tlsclose import api
from tlsclose.core.record import TlsVersion
from tlsclose.core.verdict import Code
from tlsclose.net import captures, crew, following, together
from tlsclose.net.analysis import Judge
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.wire import capture_file, capture_follower, relay, small_capture
from tlsclose.wire.packets import TcpFlags

SECOND = 1000 * MS
MANY = 60
ALL = MANY + MANY // 5

pytestmark = pytest.mark.skipif(not crew.can_fork(), reason="processes cannot be forked")


def story(version, *, reset=False):
    tls = Tls(version).shake().send(CLIENT, b"GET / HTTP/1.1\r\n\r\n").send(SERVER, b"x" * 9000)
    tls.close(SERVER)
    if not reset:
        tls.close(CLIENT)
    script = Tcp().open().flights(tls.flights)
    if reset:
        script.ack(CLIENT).rst(SERVER, TcpFlags.RST)
    else:
        script.fin(SERVER).fin(CLIENT).ack(SERVER)
    return script.segments, tls.keys


def moved(segments, number, *, later=0):
    """The same connection between other ports, or between the same with other numbers."""
    ports = {50_000: number}
    return [
        segment._replace(
            src=(segment.src[0], ports.get(segment.src[1], segment.src[1])),
            dst=(segment.dst[0], ports.get(segment.dst[1], segment.dst[1])),
            seq=(segment.seq + later) % 2**32,
            ack=(segment.ack + later) % 2**32,
        )
        for segment in segments
    ]


@pytest.fixture(scope="module")
def stories():
    return [story(TlsVersion.TLS12), story(TlsVersion.TLS13), story(TlsVersion.TLS13, reset=True)]


@pytest.fixture(scope="module")
def packets(stories):
    """Many connections at once, half-open ones, ports used again, and packets that come late."""
    chance = random.Random(3)
    flows = []
    for number in range(MANY):
        segments = stories[number % 3][0]
        begin = chance.randrange(20 * SECOND)
        flows.append((begin, moved(segments, 40_000 + number)))
        flows.append((begin + 60 * SECOND, moved(segments[-1:], 40_000 + number)))
        opening = moved(Tcp().open().segments, 20_000 + number)
        flows += [(begin + 5, opening[:1]), (begin + 30 * SECOND, opening[1:])]
        if number % 5 == 0:
            again = moved(segments, 40_000 + number, later=90_000)
            flows.append((begin + 15 * SECOND, again))
    timed = [
        (AT + begin + at * 10 * MS, ethernet(segment))
        for begin, segments in flows
        for at, segment in enumerate(segments)
    ]
    return [(at, data, len(data)) for at, data in sorted(timed)]


@pytest.fixture(scope="module")
def keys(stories):
    return [line for _, log in stories for line in log.lines()]


@pytest.fixture
def keylog(tmp_path, keys):
    path = tmp_path / "keys"
    path.write_text("\n".join([*keys, "noise", ""]))
    return path


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    """Files of some kilobytes are shared, in many batches."""
    for module in (captures, following, together):
        monkeypatch.setattr(module, "LARGE_BYTES", 10_000)
    monkeypatch.setattr(small_capture, "SMALL_BYTES", 1000)
    smaller = partial(capture_file.open_capture, buffer_bytes=60_000)
    monkeypatch.setattr(capture_file, "open_capture", smaller)


@pytest.fixture
def path(tmp_path, packets):
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(packets, nanoseconds=True))
    return path


def analysed(*paths, processes, **settings):
    """Everything that is told, in order."""
    told = []
    summary = api.analyze(
        paths,
        AnalyzeSettings(processes=processes, **settings),
        on_report=lambda report: told.append(_untimed(report)),
        on_warning=told.append,
    )
    return told, summary


def _untimed(report):
    return report if report.connection else report.unobserved


@pytest.fixture(params=[2, 4])
def same(request):
    """That any number of processes tell what one does."""

    def check(*paths, **settings):
        alone = analysed(*paths, processes=1, **settings)
        assert analysed(*paths, processes=request.param, **settings) == alone
        return alone

    return check


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


@pytest.fixture
def few_and_many(path, tmp_path, packets):
    """A large file, and many small ones around it."""
    small = []
    for number in range(40):
        small.append(tmp_path / f"{number}.pcap")
        begin = number % 7 * 20
        small[-1].write_bytes(pcap(packets[begin : begin + 20], nanoseconds=True))
    return [*small[:30], path, *small[30:]]


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


def reports_beside(told, path):
    return [one for one in told if hasattr(one, "capture") and one.capture.path != path]


def test_a_process_that_is_killed_within_a_row(few_and_many, monkeypatch):
    """What it had not told of is read by another; only the file at hand is given up."""
    here, judged = os.getpid(), Judge.judged
    alone, _ = analysed(*few_and_many, processes=1)
    victim = str(few_and_many[4])

    def judge(self, seen, name):
        if name == victim and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return judged(self, seen, name)

    monkeypatch.setattr(Judge, "judged", judge)
    before = children()
    told, summary = analysed(*few_and_many, processes=2)
    (given_up,) = [one.reason for one in told if hasattr(one, "reason")]
    assert given_up == f"{victim}: a process that read it was ended by SIGKILL"
    assert summary.unreadable == 1
    assert reports_beside(told, victim) == reports_beside(alone, victim)
    assert children() == before


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


def children():
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return listed.read_text().split() if listed.exists() else []


def test_stop_leaves_nobody_behind(path):
    stop, before = Event(), children()
    reports = []

    def take(report):
        reports.append(report)
        stop.set()

    api.analyze([path, path], AnalyzeSettings(processes=2), on_report=take, stop=stop)
    assert 0 < len(reports) < 2 * ALL
    assert children() == before


def test_an_error_leaves_nobody_behind(path):
    before = children()

    def take(_):
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        api.analyze([path], AnalyzeSettings(processes=2), on_report=take)
    assert children() == before


def test_a_process_that_is_killed(path, monkeypatch):
    here, judged = os.getpid(), Judge.judged

    def judge(self, seen, name):
        if seen.client[1] == 40_050 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return judged(self, seen, name)

    monkeypatch.setattr(Judge, "judged", judge)
    before = children()
    told, summary = analysed(path, processes=2)
    assert told[-1].reason == f"{path}: a process that read it was ended by SIGKILL"
    assert summary.unreadable == 1
    assert summary.connections
    assert children() == before


def test_a_bug_in_a_process(path, monkeypatch):
    def judge(self, seen, name):
        raise KeyError("what")

    monkeypatch.setattr(Judge, "judged", judge)
    with pytest.raises(RuntimeError, match="KeyError: 'what'") as caught:
        analysed(path, processes=2)
    assert "Traceback" in caught.value.__notes__[0]


def test_a_file_that_changes(path, monkeypatch):
    shorter = together.findings

    def differing(path, keys, shares, *args, **options):
        for told in shorter(path, keys, shares, *args, **options):
            if shares[0][0] and isinstance(told, following.End):
                yield following.Found(0, 0, 0, (), [])
            yield told

    monkeypatch.setattr(together, "findings", differing)
    told, _ = analysed(path, processes=2)
    assert told[-1].reason == f"{path}: changed while it was read"


def test_a_file_that_is_cut_off_under_way(path, monkeypatch):
    """Who looks at pages that are gone dies; nobody waits for it."""
    here, judged = os.getpid(), Judge.judged
    path.write_bytes(path.read_bytes() + bytes(2**20))

    def judge(self, seen, name):
        if os.getpid() != here:
            os.truncate(path, 100)
        return judged(self, seen, name)

    def quiet(*args, **options):
        faulthandler.disable()
        yield from following.findings(*args, **options)

    monkeypatch.setattr(together, "findings", quiet)
    monkeypatch.setattr(Judge, "judged", judge)
    before = children()
    told, summary = analysed(path, processes=2)
    assert told[-1].reason == f"{path}: a process that read it was ended by SIGBUS"
    assert summary.unreadable == 1
    assert children() == before


@pytest.mark.parametrize("turn", [0, 1, 2, 5])
def test_a_process_that_is_killed_while_others_wait_for_it(path, monkeypatch, turn):
    leave = relay.Member.leave_for_all

    def dying(self, number, thing):
        if number == turn:
            os.kill(os.getpid(), signal.SIGKILL)
        return leave(self, number, thing)

    monkeypatch.setattr(relay.Member, "leave_for_all", dying)
    before = children()
    told, _ = analysed(path, processes=4)
    assert told[-1].reason == f"{path}: a process that read it was ended by SIGKILL"
    assert children() == before


def test_a_bug_while_others_wait(path, monkeypatch):
    leave = relay.Member.leave_for_all

    def failing(self, number, thing):
        if number == 3:
            raise KeyError("what")
        return leave(self, number, thing)

    monkeypatch.setattr(relay.Member, "leave_for_all", failing)
    with pytest.raises(RuntimeError, match="KeyError: 'what'"):
        analysed(path, processes=2)


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


def test_a_file_that_grows_is_read_as_it_was(path, monkeypatch):
    alone, _ = analysed(path, processes=1)
    added, begin = path.read_bytes()[24:3000], together.Together._begin

    def growing(self, file):
        with path.open("ab") as out:
            out.write(added)
        begin(self, file)

    monkeypatch.setattr(together.Together, "_begin", growing)
    assert analysed(path, processes=2)[0] == alone


def test_what_nobody_takes_waits(monkeypatch):
    monkeypatch.setattr(crew, "MOST_WAITING", 1000)
    many = [bytes(700)] * 500
    group = crew.Crew(2, Event())
    try:
        group.add("slow", lambda: [time.sleep(0.3)])
        group.add("eager", lambda: iter(many))
        assert group.next("slow") is None
        assert group._begun["eager"].size < 3000
        assert [group.next("eager") for _ in many] == many
        with pytest.raises(crew.ProcessDied, match="ended with code 0"):
            group.next("eager")
    finally:
        group.stop()
