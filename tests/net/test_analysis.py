"""Which connections are reported, and what they all come to."""

import pytest

from tests.net.test_observed import OPENING, close, event, followed, seen
from tlsclose.core.event import Kind, Side, Source
from tlsclose.core.verdict import Code
from tlsclose.net.analysis import Analysis
from tlsclose.net.analyze_settings import AnalyzeSettings

CLEAN = followed(*OPENING, *close(10, Source.DECRYPTED))
RESET = followed(*OPENING, event(9, Side.SERVER, Kind.RST), sni="Other.Example")
PLAIN = followed(event(0, Side.CLIENT, Kind.NOT_TLS), sni=None)

SEEN = (
    seen(CLEAN, stream=0),
    seen(PLAIN, stream=1),
    seen(RESET, stream=2, client=("2001:db8::1", 50000), server=("2001:db8::7", 8443)),
    seen(CLEAN, stream=3, client=("192.0.2.9", 443), server=("198.51.100.1", 9443)),
)

CHOICES = (
    ({}, [0, 2, 3]),
    ({"stream": 2}, [2]),
    ({"stream": 1}, []),
    ({"end": ("192.0.2.7", 443)}, [0]),
    ({"end": ("192.0.2.7", 444)}, []),
    ({"end": ("2001:DB8:0::1", 50000)}, [2]),
    ({"end": ("::ffff:192.0.2.7", 443)}, [0]),
    ({"host": "198.51.100.1"}, [3]),
    ({"host": "[2001:db8:0::7]"}, [2]),
    ({"host": "EXAMPLE.org."}, [0, 3]),
    ({"host": "other.example"}, [2]),
    ({"host": "example"}, []),
    ({"port": 443}, [0, 3]),
    ({"port": 443, "host": "192.0.2.9"}, [3]),
    ({"verdicts": frozenset({Code.RESET})}, [2]),
    ({"verdicts": frozenset({Code.RESET, Code.CLEAN})}, [0, 2, 3]),
    ({"verdicts": frozenset({Code.RESET}), "port": 443}, []),
)


def analysed(**choice):
    reports = []
    analysis = Analysis(AnalyzeSettings(**choice), reports.append)
    for one in SEEN:
        analysis.connection(one, "a.pcap")
    return reports, analysis.summary


@pytest.mark.parametrize(("choice", "streams"), CHOICES)
def test_what_was_asked_for(choice, streams):
    reports, summary = analysed(**choice)
    assert [report.connection.stream for report in reports] == streams
    assert summary.connections == len(streams)
    assert summary.connections + summary.left_out == 3
    assert summary.without_tls == 1


def test_verdicts_are_counted_the_most_frequent_first():
    _, summary = analysed()
    assert list(summary.by_code.items()) == [("clean", 2), ("reset", 1)]


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ({}, True),
        ({"port": 1}, False),
        ({"verdicts": frozenset({Code.DATA_LOST})}, True),
        ({"verdicts": frozenset({Code.RESET}), "port": 1}, False),
    ],
)
def test_nothing_found_differs_from_nothing_wrong(choice, found):
    assert analysed(**choice)[1].found is found


def test_packets_and_damage():
    reports = []
    analysis = Analysis(AnalyzeSettings(verdicts=frozenset({Code.RESET})), reports.append)
    analysis.read(3, 300)
    analysis.read(1, 60)
    analysis.broken("a.pcap", "a.pcap: byte 24: breaks off")
    summary = analysis.summary
    assert (summary.packets, summary.bytes, summary.unreadable) == (4, 360, 1)
    assert (summary.connections, summary.found) == (0, False)
    assert reports[0].unobserved.reason == "a.pcap: byte 24: breaks off"


def test_an_outline_counts_the_same_and_tells_no_events():
    whole, summary = analysed()
    outlines, same = analysed(outline=True)
    assert same == summary
    assert not any(report.events or report.verdict.evidence for report in outlines)
    assert [told(one) for one in outlines] == [told(one) for one in whole]


def told(report):
    """What a line has."""
    tls = (report.tls.version, report.tls.sni)
    return report.connection, tls, report.verdict.code, report.verdict.summary
