import pytest

from tests.core.playbook import MILLISECOND, act, script
from tlsclose.core.event import Kind, Side
from tlsclose.core.teardown import TRANSITIONS, Half, HalfClose, walk


def close(text, *, tls13=True):
    return walk(script(text, handshake=False), tls13=tls13)


@pytest.mark.parametrize(
    ("text", "half"),
    [
        pytest.param("", "open", id="nothing"),
        pytest.param("server app_data; server timeout 1s", "open", id="data and silence"),
        pytest.param("server alert warning user_canceled", "open", id="user_canceled is no end"),
        pytest.param("server close_notify; server fin; server rst", "closed", id="RST after FIN"),
        pytest.param("server fin; server rst", "premature", id="RST after a bare FIN"),
        pytest.param("server rst; server fin", "premature", id="FIN is before RST in the stream"),
        pytest.param("server close_notify; server alert fatal 80; server fin", "closed", id="late"),
        pytest.param(
            "server alert fatal 80; server close_notify; server fin", "aborted", id="OSSL"
        ),
        pytest.param("server close_notify fatal; server fin", "closed", id="fatal close_notify"),
    ],
)
def test_half(text, half):
    assert close(text).server.half == half
    assert close(text).client == HalfClose()


@pytest.mark.parametrize(
    ("alert", "in_tls13", "in_tls12"),
    [
        ("warning no_renegotiation", "aborted", "open"),
        ("warning 200", "aborted", "open"),
        ("fatal 200", "aborted", "aborted"),
        ("warning user_canceled", "open", "open"),
    ],
)
def test_which_alerts_abort_depends_on_the_version(alert, in_tls13, in_tls12):
    text = f"server alert {alert}"
    assert close(text, tls13=True).server.half == in_tls13
    assert close(text, tls13=False).server.half == in_tls12


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("server close_notify @decrypted; server fin @wire", id="wire only"),
        pytest.param("server close_notify @inferred; server fin @wire", id="sealed"),
        pytest.param("server close_notify @provider; server fin @socket", id="endpoint only"),
        pytest.param(
            "server fin @socket; server close_notify @provider", id="socket faster than API"
        ),
        pytest.param("server fin @wire; server close_notify @provider", id="wire faster than API"),
        pytest.param(
            "server fin @socket; server close_notify @decrypted; server fin @wire",
            id="socket faster than wire",
        ),
        pytest.param(
            "server close_notify; server fin; server close_notify @provider; server fin @socket",
            id="everyone, slow witnesses last",
        ),
    ],
)
def test_every_witness_tells_the_same_half(text):
    server = close(text).server
    assert server.half is Half.CLOSED
    assert server.repeated == ()


def test_the_wire_gives_place_and_time():
    teardown = close(
        "client close_notify @provider -5ms; client close_notify; server close_notify; "
        "server close_notify @provider +9ms"
    )
    assert teardown.answer_ns == MILLISECOND


def test_answer_is_none_without_a_second_close_notify():
    assert close("client close_notify; server fin").answer_ns is None


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", None),
        ("client app_data; server alert warning user_canceled", None),
        ("server close_notify; client close_notify", "server"),
        ("client fin; server close_notify", "client"),
        ("server rst; client fin", "server"),
        ("server alert fatal 80; client fin", "server"),
        ("server close_notify @provider +9ms; server fin; client close_notify", "server"),
    ],
)
def test_first_closer(text, first):
    assert close(text).first_closer == first


@pytest.mark.parametrize(
    ("text", "late"),
    [
        pytest.param("server close_notify; server app_data", True, id="wire"),
        pytest.param("server app_data; server close_notify", False, id="before"),
        pytest.param("server close_notify; client app_data", False, id="the other side's"),
        pytest.param("server close_notify @provider; server app_data", False, id="slow provider"),
        pytest.param("server close_notify; server app_data @provider", False, id="read late"),
        pytest.param("server close_notify @inferred; server app_data", False, id="inferred"),
        pytest.param("server close_notify; server record", False, id="sealed"),
    ],
)
def test_late_data_needs_the_wire_for_both_facts(text, late):
    assert (close(text).server.late_data is not None) is late


@pytest.mark.parametrize(
    ("text", "half"),
    [
        pytest.param(
            "server record x9; server close_notify @inferred; server fin", "closed", id="last"
        ),
        pytest.param(
            "server close_notify @inferred; server record x9; server fin", "premature", id="1.3"
        ),
        pytest.param(
            "server close_notify @inferred; server app_data; server fin", "premature", id="1.2"
        ),
        pytest.param(
            "server alert @inferred; server app_data; server close_notify", "notified", id="warning"
        ),
        pytest.param(
            "server close_notify @inferred; server alert fatal decode_error @provider; server fin",
            "aborted",
            id="the API knows which alert it was",
        ),
        pytest.param(
            "server close_notify @inferred; server close_notify @provider; server fin",
            "closed",
            id="the API confirms it",
        ),
        pytest.param(
            "server close_notify @inferred; server fin; server app_data @provider",
            "closed",
            id="the API reads late",
        ),
        pytest.param(
            "server close_notify @inferred; server alert warning user_canceled @provider",
            "notified",
            id="no error alert",
        ),
    ],
)
def test_an_inferred_alert_is_believed_until_something_speaks_against_it(text, half):
    assert close(text).server.half == half


def test_two_sealed_alerts_are_no_duplicate():
    """JSSE: user_canceled, then close_notify; without keys both look the same."""
    server = close(
        "server close_notify @inferred; server close_notify @inferred; server fin"
    ).server
    assert (server.half, server.close_notify, server.repeated) == (Half.CLOSED, 1, ())


def test_repeated():
    teardown = close("client close_notify; client close_notify; client close_notify")
    assert teardown.client.repeated == (1, 2)
    assert close("client alert fatal 80; client alert fatal 80").client.repeated == ()


@pytest.mark.parametrize(
    ("mark", "fin", "rst", "place"),
    [(5, None, None, 5), (5, 3, None, 3), (5, 9, None, 5), (5, 4, 3, 3), (2, 3, 4, 2)],
)
def test_an_alert_stands_before_its_own_fin_and_reset(mark, fin, rst, place):
    assert HalfClose(close_notify=mark, fin=fin, rst=rst).place(mark) == place


def test_no_half_leaves_an_end():
    ends = set(Half) - {Half.OPEN, Half.NOTIFIED}
    assert all(TRANSITIONS[half] == {} for half in ends)
    reached = {Half.OPEN} | {after for moves in TRANSITIONS.values() for after in moves.values()}
    assert reached == set(Half)
    assert {kind for moves in TRANSITIONS.values() for kind in moves} == {
        Kind.CLOSE_NOTIFY,
        Kind.ALERT,
        Kind.FIN,
        Kind.RST,
    }


def test_getitem_follows_the_side():
    judged = act("client fin").judgement.teardown
    assert [judged[side].half for side in Side] == [Half.PREMATURE, Half.OPEN]
