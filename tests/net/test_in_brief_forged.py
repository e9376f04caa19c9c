"""What is told in brief is what the events say, whatever is in the records."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.net.tellings import agreed
from tests.wire import forge
from tests.wire.batching import frames
from tests.wire.forge import ALERT, DATA, HANDSHAKE, message
from tests.wire.playbook import CLIENT, MS, SERVER, Tcp
from tests.wire.together import between, in_time, of_script
from tlsclose.wire.packets import TcpFlags

NAMES = st.sampled_from(["client", "server"])
USUAL = st.tuples(NAMES, st.just(DATA), st.sampled_from([1, 19, 300, 3000]).map(bytes)) | st.tuples(
    st.just("server"), st.just(HANDSHAKE), st.just(message(forge.NEW_SESSION_TICKET, bytes(50)))
)
MESSAGES = st.lists(
    st.builds(
        message,
        st.sampled_from([forge.NEW_SESSION_TICKET, forge.KEY_UPDATE, forge.FINISHED, 0, 1, 2, 13]),
        st.sampled_from([0, 1, 32, 2000]).map(bytes),
    ),
    max_size=9,
).map(b"".join)
ALERTS = st.sampled_from(
    [forge.CLOSE_NOTIFY, b"\x01\x5a", b"\x02\x28", b"\x02\x00", b"\x01", b"", b"\x01\x00\x01"]
)
ODD = st.one_of(
    st.tuples(NAMES, st.just(ALERT), ALERTS),
    st.tuples(NAMES, st.just(HANDSHAKE), MESSAGES | MESSAGES.map(lambda text: text[:-1])),
    st.tuples(NAMES, st.sampled_from([0, 20, 23, 24, 99]), st.sampled_from([b"", b"\x01"])),
    st.tuples(st.sampled_from(["client handshake", "early"]), st.just(DATA), st.just(b"late")),
)
IN_THE_CLEAR = st.sampled_from(
    [
        forge.CHANGE_CIPHER_SPEC,
        forge.record(ALERT, forge.CLOSE_NOTIFY),
        forge.record(ALERT, b"\x02\x28"),
        forge.record(HANDSHAKE, message(11, b"x")),
        forge.record(HANDSHAKE, b"\x0b\x00"),
        forge.record(DATA, b""),
        forge.record(DATA, bytes(30)),
        forge.record(24, b"heart"),
    ]
)
ENDS = st.lists(
    st.tuples(st.sampled_from([CLIENT, SERVER]), st.sampled_from(["fin", "rst", "bare rst"])),
    max_size=3,
)


@st.composite
def exchanges(draw):
    """Mostly what stacks write; now and then something else."""
    made = forge.Forged()
    if draw(st.integers(0, 9)) == 0:
        made.clear(draw(st.sampled_from([CLIENT, SERVER])), draw(IN_THE_CLEAR))
    made.shaken()
    for _ in range(draw(st.integers(0, 8))):
        kind = draw(st.integers(0, 19))
        if kind == 0:
            made.clear(draw(st.sampled_from([CLIENT, SERVER])), draw(IN_THE_CLEAR))
            continue
        name, content_type, text = draw(ODD if kind < 3 else USUAL)
        made.seal(name, content_type, text, padding=draw(st.sampled_from([0, 0, 17, 300])))
        if content_type == HANDSHAKE and kind == 1:
            made.keys[name].update()
    for name in draw(st.lists(NAMES, unique=True)):
        made.seal(name, ALERT, forge.CLOSE_NOTIFY)
    return made.flights


@st.composite
def connections(draw):
    size = draw(st.sampled_from([1460, 1460, 50, 7]))
    script = Tcp().open()
    for side, data in draw(exchanges()):
        for at in range(0, len(data), size if len(data) < 1000 else 1460):
            script.data(side, data[at : at + (size if len(data) < 1000 else 1460)])
    for side, end in draw(ENDS):
        match end:
            case "fin":
                script.fin(side)
            case "rst":
                script.rst(side)
            case _:
                script.rst(side, TcpFlags.RST)
    return of_script(script, draw(st.sampled_from([1000, MS, 6 * MS])))


def test_forged_records():
    outlines = []

    @given(st.lists(connections(), min_size=1, max_size=6), st.booleans(), st.booleans())
    @settings(max_examples=60, deadline=None, derandomize=True)
    def told(made, parted, known):
        packets = in_time([between(one, at) for at, one in enumerate(made)])
        keys = forge.key_log() if known else forge.key_log("client")
        cuts = range(0, len(packets), 20) if parted else ()
        brief = agreed(frames(packets), keys, cuts=cuts)
        outlines.append((brief.outlines, len(brief.told)))

    told()
    assert sum(brief for brief, _ in outlines) >= 10
    assert any(brief < every for brief, every in outlines)


def crowded(kind):
    """So much of one kind that it is not told in brief."""
    made = forge.Forged().shaken()
    for _ in range(2100):
        match kind:
            case "close_notify":
                made.seal("server", ALERT, forge.CLOSE_NOTIFY).seal("client", DATA, b"x")
            case "turns":
                made.seal("server", DATA, b"x").seal("client", DATA, b"x")
            case "records":
                made.seal("client", DATA, b"x")
            case "bodies":
                made.seal("client", DATA, bytes(100))
    return made.seal("client", ALERT, forge.CLOSE_NOTIFY).flights


@pytest.mark.parametrize("cuts", [(), (20,), range(0, 5000, 50)])
@pytest.mark.parametrize("kind", ["close_notify", "turns", "records", "bodies"])
def test_crowds(kind, cuts):
    script = Tcp().open().flights(crowded(kind)).fin(CLIENT).fin(SERVER)
    brief = agreed(frames(of_script(script, 6 * MS)), forge.key_log(), cuts=cuts)
    assert not brief.outlines


def asked():
    """A request in TLS 1.3, and what the server and the client send next."""
    made = forge.Forged().shaken().seal("client", DATA, b"GET / HTTP/1.1")
    script = Tcp().open().flights(made.flights)
    long = bytes(3000)
    closing = made.keys["client"].seal(ALERT, forge.CLOSE_NOTIFY)
    return (
        script,
        closing,
        made.keys["server"].seal(DATA, long),
        made.keys["client"].seal(DATA, long),
    )


def test_a_half_close_while_a_long_record_is_on_its_way():
    """Whether the server's record is read was settled by its header."""
    script, closing, long, _ = asked()
    script.data(SERVER, long[:1460]).data(CLIENT, closing).fin(CLIENT)
    script.data(SERVER, long[1460:]).fin(SERVER)
    agreed(frames(of_script(script)), forge.key_log())


@pytest.mark.parametrize("size", [50, 1460])
def test_a_long_record_begins_behind_one_that_is_not_told_in_brief(size):
    script, closing, _, long = asked()
    behind_run = len(script.segments)
    both = closing + long
    for at in range(0, len(both), size):
        script.data(CLIENT, both[at : at + size])
    packets = of_script(script.fin(CLIENT).fin(SERVER))
    brief = agreed(frames(packets), forge.key_log(), cuts=(behind_run,))
    assert not brief.outlines


def test_a_fin_beside_a_syn():
    """No segment has both; one that does is told of as a FIN."""
    made = forge.Forged().server_flight()
    script = Tcp().open().flights(made.flights)
    script.put(SERVER, TcpFlags.SYN | TcpFlags.FIN, seq=script.isn[SERVER])
    brief = agreed(frames(of_script(script)), forge.key_log())
    assert brief.outlines
