"""Captures that several processes share; `conftest` has the fixtures for all tests here."""

import random
from functools import partial

import pytest

from tests.wire.captures import AT, ethernet, pcap
from tests.wire.playbook import CLIENT, MS, SERVER, Tcp, Tls
from tlsclose import api
from tlsclose.core.record import TlsVersion
from tlsclose.net import captures, following, together
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.wire import capture_file, small_capture
from tlsclose.wire.packets import TcpFlags

SECOND = 1000 * MS
MANY = 60
ALL = MANY + MANY // 5


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


@pytest.fixture
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
def few_and_many(path, tmp_path, packets):
    """A large file, and many small ones around it."""
    small = []
    for number in range(40):
        small.append(tmp_path / f"{number}.pcap")
        begin = number % 7 * 20
        small[-1].write_bytes(pcap(packets[begin : begin + 20], nanoseconds=True))
    return [*small[:30], path, *small[30:]]
