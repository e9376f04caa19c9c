"""Whole captures: what the fast way finds is what looking at every packet finds."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pcaps import pcapng
from tests.wire.captures import AT, ethernet, pcap
from tests.wire.forge import DATA, EARLY_DATA, Forged, extension, key_log
from tests.wire.playbook import CLIENT, MS, SERVER, Tcp, Tls, story
from tlsclose.core.event import Kind, Loss
from tlsclose.core.record import TlsVersion
from tlsclose.wire.capture_file import BUFFER_BYTES, CaptureFile, open_capture
from tlsclose.wire.capture_follower import CaptureFollower, follow
from tlsclose.wire.follower import ConnectionFollower
from tlsclose.wire.frame import Frame
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.packets import TcpFlags, decode

PCAPS = sorted((Path(__file__).parents[2] / "pcaps").glob("*.pcapng"))
SECOND = 1000 * MS


class Bytes:
    """A file in memory."""

    live = False

    def __init__(self, data):
        self.data = memoryview(data)

    def fill(self, into):
        part = self.data[: len(into)]
        into[: len(part)] = part
        self.data = self.data[len(part) :]
        return len(part)


def frames(segments, every_ns=MS):
    """One packet each millisecond."""
    return [
        (AT + number * every_ns, data := ethernet(segment), len(data) + segment.truncated)
        for number, segment in enumerate(segments)
    ]


def run(packets, keys, *, buffer_bytes=BUFFER_BYTES, **options):
    found = []
    follower = CaptureFollower(keys, found.append, **options)
    for batch in CaptureFile(
        "it", Bytes(pcap(packets, nanoseconds=True)), keys, buffer_bytes=buffer_bytes
    ):
        follower.take(batch)
    follower.finish()
    return found, follower


def one_by_one(segments, keys):
    """No columns, no batches."""
    follower = ConnectionFollower(keys)
    for number, segment in enumerate(segments):
        follower.segment(number * MS, number + 1, segment)
    return follower.finish()


def connection(version, size, *, reset=False):
    tls = Tls(version).shake().send(CLIENT, b"GET / HTTP/1.1\r\n\r\n")
    for at in range(0, size, 16_000):
        tls.send(SERVER, b"x" * min(16_000, size - at))
    tls.send(CLIENT, b"y" * 3000).close(SERVER).close(CLIENT)
    script = Tcp().open().flights(tls.flights)
    if reset:
        script.ack(CLIENT).rst(SERVER, TcpFlags.RST).rst(CLIENT)
    else:
        script.fin(SERVER).fin(CLIENT).ack(SERVER)
    return script.segments, tls.keys


@pytest.fixture(scope="module", params=[TlsVersion.TLS12, TlsVersion.TLS13])
def long(request):
    return connection(request.param, 200_000)


@pytest.fixture(scope="module", params=[TlsVersion.TLS12, TlsVersion.TLS13])
def reset(request):
    return connection(request.param, 40_000, reset=True)


@pytest.mark.parametrize("path", PCAPS, ids=lambda path: path.stem)
@pytest.mark.parametrize("buffer_bytes", [1500, BUFFER_BYTES])
def test_recorded(path, buffer_bytes):
    capture = pcapng.read(path)
    keys, expected_keys = KeyLog(), KeyLog()
    for line in capture.keys:
        expected_keys.add_line(line)
    expected = ConnectionFollower(expected_keys)
    for number, frame in enumerate(capture.frames, 1):
        expected.segment(frame.at_ns - capture.frames[0].at_ns, number, decode(frame))
    found = []
    with open_capture(path, keys, buffer_bytes=buffer_bytes) as opened:
        follow(opened, keys, on_connection=found.append)
    assert [item.followed for item in found] == [expected.finish()]
    assert found[0].started_at_ns == capture.frames[0].at_ns
    assert found[0].bytes == sum(frame.original_length for frame in capture.frames)
    assert (found[0].client, found[0].first_packet) == (expected.tcp.client, 1)


@pytest.mark.parametrize("buffer_bytes", [2000, 30_000, BUFFER_BYTES])
def test_long_connection(long, buffer_bytes):
    segments, keys = long
    expected = one_by_one(segments, keys)
    for known in (keys, KeyLog()):
        found, _ = run(frames(segments), known, buffer_bytes=buffer_bytes)
        assert [item.followed for item in found] == [one_by_one(segments, known)]
    assert expected.packets == len(segments)


def test_few_segments_of_a_long_connection_are_looked_at(long, monkeypatch):
    segments, keys = long
    seen = []
    whole = ConnectionFollower.in_order
    monkeypatch.setattr(
        ConnectionFollower, "in_order", lambda *args: (seen.append(args), whole(*args))
    )
    monkeypatch.setattr(
        ConnectionFollower,
        "segment",
        lambda *args, inner=ConnectionFollower.segment: (seen.append(args), inner(*args)),
    )
    run(frames(segments), keys)
    assert len(seen) < len(segments) / 3


def test_what_a_reset_answered(reset):
    segments, keys = reset
    found, _ = run(frames(segments), keys)
    assert [item.followed for item in found] == [one_by_one(segments, keys)]
    notes = [event.note for event in found[0].followed.events if event.kind == "rst"]
    assert notes[0].startswith("in reply to the client's")


@st.composite
def perturbed(draw, segments):
    """Segments lost, repeated, moved, snapped, or from the middle of the connection on."""
    result = list(segments)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(result) - 1))
        match draw(st.sampled_from(["lose", "repeat", "move", "snap", "flags", "join"])):
            case "lose":
                del result[at : at + draw(st.integers(1, 3))]
            case "repeat":
                result.insert(draw(st.integers(at, len(result))), result[at])
            case "move":
                result.insert(draw(st.integers(0, len(result) - 1)), result.pop(at))
            case "snap":
                keep = draw(st.integers(0, len(result[at].payload)))
                cut = result[at].payload[:keep]
                missing = len(result[at].payload) - keep + result[at].truncated
                result[at] = result[at]._replace(payload=cut, truncated=missing)
            case "flags":
                result[at] = result[at]._replace(flags=draw(st.sampled_from([0, 4, 8, 16, 20, 24])))
            case "join":
                result[at] = result[at]._replace(ack=draw(st.integers(0, 2**32 - 1)))
        if not result:
            return list(segments)
    return result[draw(st.integers(0, 5)) :] or result


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_disturbed_connections(long, reset, data):
    segments, keys = data.draw(st.sampled_from([long, reset]))
    segments = data.draw(perturbed(segments))
    known = data.draw(st.sampled_from([keys, KeyLog()]))
    size = data.draw(st.sampled_from([2000, 20_000, BUFFER_BYTES]))
    found, follower = run(frames(segments), known, buffer_bytes=size, linger_ns=2**60)
    if len(found) == 1 and not follower.late:
        assert found[0].followed == one_by_one(segments, known)
    slow, _ = run(frames(segments), known, buffer_bytes=size, linger_ns=2**60, fast=False)
    assert found == slow


def port(segments, number):
    """The same connection from another client port."""
    return [
        segment._replace(
            **{
                end: (getattr(segment, end)[0], number)
                for end in ("src", "dst")
                if getattr(segment, end)[1] != 443
            }
        )
        for segment in segments
    ]


def test_connections_side_by_side(long):
    segments, keys = long
    flows = [port(segments, number) for number in range(50_000, 50_020)]
    mixed = [segment for row in zip(*flows, strict=True) for segment in row]
    found, _ = run(frames(mixed, 1000), keys, buffer_bytes=100_000)
    assert {item.client[1] for item in found} == set(range(50_000, 50_020))
    stories = {tuple(story(item.followed)) for item in found}
    assert len(stories) == 1
    shares = [run(frames(mixed, 1000), keys, share=(at, 3))[0] for at in range(3)]
    assert sorted(item.first_packet for share in shares for item in share) == list(range(1, 21))


def test_ports_used_again(long):
    segments, keys = long
    again = [
        segment._replace(seq=(segment.seq + 5000) % 2**32, ack=(segment.ack + 5000) % 2**32)
        for segment in segments
    ]
    found, _ = run(frames([*segments, *again]), keys)
    assert [item.followed.packets for item in found] == [len(segments)] * 2
    assert story(found[0].followed) == story(found[1].followed)
    assert found[1].first_packet == len(segments) + 1
    assert found[1].bytes == found[0].bytes


@pytest.mark.parametrize("buffer_bytes", [1500, BUFFER_BYTES])
@pytest.mark.parametrize("back_ns", [1, MS, 3600 * SECOND, AT])
@pytest.mark.parametrize("every", [1, 20, 100])
def test_a_clock_that_is_set_back(long, back_ns, every, buffer_bytes):
    """Packets keep the order of the file, and no event comes before the one it followed."""
    segments, keys = long
    packets = [
        (at_ns - back_ns * (number % (2 * every) >= every), *rest)
        for number, (at_ns, *rest) in enumerate(frames(segments))
    ]
    [found], _ = run(packets, keys, buffer_bytes=buffer_bytes)
    slow, _ = run(packets, keys, buffer_bytes=buffer_bytes, fast=False)
    assert [found] == slow
    events = found.followed.events
    assert [event.at_ns for event in events] == sorted(event.at_ns for event in events)
    assert [event.packet for event in events] == sorted(event.packet for event in events)
    assert events[0].at_ns == 0
    without = [note for note in found.followed.notes if "clock" not in note]
    expected = one_by_one(segments, keys)
    folded = (Kind.APP_DATA, Kind.RECORD)
    assert story(found.followed, without=folded) == story(expected, without=folded)
    assert len(found.followed.notes) - len(without) == (back_ns > MS)


@pytest.mark.parametrize("which", [1, 2, 3, 20, -3, -2, -1])
def test_a_single_packet_with_an_earlier_time(long, which):
    segments, keys = long
    packets = frames(segments)
    at_ns, *rest = packets[which]
    packets[which] = (at_ns - SECOND, *rest)
    found, _ = run(packets, keys)
    assert found == run(packets, keys, fast=False)[0]
    events = found[0].followed.events
    assert [event.packet for event in events] == sorted(event.packet for event in events)


def test_a_connection_that_is_over_does_not_wait_for_a_clock_that_was_set_back():
    script = Tcp().open().fin(CLIENT).fin(SERVER).ack(CLIENT)
    other = frames(port(Tcp().open().segments, 50_001))
    packets = frames(script.segments)
    packets += [(at - 3600 * SECOND, *rest) for at, *rest in other]
    found = []
    follower = CaptureFollower(KeyLog(), found.append)
    for batch in CaptureFile("it", Bytes(pcap(packets)), KeyLog(), buffer_bytes=150):
        follower.take(batch)
    assert [item.client[1] for item in found] == [50_000]


@pytest.mark.parametrize("lower", [1, 5000, 2**28])
def test_ports_used_again_with_lower_numbers(long, lower):
    """What the connection before acknowledged says nothing of the next one."""
    segments, keys = long
    again = [
        segment._replace(seq=(segment.seq - lower) % 2**32, ack=(segment.ack - lower) % 2**32)
        for segment in segments[:-6]
    ]
    found, _ = run(frames([*segments, *again]), keys)
    expected = one_by_one(segments[:-6], keys)
    assert story(found[1].followed) == story(expected)
    assert found[1].followed.notes == expected.notes


@pytest.mark.parametrize("buffer_bytes", [150, BUFFER_BYTES])
def test_the_same_numbers_used_again_much_later(buffer_bytes):
    script = Tcp().open().fin(CLIENT).fin(SERVER).ack(CLIENT)
    packets = frames(script.segments)
    packets += [(at + 60 * SECOND, *rest) for at, *rest in packets]
    found, follower = run(packets, KeyLog(), buffer_bytes=buffer_bytes)
    assert [item.first_packet for item in found] == [1, 7]
    assert follower.late == 0


@pytest.mark.parametrize("buffer_bytes", [2000, BUFFER_BYTES])
def test_a_repeated_syn_opens_nothing(buffer_bytes):
    script = Tcp().put(CLIENT, TcpFlags.SYN)
    script.segments.append(script.segments[0])
    script.put(SERVER, TcpFlags.SYN | TcpFlags.ACK).put(CLIENT).fin(CLIENT).fin(SERVER)
    found, _ = run(frames(script.segments), KeyLog(), buffer_bytes=buffer_bytes)
    assert [item.followed.packets for item in found] == [6]


@pytest.mark.parametrize("buffer_bytes", [150, BUFFER_BYTES])
def test_late_packets(buffer_bytes):
    script = Tcp().open().fin(CLIENT).fin(SERVER).ack(CLIENT).rst(SERVER)
    packets = frames(script.segments)
    late = ethernet(script.segments[-1])
    packets += [(packets[-1][0] + wait, late, len(late)) for wait in (SECOND, 90 * SECOND)]
    found, follower = run(packets, KeyLog(), buffer_bytes=buffer_bytes)
    assert [item.followed.packets for item in found] == [len(script.segments) + 1]
    assert follower.late == 1


def test_reported_when_over():
    script = Tcp().open().fin(CLIENT).fin(SERVER).ack(CLIENT)
    other = port(Tcp().open().segments, 50_001)
    packets = frames([*script.segments, *other])
    packets = [*packets[:-3], *((at + 60 * SECOND, *rest) for at, *rest in packets[-3:])]
    found = []
    follower = CaptureFollower(KeyLog(), found.append)
    data = pcap(packets, nanoseconds=True)
    for batch in CaptureFile("it", Bytes(data), KeyLog(), buffer_bytes=150):
        follower.take(batch)
    assert [item.client[1] for item in found] == [50_000]


def test_too_many_open():
    begun = [port(Tcp().data(CLIENT, b"x").segments, number)[0] for number in range(1000, 1100)]
    found, follower = run(frames(begun), KeyLog(), max_open=10, buffer_bytes=200)
    assert len(found) == 100
    assert follower.evicted == 90
    assert "too many connections" in found[0].followed.notes[-1]
    assert [item.first_packet for item in found] == list(range(1, 101))


@pytest.mark.parametrize("few", [True, False])
def test_fragments_are_told_of_and_their_connection_is_not_judged(few):
    script = Tcp().open().data(CLIENT, b"first part").lost(CLIENT, 90).data(SERVER, b"answer")
    packets = frames(script.fin(CLIENT).fin(SERVER).ack(CLIENT).segments)
    at_ns, data, size = packets[3]
    packets[3] = at_ns, data[:20] + b"\x20\x00" + data[22:], size
    packets.insert(4, (at_ns, data[:20] + b"\x00\x05" + data[22:], size))
    found = []
    follower = CaptureFollower(KeyLog(), found.append)
    if few:
        follower.take_few([Frame(at_ns, 1, data, size) for at_ns, data, size in packets])
    else:
        for batch in CaptureFile("it", Bytes(pcap(packets, nanoseconds=True)), KeyLog()):
            follower.take(batch)
    follower.finish()
    meaning = "the connections that they belong to are not judged"
    assert follower.warnings == (f"IP fragments of TCP segments, not put together: 2; {meaning}",)
    gaps = [event.detail for event in found[0].followed.events if event.kind is Kind.GAP]
    assert gaps[0] is Loss.NOT_CAPTURED
    assert run([], KeyLog())[1].warnings == ()


@pytest.mark.parametrize("split", [5, 20, 1000])
def test_a_record_on_its_way_while_the_hellos_go_through(split):
    """Whether it is read was settled by its header, when too much early data waited already."""
    made = Forged(EARLY_DATA)
    for _ in range(5):
        made.seal("early", DATA, bytes(16_000))
    made.server_flight(extension(41, b"\x00\x00"))
    *before, (_, last), hello, one, other = made.flights
    script = Tcp().open().flights(before).data(CLIENT, last[:split])
    script.flights([hello, one, other]).data(CLIENT, last[split:]).fin(CLIENT).fin(SERVER)
    packets, keys = frames(script.segments), key_log()
    found, _ = run(packets, keys, linger_ns=2**60)
    slow, _ = run(packets, keys, linger_ns=2**60, fast=False)
    assert found == slow
