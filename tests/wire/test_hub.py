import struct
import threading

import pytest

from tlsclose.wire import hub as module
from tlsclose.wire.frame import Frame, LinkType
from tlsclose.wire.hub import Hub
from tlsclose.wire.packets import TcpFlags

CLIENT, SERVER = ("10.0.0.1", 1000), ("10.0.0.2", 443)
SYN, ACK, FIN, RST = TcpFlags.SYN, TcpFlags.ACK, TcpFlags.FIN, TcpFlags.RST


def frame(src, dst, flags, payload=b"", seq=7):
    tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq, 0, 0x50, flags, 100, 0, 0) + payload
    ips = bytes(map(int, f"{src[0]}.{dst[0]}".split(".")))
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + ips
    data = ip + tcp
    return Frame(at_ns=1, link_type=LinkType.RAW, data=data, original_length=len(data))


def ours(flags=ACK, payload=b"", seq=7):
    return frame(CLIENT, SERVER, flags, payload, seq)


def theirs(flags=ACK, payload=b"", seq=7):
    return frame(SERVER, CLIENT, flags, payload, seq)


def fed(*frames, record=None):
    hub = Hub(record)
    for item in frames:
        hub.on_frame(item)
    return hub


def payloads(queue):
    return [packet.segment.payload for packet in queue.take() if packet.segment.payload]


def numbers(queue):
    return [packet.number for packet in queue.take()]


def test_packets_before_the_claim_are_there():
    hub = fed(ours(SYN), theirs(SYN | ACK), ours(ACK, b"hello"))
    queue = hub.claim(CLIENT, SERVER)
    assert numbers(queue) == [1, 2, 3]
    hub.on_frame(theirs(ACK, b"world"))
    assert payloads(queue) == [b"world"]
    assert queue.take() == []


def test_claim_before_the_first_packet():
    hub = Hub()
    queue = hub.claim(SERVER, CLIENT)
    hub.on_frame(ours(SYN))
    assert numbers(queue) == [1]


def test_strangers_without_a_syn_are_nobodys_but_count():
    hub = fed(ours(ACK, b"late"), ours(SYN))
    assert numbers(hub.claim(CLIENT, SERVER)) == [2]


def test_what_is_no_tcp_is_numbered_and_recorded_too():
    seen = []

    def record(item):
        seen.append(item)
        return len(seen)

    junk = Frame(at_ns=1, link_type=LinkType.RAW, data=b"junk", original_length=4)
    hub = fed(junk, ours(SYN), record=record)
    assert numbers(hub.claim(CLIENT, SERVER)) == [2]
    assert seen[0] is junk


def test_numbers_are_the_files():
    hub = fed(ours(SYN), record=lambda _: 4711)
    assert numbers(hub.claim(CLIENT, SERVER)) == [4711]


def test_repeated_syn_is_the_same_connection():
    hub = fed(ours(SYN), ours(SYN), ours(ACK, b"x"))
    assert len(hub.claim(CLIENT, SERVER).take()) == 3


def test_port_used_again_before_anyone_claimed():
    hub = fed(ours(SYN, seq=7), ours(ACK, b"old"), ours(SYN, seq=99), ours(ACK, b"new"))
    assert payloads(hub.claim(CLIENT, SERVER)) == [b"new"]


def test_port_used_again_while_the_old_connection_is_still_judged():
    hub = fed(ours(SYN, seq=7))
    old = hub.claim(CLIENT, SERVER)
    hub.on_frame(ours(ACK, b"old"))
    hub.on_frame(ours(SYN, seq=99))
    hub.on_frame(ours(ACK, b"new"))
    new = hub.claim(CLIENT, SERVER)
    hub.release(CLIENT, SERVER, old)
    hub.on_frame(ours(ACK, b"newer"))
    assert payloads(old) == [b"old"]
    assert payloads(new) == [b"new", b"newer"]


def test_successor_claimed_before_its_syn_gets_nothing_of_the_old():
    hub = fed(ours(SYN, seq=7))
    old = hub.claim(CLIENT, SERVER)
    new = hub.claim(CLIENT, SERVER)
    hub.on_frame(theirs(FIN | ACK))
    hub.on_frame(ours(SYN, seq=99))
    hub.on_frame(ours(ACK, b"new"))
    hub.release(CLIENT, SERVER, old)
    assert [packet.segment.seq for packet in new.take()] == [99, 7]


def test_release_forgets():
    hub = fed(ours(SYN))
    queue = hub.claim(CLIENT, SERVER)
    hub.release(CLIENT, SERVER, queue)
    hub.release(CLIENT, SERVER, queue)
    hub.on_frame(ours(ACK, b"x"))
    assert payloads(queue) == []


def test_oldest_unclaimed_is_evicted(monkeypatch):
    monkeypatch.setattr(module, "MAX_UNCLAIMED", 2)
    peers = [("10.0.0.1", port) for port in (1, 2, 3)]
    hub = fed(*(frame(peer, SERVER, SYN) for peer in peers))
    assert [len(hub.claim(peer, SERVER).take()) for peer in peers] == [0, 1, 1]


def test_claimed_queue_is_bounded_by_bytes_and_counts_the_rest(monkeypatch):
    monkeypatch.setattr(module, "PACKET_COST", 0)
    queue = module.PacketQueue()
    for item in (ours(ACK, b"ab"), ours(ACK, b"cd"), ours(FIN, b"e")):
        segment = module.decode(item)
        queue.put(module.Packet(1, 1, segment), 3)
    assert queue.dropped == 1
    assert payloads(queue) == [b"ab", b"e"]
    assert queue.wait_for_end({(CLIENT, False)}, 0)


def test_empty_packets_cost_too():
    queue = module.PacketQueue()
    packet = module.Packet(1, 1, module.decode(ours()))
    for _ in range(10):
        queue.put(packet, 4 * module.PACKET_COST)
    assert queue.dropped == 6


def test_unclaimed_share_one_budget(monkeypatch):
    monkeypatch.setattr(module, "MAX_UNCLAIMED_BYTES", 3 * module.PACKET_COST)
    one, two = ("10.0.0.1", 1), ("10.0.0.1", 2)
    hub = fed(
        frame(one, SERVER, SYN), frame(one, SERVER, ACK), frame(two, SERVER, SYN),
        frame(two, SERVER, ACK), frame(one, SERVER, ACK),
    )  # fmt: skip
    first = hub.claim(one, SERVER)
    assert (len(first.take()), first.dropped) == (2, 1)
    hub.on_frame(frame(two, SERVER, ACK))
    second = hub.claim(two, SERVER)
    assert (len(second.take()), second.dropped) == (2, 1)


@pytest.mark.parametrize(
    ("packets", "wanted", "there"),
    [
        ([theirs(FIN | ACK)], {(SERVER, False)}, True),
        ([theirs(RST)], {(SERVER, True)}, True),
        ([theirs(RST)], {(SERVER, False)}, False),
        ([theirs(FIN)], {(CLIENT, False)}, False),
        ([theirs(FIN), ours(FIN)], {(CLIENT, False), (SERVER, False)}, True),
        ([], set(), True),
    ],
)
def test_wait_for_end(packets, wanted, there):
    queue = fed(ours(SYN), *packets).claim(CLIENT, SERVER)
    assert queue.wait_for_end(wanted, 0) is there


def test_wait_wakes_up():
    hub = fed(ours(SYN))
    queue = hub.claim(CLIENT, SERVER)
    sniffer = threading.Thread(target=lambda: hub.on_frame(theirs(FIN)))
    sniffer.start()
    assert queue.wait_for_end({(SERVER, False)}, 20)
    sniffer.join()


def test_many_threads_lose_nothing():
    hub = Hub()
    peers = [("10.0.0.1", port) for port in range(1, 201)]
    taken = {}

    def follow(peer):
        queue = hub.claim(peer, SERVER)
        queue.wait_for_end({(peer, False)}, 20)
        taken[peer] = len(queue.take())
        hub.release(peer, SERVER, queue)

    threads = [threading.Thread(target=follow, args=(peer,)) for peer in peers]
    for thread in threads[::2]:
        thread.start()
    for flags in (SYN, ACK, FIN):
        for peer in peers:
            hub.on_frame(frame(peer, SERVER, flags))
    for thread in threads[1::2]:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == dict.fromkeys(peers, 3)
