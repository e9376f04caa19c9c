"""What happens to packets must not change what is told of the close: right, or no judgement.

Each case takes one properly closed connection, does something to its packets, writes them as a
capture file and has `analyze` judge it.
"""

import pytest

from tests.wire.captures import AT, ethernet, pcap
from tests.wire.playbook import CLIENT, MS, SERVER, Tcp, Tls
from tlsclose import api
from tlsclose.core.event import Side
from tlsclose.core.record import TlsVersion
from tlsclose.core.verdict import Code, Confidence
from tlsclose.net.analyze_settings import AnalyzeSettings
from tlsclose.wire.packets import TcpFlags

RST, ACK = TcpFlags.RST, TcpFlags.ACK
NO_JUDGEMENT = {Code.CAPTURE_INCOMPLETE, Code.UNDETERMINED}


@pytest.fixture(scope="module", params=[TlsVersion.TLS12, TlsVersion.TLS13])
def tls(request):
    made = Tls(request.param).shake().send(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
    return made.send(SERVER, b"x" * 4000).close(SERVER).close(CLIENT)


def opened(tls, *, flights=None):
    """Up to the last record; the alerts are the last two flights."""
    return Tcp().open().flights(tls.flights if flights is None else tls.flights[:flights])


def closed(script):
    return script.fin(SERVER).ack(CLIENT).fin(CLIENT).ack(SERVER)


def analyzed(tmp_path, tls, frames):
    path, keys = tmp_path / "it.pcap", tmp_path / "keys"
    path.write_bytes(pcap(frames, nanoseconds=True))
    keys.write_text("\n".join(tls.keys.lines()))
    reports = []
    api.analyze([path], AnalyzeSettings(keylogs=(keys,)), on_report=reports.append)
    return reports


def frames_of(segments):
    return [
        (AT + at * MS, data := ethernet(item), len(data) + item.truncated)
        for at, item in enumerate(segments)
    ]


def one(tmp_path, tls, script):
    [report] = analyzed(tmp_path, tls, frames_of(script.segments))
    return report


def codes(report):
    return {finding.code for finding in report.findings}


def details(report):
    return [finding.detail for finding in report.findings]


def keep_alive(tls):
    script = opened(tls, flights=-2)
    for side in (CLIENT, SERVER):
        behind = script.next[side] - 1
        script.segments += [
            script.segment(side, ACK, b"", seq=behind),
            script.segment(side.other, ACK),
            script.segment(side, ACK, b"\0", seq=behind),
            script.segment(side.other, ACK),
        ]
    return closed(script.flights(tls.flights[-2:]))


def zero_window(tls):
    script = opened(tls, flights=-2)
    for window in (0, 0, 65535):
        script.segments.append(script.segment(CLIENT)._replace(window=window))
        script.segments.append(script.segment(SERVER, seq=script.next[SERVER] - 1))
    return closed(script.flights(tls.flights[-2:]))


def repeated_fin(tls):
    script = opened(tls).fin(SERVER)
    script.segments += [script.segments[-1]] * 2
    return script.fin(CLIENT).ack(SERVER)


def simultaneous(tls):
    """Each FIN is sent before the other one has come."""
    script = opened(tls)
    heard = dict(script.got)
    script.fin(SERVER).put(CLIENT, TcpFlags.FIN | ACK, ack=heard[CLIENT])
    return script.ack(SERVER).ack(CLIENT)


def fin_before_data(tls):
    """The last segments come in another order."""
    script = closed(opened(tls))
    script.segments[-6:-2] = script.segments[-6:-2][::-1]
    return script


def everything_twice(tls):
    script = closed(opened(tls))
    script.segments = [segment for segment in script.segments for _ in range(2)]
    return script


def old_reset(tls):
    script = opened(tls, flights=-2)
    script.rst(CLIENT, RST, seq=script.next[CLIENT] - 5)
    return closed(script.flights(tls.flights[-2:]))


def far_reset(tls):
    script = opened(tls, flights=-2).rst(SERVER, RST | ACK, seq=12345, ack=54321)
    return closed(script.flights(tls.flights[-2:]))


def guessed_reset(tls):
    """Inside the window, not exact: answered with a challenge (RFC 5961 section 3.2)."""
    script = opened(tls, flights=-2)
    script.rst(CLIENT, RST, seq=script.next[CLIENT] + 9000).ack(SERVER)
    return closed(script.flights(tls.flights[-2:]))


PROPER = (keep_alive, zero_window, repeated_fin, simultaneous, fin_before_data, everything_twice)
STRAY = (old_reset, far_reset, guessed_reset)


@pytest.mark.parametrize("made", [*PROPER, *STRAY])
def test_a_proper_close_stays_one(tmp_path, tls, made):
    report = one(tmp_path, tls, made(tls))
    assert (report.verdict.code, report.verdict.confidence) == (Code.CLEAN, Confidence.PROVEN)
    assert ("stray-reset" in codes(report)) is (made in STRAY)
    assert report.close.client.rst is report.close.server.rst is None


def test_probes_are_no_retransmissions(tmp_path, tls):
    assert not any("retransmitted" in text for text in details(one(tmp_path, tls, keep_alive(tls))))


def test_checksums_do_not_matter(tmp_path, tls):
    """A card that computes them has not done so yet where the capture is made."""
    frames = frames_of(closed(opened(tls)).segments)
    wrong = []
    for at_ns, data, original in frames:
        frame = bytearray(data)
        frame[24:26], frame[50:52] = b"\xde\xad", b"\xbe\xef"
        wrong.append((at_ns, bytes(frame), original))
    [report] = analyzed(tmp_path, tls, wrong)
    assert report.verdict.code is Code.CLEAN


def test_a_clock_that_goes_back(tmp_path, tls):
    frames = frames_of(closed(opened(tls)).segments)
    half = len(frames) // 2
    frames[half:] = [(at_ns - 3600 * 1000 * MS, *rest) for at_ns, *rest in frames[half:]]
    [report] = analyzed(tmp_path, tls, frames)
    assert report.verdict.code is Code.CLEAN
    assert all(event.at_ns >= 0 for event in report.events)
    assert any("clock went back by 3599" in text for text in details(report))


def test_ports_used_again(tmp_path, tls):
    first = closed(opened(tls)).segments
    again = [
        item._replace(seq=(item.seq - 999) % 2**32, ack=(item.ack - 999) % 2**32) for item in first
    ]
    reports = analyzed(tmp_path, tls, frames_of([*first, *again]))
    assert [report.verdict.code for report in reports] == [Code.CLEAN, Code.CLEAN]


@pytest.mark.parametrize(
    ("flags", "note"),
    [
        (RST, "in reply to the server's segment, its socket being closed"),
        (RST | ACK, "with 505 bytes of the server unacknowledged"),
    ],
)
def test_a_reset_that_counts(tmp_path, tls, flags, note):
    """Who sent it, in reply to what, and what lay unacknowledged."""
    script = opened(tls, flights=-2).data(SERVER, b"\x17\x03\x03\x40\x00" + bytes(500))
    script.rst(CLIENT, flags, ack=script.got[CLIENT] - 505)
    report = one(tmp_path, tls, script)
    assert (report.verdict.code, report.verdict.blame) in {
        (Code.RESET, Side.CLIENT),
        (Code.DATA_LOST, Side.CLIENT),
    }
    [event] = [event for event in report.events if event.kind == "rst"]
    assert (event.sender, event.note) == (CLIENT, note)


def test_a_reset_outside_the_window_does_not_hide_the_one_that_counts(tmp_path, tls):
    script = opened(tls, flights=-2)
    script.rst(CLIENT, RST, seq=script.next[CLIENT] - 5).rst(CLIENT, RST)
    report = one(tmp_path, tls, script)
    assert report.verdict.code is Code.RESET
    assert report.events[report.close.client.rst].packet == len(script.segments)
    assert "stray-reset" in codes(report)


LOSSES = {
    "only the client": lambda made: [item for item in made if item.src[1] == 50000],
    "only the server": lambda made: [item for item in made if item.src[1] == 443],
    "from the middle on": lambda made: made[len(made) // 2 :],
    "up to the middle": lambda made: made[: len(made) // 2],
    "every third is missing": lambda made: [item for at, item in enumerate(made) if at % 3],
    "snapped to the headers": lambda made: [
        item._replace(payload=b"", truncated=len(item.payload)) for item in made
    ],
    "snapped to 20 bytes": lambda made: [
        item._replace(payload=item.payload[:20], truncated=max(0, len(item.payload) - 20))
        for item in made
    ],
}


@pytest.mark.parametrize("how", LOSSES)
def test_what_is_not_there_is_never_judged_wrongly(tmp_path, tls, how):
    reports = analyzed(tmp_path, tls, frames_of(LOSSES[how](closed(opened(tls)).segments)))
    for report in reports:
        assert report.verdict.code in NO_JUDGEMENT | {Code.CLEAN}
        if report.verdict.code is Code.CLEAN:
            assert report.verdict.confidence is Confidence.INFERRED


def test_one_packet_that_the_capture_lacks(tmp_path, tls):
    """Its bytes were acknowledged, so both sides have them."""
    made = closed(opened(tls)).segments
    for lost in range(len(made)):
        reports = analyzed(tmp_path, tls, frames_of([*made[:lost], *made[lost + 1 :]]))
        assert {report.verdict.code for report in reports} <= NO_JUDGEMENT | {Code.CLEAN}


def test_a_capture_that_starts_anywhere(tmp_path, tls):
    """Whatever the first packets were, the handshake did not fail."""
    made = closed(opened(tls)).segments
    for first in range(len(made)):
        reports = analyzed(tmp_path, tls, frames_of(made[first:]))
        assert {report.verdict.code for report in reports} <= NO_JUDGEMENT | {Code.CLEAN}, first


@pytest.mark.parametrize("flags", [RST, RST | ACK])
def test_a_packet_that_the_capture_lacks_before_a_reset(tmp_path, tls, flags):
    """Nobody acknowledged it, and nobody said that it did not come."""
    script = opened(tls, flights=-1).lost(SERVER, 24).fin(SERVER)
    script.rst(CLIENT, flags, ack=script.got[CLIENT] - 25)
    assert one(tmp_path, tls, script).verdict.code is Code.CAPTURE_INCOMPLETE


@pytest.mark.parametrize("fast", [False, True])
def test_an_acknowledgement_tells_how_much_its_sender_had_sent(tmp_path, tls, fast):
    """Its close_notify is not in the capture, and a reset without number ends it."""
    script = opened(tls, flights=-1).lost(CLIENT, 24).put(CLIENT)
    if fast:
        for _ in range(20):
            script.put(CLIENT)
    script.rst(SERVER, RST)
    assert one(tmp_path, tls, script).verdict.code is Code.CAPTURE_INCOMPLETE
