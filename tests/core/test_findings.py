import pytest

from tests.core.playbook import COMPLETE, CUT, OPEN_ENDED, act

END = "server close_notify; server fin; client fin"


@pytest.mark.parametrize(
    ("text", "version", "message", "codes"),
    [
        pytest.param(f"client close_notify; {END}", "1.3", COMPLETE, [], id="nothing to add"),
        pytest.param(f"client close_notify; {END}", "1.2", COMPLETE, [], id="nothing discarded"),
        pytest.param(
            "server gap not-captured 9; server fin", "1.3", None, [], id="the gap is the verdict"
        ),
        pytest.param(
            "server alert fatal decode_error; client app_data; client fin",
            "1.3",
            None,
            [],
            id="data that crossed the alert of the other side",
        ),
        pytest.param(
            f"client close_notify; client close_notify; {END}",
            "1.3",
            None,
            ["duplicate-close-notify client"],
            id="TLS-02 duplicate",
        ),
        pytest.param(
            f"client close_notify; client close_notify @provider; {END}",
            "1.3",
            None,
            [],
            id="told twice is not sent twice",
        ),
        pytest.param(
            f"client close_notify fatal; {END}",
            "1.3",
            None,
            ["close-notify-level client"],
            id="TLS-04 level",
        ),
        pytest.param(
            f"client alert warning user_canceled; client close_notify; {END}",
            "1.3",
            None,
            ["user-canceled client"],
            id="TLS-15 user_canceled after the handshake",
        ),
        pytest.param(
            "client alert warning user_canceled @provider; client close_notify @provider; "
            "server close_notify; server fin; client fin",
            "1.3",
            None,
            ["user-canceled client"],
            id="TLS-15 told by the API",
        ),
        pytest.param(
            "server fin; client alert fatal decode_error; client fin",
            "1.3",
            None,
            ["fatal-alert-sent None"],
            id="OpenSSL in reply to a bare FIN",
        ),
        pytest.param(
            "server alert fatal decode_error; server app_data; server fin",
            "1.3",
            None,
            ["sent-after-alert server"],
            id="TLS-17 data after a fatal alert",
        ),
        pytest.param(
            "client close_notify; client handshake key_update; server close_notify; server fin",
            "1.3",
            None,
            ["sent-after-alert client"],
            id="TLS-02 KeyUpdate after close_notify",
        ),
        pytest.param(
            "server fin; client close_notify; server rst",
            "1.3",
            None,
            ["reset-followed server"],
            id="TCP-02 reset after a premature close",
        ),
        pytest.param(
            "client close_notify; server close_notify; server timeout 3s fin; client fin",
            "1.3",
            None,
            ["tcp-left-open server"],
            id="close_notify but no FIN",
        ),
        pytest.param(
            "server alert fatal internal_error; server timeout 3s fin; client fin",
            "1.3",
            None,
            ["tcp-left-open server"],
            id="TLS-16 fatal alert but no FIN",
        ),
        pytest.param(
            "server record alert in the clear; server close_notify; client close_notify; "
            "server fin; client fin",
            "1.3",
            None,
            ["unprotected-alert None"],
            id="TLS-23 a forged alert",
        ),
        pytest.param(
            "client close_notify; server timeout 5s; server close_notify; client fin",
            "1.3",
            None,
            [],
            id="a late answer is the verdict's matter",
        ),
        pytest.param(
            f"client close_notify; {END}",
            "1.2",
            CUT,
            ["message-incomplete server", "response-discarded None"],
            id="TLS-07 legal discard",
        ),
        pytest.param(
            "server close_notify; server fin; client close_notify; client fin",
            "1.2",
            CUT,
            ["message-incomplete server"],
            id="nobody asked for the discard",
        ),
        pytest.param(
            "server close_notify; server fin; client close_notify; client fin",
            "1.3",
            CUT,
            ["message-incomplete server"],
            id="clean close of a short message",
        ),
        pytest.param(
            "client close_notify; server close_notify; server fin; client fin",
            "1.3",
            CUT,
            [],
            id="half-close-cut says it all",
        ),
        pytest.param(
            "server app_data; server fin; client close_notify",
            "1.3",
            OPEN_ENDED,
            [],
            id="premature",
        ),
        pytest.param(
            "server app_data; server fin; server close_notify @provider; client close_notify",
            "1.3",
            None,
            ["witnesses-disagree None"],
            id="the API knows more than the opened records",
        ),
        pytest.param(
            "server app_data; server gap not-captured 9; server fin; "
            "server close_notify @provider; client close_notify",
            "1.3",
            None,
            ["capture-gap None"],
            id="the capture dropped it",
        ),
        pytest.param(
            "server app_data @provider; server close_notify @provider; server fin @socket; "
            "client close_notify @provider",
            "1.3",
            None,
            [],
            id="no wire, no disagreement",
        ),
        pytest.param(
            "server app_data; server rst; server close_notify @provider",
            "1.3",
            None,
            [],
            id="a reset may have overtaken the packet",
        ),
        pytest.param(
            f"server app_data; client close_notify; {END}",
            "1.3",
            CUT,
            ["message-incomplete server"],
            id="TLS 1.3 demands no discard",
        ),
        pytest.param(
            "client app_data; client close_notify; server rst",
            "1.3",
            CUT,
            [],
            id="the reset is the verdict's evidence",
        ),
    ],
)
def test_findings(text, version, message, codes):
    play = act(text, version=version, message=message)
    found = [f"{item.code} {item.blame}" for item in play.judgement.findings]
    assert found == codes, str(play)


def test_findings_point_at_their_events():
    play = act("client close_notify fatal; client close_notify; server close_notify; server fin")
    pointed = {item.code: item.evidence for item in play.judgement.findings}
    assert pointed == {"duplicate-close-notify": (2,), "close-notify-level": (1,)}


def test_user_canceled_is_shown_where_the_wire_saw_it():
    text = "client alert warning user_canceled; client alert warning user_canceled @provider"
    (finding,) = act(f"{text}; client close_notify; {END}").judgement.findings
    assert finding.evidence == (1,)


@pytest.mark.parametrize(
    ("then", "says"),
    [("; client close_notify", "GnuTLS takes it for fatal."), ("", "No close_notify followed it")],
)
def test_user_canceled_must_be_followed_by_close_notify(then, says):
    play = act(f"client alert warning user_canceled{then}; client fin")
    (finding,) = (item for item in play.judgement.findings if item.code == "user-canceled")
    assert says in finding.detail


def test_a_finding_never_outranks_an_error():
    ranks = {
        item.severity
        for text in ("client close_notify fatal", "server fin; client alert fatal decode_error")
        for item in act(text, message=CUT).judgement.findings
    }
    assert ranks == {"note", "warning"}
