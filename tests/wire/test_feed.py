"""Waiting for packets, ending the capture, and what goes wrong on the sniffing thread."""

import threading
import time

import pytest

from tests.wire.live import (
    FIN,
    capture,
    count,
    listener,
    open_descriptors,
    sniffing,
    talk,
)
from tlsclose.wire import sniff
from tlsclose.wire.sniff import Sniffer, SniffFilter


@capture
def test_drain_ends_when_done():
    with listener("127.0.0.1") as server, sniffing(server.getsockname()[1]) as (sniffer, frames):
        talk(server)
        assert sniffer.drain(lambda: count(list(frames), FIN) == 2, 30)
        assert not sniffer.drain(lambda: False, 0.01)
        assert sniffer.drain(lambda: True, 0)


@capture
def test_drain_behind_its_deadline_delivers_what_is_queued():
    seen = []

    def slowly(frame):
        time.sleep(0.01)
        seen.append(frame)

    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        with sniffing(port, on_frame=slowly) as (sniffer, _):
            talk(server)
            assert not sniffer.drain(lambda: False, 0)
            assert count(list(seen), FIN) == 2


@capture
def test_drain_ends_with_the_capture():
    with listener("127.0.0.1") as server, sniffing(server.getsockname()[1]) as (sniffer, _):
        threading.Timer(0.05, sniffer.stop).start()
        assert not sniffer.drain(lambda: False, 60)


@capture
def test_stop_is_idempotent_and_soon_leaves_no_thread_or_descriptor():
    others = set(threading.enumerate())

    def settle():
        for thread in set(threading.enumerate()) - others:
            thread.join(30)

    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        with sniffing(port):
            pass
        settle()
        descriptors = open_descriptors()
        for _ in range(5):
            with sniffing(port) as (sniffer, _):
                pass
            sniffer.stop()
        settle()
        assert set(threading.enumerate()) <= others
        assert open_descriptors() == descriptors


def test_stop_and_drain_without_start():
    sniffer = Sniffer(interface="lo", filters=SniffFilter(port=1), on_frame=print)
    sniffer.stop()
    assert not sniffer.drain(lambda: False, 60)
    assert sniffer.dropped == 0


@capture
def test_failure_of_the_receiver_is_raised_by_stop():
    def broken(_):
        raise ZeroDivisionError("receiver")

    with listener("127.0.0.1") as server:
        sniffer = Sniffer(
            interface="lo",
            filters=SniffFilter(port=server.getsockname()[1]),
            on_frame=broken,
        )
        sniffer.start()
        talk(server)
        assert not sniffer.drain(lambda: False, 60)
        with pytest.raises(ZeroDivisionError, match="receiver"):
            sniffer.stop()
        sniffer.stop()


@capture
def test_stop_does_not_wait_for_a_stuck_receiver(monkeypatch):
    monkeypatch.setattr(sniff, "STOP_DEADLINE_S", 0.05)
    release = threading.Event()
    with listener("127.0.0.1") as server:
        sniffer = Sniffer(
            interface="lo",
            filters=SniffFilter(port=server.getsockname()[1]),
            on_frame=lambda _: release.wait(60) and None,
        )
        sniffer.start()
        talk(server)
        sniffer.stop()
        assert not release.is_set()
        release.set()


def test_stream_stands_in_for_a_packet_socket(monkeypatch):
    """Without a right to capture: the source is a script."""

    class Source:
        linger_s = 0.0

        def __init__(self):
            self.dropped = 3
            self.queue = [["a", "b"], ["c"]]
            self.awake = threading.Event()

        def wait(self, timeout_s):
            return None if self.queue else self.awake.wait(timeout_s) and None

        def wake(self):
            self.awake.set()

        def pending(self):
            return bool(self.queue)

        def receive(self):
            return [Stamped(name) for name in self.queue.pop(0)] if self.queue else []

        def settle(self):
            self.dropped += 1

        def close(self):
            """Nothing to close."""

    class Stamped(str):
        at_ns = 0

    source = Source()
    monkeypatch.setattr(sniff, "_open", lambda *_: source)
    with sniffing(1) as (sniffer, frames):
        assert sniffer.drain(lambda: len(frames) == 3, 60)
        source.queue.append(["d"])
    assert "".join(frames) == "abcd"
    assert sniffer.dropped == 4
