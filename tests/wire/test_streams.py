"""Packets of one connection to extents and TCP facts."""

import pytest

from tests.wire.playbook import ADDRESSES, CLIENT, SERVER, Tcp
from tlsclose.core.event import Loss
from tlsclose.wire.packets import TcpFlags
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.streams import Extent, Fin, Hole, Outlived, Rst, Syn, TcpConnection


def facts(segments, client=None):
    connection = TcpConnection(client)
    found = []
    for number, segment in enumerate(segments, 1):
        found += connection.segment(Stamp(number, number), segment)
    return found + connection.finish()


def brief(found):
    return [(type(fact), fact.sender, fact.stamp.number) for fact in found]


def test_a_connection_from_syn_to_fin():
    script = Tcp().open().data(CLIENT, b"ping").data(SERVER, b"pong").fin(CLIENT).fin(SERVER, b"!")
    found = facts(script.segments)
    assert brief(found) == [
        (Syn, CLIENT, 1),
        (Syn, SERVER, 2),
        (Extent, CLIENT, 4),
        (Extent, SERVER, 5),
        (Fin, CLIENT, 6),
        (Extent, SERVER, 7),
        (Fin, SERVER, 7),
    ]
    assert found[-1].size == 1


@pytest.mark.parametrize("isn", [0, 2**32 - 1, 2**32 - 3, 2**31 - 2])
def test_sequence_numbers_wrap(isn):
    script = Tcp(isn={CLIENT: isn, SERVER: isn})
    script.open().data(CLIENT, b"abcd").data(CLIENT, b"efgh").fin(CLIENT).ack(SERVER)
    found = facts(script.segments)
    assert b"".join(fact.data for fact in found if isinstance(fact, Extent)) == b"abcdefgh"
    assert not any(isinstance(fact, Hole) for fact in found)


def test_data_on_a_syn_is_the_beginning_of_the_stream():
    script = Tcp().put(CLIENT, TcpFlags.SYN, b"early").put(SERVER, TcpFlags.SYN | TcpFlags.ACK)
    script.data(CLIENT, b" late")
    found = facts(script.segments)
    assert [fact.data for fact in found if isinstance(fact, Extent)] == [b"early", b" late"]


def test_repeated_syn_and_fin_are_one_each():
    script = Tcp().open().fin(CLIENT)
    syn, fin = script.segments[0], script.segments[-1]
    found = facts([syn, *script.segments, fin])
    assert [type(fact) for fact in found] == [Syn, Syn, Fin]


@pytest.mark.parametrize(
    ("segments", "client"),
    [
        (Tcp().open().segments[1:], CLIENT),
        (Tcp().data(CLIENT, b"\x16\x03\x01\x02\x00\x01").segments, CLIENT),
        (Tcp().data(CLIENT, b"?").data(SERVER, b"\x16\x03\x03\x02\x00\x02").segments, CLIENT),
        (Tcp().data(SERVER, b"\x17\x03\x03").segments, CLIENT),
        (Tcp().data(SERVER, b"x").data(CLIENT, b"y").segments * 40, CLIENT),
    ],
)
def test_who_the_client_is(segments, client):
    connection = TcpConnection()
    for number, segment in enumerate(segments, 1):
        connection.segment(Stamp(number, number), segment)
    connection.finish()
    assert connection.client == ADDRESSES[client]
    assert connection.packets == len(segments)


def test_the_client_may_be_told():
    found = facts(Tcp().data(SERVER, b"x").segments, ADDRESSES[SERVER])
    assert brief(found) == [(Extent, CLIENT, 1)]


def test_truncated_payload_is_a_hole_that_was_not_captured():
    found = facts(Tcp().open().put(CLIENT, data=b"abc", truncated=5).data(CLIENT, b"de").segments)
    assert [type(fact) for fact in found[2:]] == [Extent, Hole, Extent]
    assert (found[3].size, found[3].loss) == (5, Loss.NOT_CAPTURED)


def test_a_direction_that_was_not_captured_is_known_by_its_acknowledgements():
    script = Tcp().open().data(CLIENT, b"ping").data(SERVER, b"pong!").ack(CLIENT)
    found = facts([segment for segment in script.segments if segment.src == ADDRESSES[CLIENT]])
    holes = [fact for fact in found if isinstance(fact, Hole)]
    assert [(hole.sender, hole.size, hole.loss) for hole in holes] == [
        (SERVER, 5, Loss.NOT_CAPTURED)
    ]


class TestReset:
    def reset(self, script):
        return next(fact for fact in facts(script.segments) if isinstance(fact, Rst))

    def test_counts_what_either_side_had_not_acknowledged(self):
        script = Tcp().open().data(CLIENT, b"12345").ack(SERVER).data(SERVER, b"123")
        heard = script.next[CLIENT]
        found = self.reset(
            script.data(CLIENT, b"1234567").data(SERVER, b"12").rst(SERVER, ack=heard)
        )
        assert (found.ignored, found.unacknowledged) == (0, 2)
        quiet = Tcp().open().data(CLIENT, b"12345")
        found = self.reset(quiet.rst(SERVER, ack=quiet.isn[CLIENT] + 1))
        assert (found.ignored, found.unacknowledged, found.answers) == (5, 0, None)

    def test_names_the_packet_it_answers(self):
        script = Tcp().open().fin(SERVER).ack(CLIENT).data(CLIENT, b"late").fin(CLIENT)
        ack = script.segments[-1].ack
        found = self.reset(script.rst(SERVER, TcpFlags.RST, seq=ack, ack=0))
        assert found.answers == 6
        assert script.segments[5].payload == b"late"

    def test_answers_nothing_where_the_numbers_do_not_meet(self):
        script = Tcp().open().fin(SERVER).data(CLIENT, b"late")
        found = self.reset(script.rst(SERVER, TcpFlags.RST, seq=script.next[SERVER] + 9, ack=0))
        assert found.answers is None

    @pytest.mark.parametrize(
        ("back", "inside"), [(0, True), (1, False), (-1000, True), (-(2**30) - 1, False)]
    )
    def test_tells_whether_it_is_inside_the_window(self, back, inside):
        script = Tcp().open().data(CLIENT, b"12345").ack(SERVER)
        found = self.reset(script.rst(CLIENT, seq=script.next[CLIENT] - back))
        assert found.in_window is inside

    @pytest.mark.parametrize(("back", "inside"), [(0, True), (1, True), (2, False)])
    def test_the_number_of_an_acknowledged_fin_is_taken_for_the_one_behind_it(self, back, inside):
        script = Tcp().open().data(CLIENT, b"12345").fin(CLIENT).ack(SERVER)
        found = self.reset(script.rst(CLIENT, seq=script.next[CLIENT] - back))
        assert found.in_window is inside

    def test_outside_the_window_it_teaches_nothing(self):
        script = Tcp().open().data(CLIENT, b"12345").ack(SERVER).data(SERVER, b"123")
        script.rst(CLIENT, seq=script.next[CLIENT] - 3, ack=script.next[SERVER] + 10**6)
        found = facts(script.fin(CLIENT).fin(SERVER).ack(CLIENT).segments)
        assert not [fact for fact in found if isinstance(fact, Hole)]
        connection = TcpConnection()
        for number, segment in enumerate(script.segments[:-3], 1):
            connection.segment(Stamp(number, number), segment)
        assert not connection.over

    def test_as_the_first_word_of_its_side_it_does_not_say_where_the_stream_begins(self):
        script = Tcp().rst(SERVER, TcpFlags.RST, seq=5 * 10**6, ack=0)
        found = facts(script.data(SERVER, b"pong").segments, ADDRESSES[CLIENT])
        assert brief(found) == [(Rst, SERVER, 1), (Extent, SERVER, 2)]


class TestOutlived:
    """A RST that both sides have outlived is told so once, by the side it came from."""

    FLAGS = TcpFlags.RST

    def outlived(self, script):
        connection = TcpConnection()
        found = []
        for number, segment in enumerate(script.segments, 1):
            found += connection.segment(Stamp(number, number), segment)
        assert next(fact for fact in found if isinstance(fact, Rst)).in_window
        names = [fact.sender for fact in found if isinstance(fact, Outlived)]
        return names, connection.over

    def test_by_data_beyond_it(self):
        script = Tcp().open().data(CLIENT, b"1").ack(SERVER).rst(CLIENT, self.FLAGS)
        assert self.outlived(script) == ([], True)
        script.data(CLIENT, b"23")
        assert self.outlived(script) == ([], True)
        assert self.outlived(script.ack(SERVER)) == ([CLIENT], False)
        assert self.outlived(script.ack(SERVER).data(CLIENT, b"4").ack(SERVER)) == ([CLIENT], False)

    def test_by_a_fin_short_of_it(self):
        script = Tcp().open().rst(SERVER, self.FLAGS, seq=Tcp().isn[SERVER] + 5000)
        script.data(SERVER, b"bye").fin(SERVER)
        assert self.outlived(script) == ([], True)
        assert self.outlived(script.ack(CLIENT)) == ([SERVER], False)

    def test_not_by_what_was_in_flight(self):
        script = Tcp().open().data(CLIENT, b"12345")
        script.rst(CLIENT, self.FLAGS).ack(SERVER).data(SERVER, b"late").ack(SERVER)
        assert self.outlived(script) == ([], True)

    @pytest.mark.parametrize("order", [(0, 2, 1), (2, 0, 1), (1, 2, 0)])
    def test_not_by_what_the_capture_has_in_another_order(self, order):
        script = Tcp().open()
        kept = len(script.segments)
        script.data(CLIENT, b"12345").fin(CLIENT).rst(CLIENT, self.FLAGS)
        last = script.segments[kept:]
        script.segments[kept:] = [last[at] for at in order]
        assert self.outlived(script.ack(SERVER)) == ([], True)

    def test_not_by_bytes_that_nobody_saw(self):
        script = Tcp().open().rst(CLIENT, self.FLAGS)
        script.lost(CLIENT, 100).got[SERVER] = script.next[CLIENT]
        assert self.outlived(script.ack(SERVER)) == ([], True)
