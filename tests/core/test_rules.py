"""The rules one by one; whole closes are in `stories` and `test_witnesses`."""

from dataclasses import replace

import pytest

from tests.core.playbook import COMPLETE, CUT, act, script
from tests.core.stories import BOTH
from tlsclose.core.alert import Alert
from tlsclose.core.event import Side


@pytest.mark.parametrize(
    ("text", "blame", "says"),
    [
        ("client handshake client_hello; server fin", "server", "FIN before the handshake"),
        ("client handshake client_hello; server rst", "server", "RST before the handshake"),
        ("client close_notify; server fin", "client", "close_notify before the handshake"),
        (
            "client handshake client_hello; server alert fatal handshake_failure; server fin",
            None,
            "alert: handshake_failure",
        ),
        ("client record 90 @provider; server fin @socket", "server", "FIN before"),
        ("client syn; client record 90; server fin", "server", "FIN before"),
    ],
)
def test_handshake_failed(text, blame, says):
    play = act(text, handshake=False)
    verdict = play.judgement.verdict
    assert (verdict.code, verdict.blame) == ("handshake-failed", blame), str(play)
    assert says in verdict.summary
    assert verdict.truncation_risk == "none"


@pytest.mark.parametrize("then", ["", "; client fin", "; client close_notify; client fin"])
def test_a_handshake_without_end_is_no_answer_whoever_gives_up(then):
    text = f"client handshake client_hello; server timeout 5s handshake{then}"
    verdict = act(text, handshake=False).judgement.verdict
    assert (verdict.code, verdict.blame) == ("no-answer", "server")
    assert verdict.summary == "The server did not finish the handshake within 5 s."


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("server app_data; server fin; client fin", id="1.2, starts late"),
        pytest.param("server record x40; server fin; client fin", id="1.3, starts late"),
        pytest.param(
            "client syn; client handshake client_hello; server gap not-captured 3000; server fin",
            id="a hole in the handshake",
        ),
        pytest.param(
            "server close_notify @inferred; client close_notify @inferred; server fin; client fin",
            id="starts at the alerts",
        ),
        pytest.param(
            "server app_data; client handshake sealed; server fin; client fin",
            id="1.2, starts late and renegotiates",
        ),
        pytest.param(
            "client handshake client_key_exchange; client record; client close_notify @inferred; "
            "client fin; server fin",
            id="1.2, starts inside the handshake",
        ),
        pytest.param(
            "server handshake server_hello; client record; server record; server fin; client fin",
            id="1.3, starts behind the client's hello",
        ),
        pytest.param("client syn; server syn", id="ends early"),
    ],
)
def test_capture_incomplete_rather_than_a_failed_handshake(text):
    play = act(text, handshake=False)
    assert play.judgement.verdict.code == "capture-incomplete", str(play)


@pytest.mark.parametrize(
    ("text", "code", "blame"),
    [
        ("server gap not-captured 9; server fin; client fin", "capture-incomplete", None),
        ("server gap unseen 9; server fin; client rst", "capture-incomplete", None),
        (
            "server close_notify; server gap not-captured 9; server app_data",
            "capture-incomplete",
            None,
        ),
        ("server gap never-arrived 9; server fin; client close_notify", "data-lost", "server"),
        ("server gap never-arrived 9; server rst", "data-lost", "server"),
        ("server gap never-arrived 9; client rst", "data-lost", "client"),
        ("server gap never-arrived 9; client rst; server rst", "data-lost", "client"),
        ("server gap never-arrived 9; server rst; client rst", "data-lost", "server"),
    ],
)
def test_gaps(text, code, blame):
    play = act(text)
    assert (play.judgement.verdict.code, play.judgement.verdict.blame) == (code, blame), str(play)


def test_an_endpoint_makes_up_for_packets_that_the_capture_dropped():
    text = (
        "server app_data; server gap not-captured 1460; client close_notify; "
        "server close_notify @provider; server fin; client fin"
    )
    play = act(text)
    assert play.judgement.verdict.code == "clean", str(play)
    assert "capture-gap" in play.codes


@pytest.mark.parametrize(
    ("text", "blame"),
    [
        ("client close_notify; client app_data; server close_notify", "client"),
        ("server close_notify; server app_data; server fin; client close_notify", "server"),
        ("client close_notify; server close_notify; server app_data; client app_data", "server"),
        ("client close_notify; client app_data; server rst", "client"),
    ],
)
@pytest.mark.parametrize("version", BOTH)
def test_data_after_close_blames_the_first_who_sent_it(text, blame, version):
    play = act(text, version=version)
    assert (play.judgement.verdict.code, play.judgement.verdict.blame) == (
        "data-after-close",
        blame,
    ), str(play)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("server app_data", "Nobody closed before the capture ends: no judgement."),
        ("client close_notify", "The capture ends before TCP was closed: no judgement."),
    ],
)
def test_the_summary_of_an_early_end_says_how_far_the_close_came(text, says):
    verdict = act(text).judgement.verdict
    assert (verdict.code, verdict.summary) == ("capture-incomplete", says)


@pytest.mark.parametrize(
    ("alert", "name"), [(None, "not readable"), (Alert(2, 80), "internal_error")]
)
def test_an_alert_without_detail_still_has_a_name(alert, name):
    complete, told = script("server alert fatal internal_error")
    verdict = act((complete, replace(told, detail="", alert=alert))).judgement.verdict
    assert verdict.summary == f"The server ended the connection with a fatal alert: {name}."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("server rst", "The server reset the connection before anyone had sent close_notify."),
        ("server close_notify; server rst", "before the client had sent close_notify."),
        ("client close_notify; server rst on data", "without close_notify of its own, on data."),
        (
            "client close_notify; client rst; server close_notify",
            "before the server's close_notify",
        ),
    ],
)
def test_the_summary_of_a_reset_says_which_close_notify_was_lacking(text, says):
    assert says in act(text).judgement.verdict.summary


@pytest.mark.parametrize(("message", "promised"), [(COMPLETE, True), (CUT, False), (None, True)])
def test_a_clean_close_promises_no_more_than_the_message_holds(message, promised):
    text = "server app_data; server close_notify; server fin; client close_notify"
    verdict = act(text, message=message).judgement.verdict
    assert verdict.code == "clean"
    assert verdict.summary.endswith("No data at risk.") is promised


def test_the_wire_tells_when_an_answer_began():
    text = "server app_data @provider; client close_notify; server app_data; server fin"
    assert act(text, message=CUT).judgement.verdict.code == "half-close-cut"


def test_blame_for_silence_depends_on_the_version():
    verdicts = [act("client close_notify; server timeout 5s", version=v) for v in BOTH]
    assert [play.judgement.verdict.blame for play in verdicts] == [Side.SERVER, None]
    assert [play.judgement.verdict.rule[:8] for play in verdicts] == ["RFC 5246", "RFC 9846"]


@pytest.mark.parametrize("version", BOTH)
def test_silence_breaks_no_rule_where_nobody_asked(version):
    verdict = act("server timeout 5s close_notify; client fin", version=version).judgement.verdict
    assert verdict.code == "no-answer"
    assert verdict.rule == "no rule: TLS does not say when to close"
    assert verdict.summary == "The server sent neither close_notify, FIN nor RST within 5 s."
