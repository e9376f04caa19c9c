import pytest

from tests.core.playbook import COMPLETE, CUT, OPEN_ENDED, act, response

PREMATURE = "server app_data; server fin; client close_notify; client fin"
CLEAN = "server app_data; server close_notify; server fin; client close_notify; client fin"
RESET = "server app_data; server close_notify; server rst"
CHUNKED = response("chunked", complete=True)
CHUNKED_CUT = response("chunked", complete=False)
REQUEST = response("no-body", complete=True, sender="client")
UNKNOWN = response("unknown", complete=None)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("text", "message", "risk"),
    [
        pytest.param(PREMATURE, COMPLETE, "none", id="HTTP-05 Content-Length complete"),
        pytest.param(PREMATURE, CHUNKED, "none", id="HTTP-05 last chunk came"),
        pytest.param(PREMATURE, REQUEST, "none", id="request without a body"),
        pytest.param(PREMATURE, OPEN_ENDED, "possible", id="HTTP-05 close-delimited"),
        pytest.param(PREMATURE, UNKNOWN, "possible", id="unknown protocol"),
        pytest.param(PREMATURE, None, "possible", id="no message known"),
        pytest.param(PREMATURE, CUT, "certain", id="Content-Length incomplete"),
        pytest.param(PREMATURE, CHUNKED_CUT, "certain", id="last chunk missing"),
        pytest.param(CLEAN, COMPLETE, "none", id="clean"),
        pytest.param(CLEAN, OPEN_ENDED, "none", id="close_notify proves the end"),
        pytest.param(CLEAN, None, "none", id="both ends proven"),
        pytest.param(CLEAN, CUT, "certain", id="clean close of a short message"),
        pytest.param(
            "client fin; server close_notify; server fin", OPEN_ENDED, "none", id="not its sender"
        ),
        pytest.param("client fin; server close_notify; server fin", None, "possible", id="either"),
        pytest.param(RESET, OPEN_ENDED, "possible", id="TCP-02 a reset discards unread data"),
        pytest.param(RESET, COMPLETE, "none", id="reset after the whole message"),
        pytest.param(
            "client close_notify; server close_notify; server fin; client rst",
            OPEN_ENDED,
            "none",
            id="reset after both close_notify",
        ),
        pytest.param(
            "client app_data; server gap never-arrived 99; server fin",
            COMPLETE,
            "certain",
            id="bytes are missing whatever came before",
        ),
        pytest.param(
            "server close_notify; server app_data; server fin; client close_notify",
            OPEN_ENDED,
            "possible",
            id="TLS-03 data after close_notify is ignored",
        ),
        pytest.param("server timeout 5s", OPEN_ENDED, "possible", id="nobody closes"),
        pytest.param("server alert fatal 80; server fin", OPEN_ENDED, "possible", id="fatal alert"),
    ],
)
def test_truncation_risk(text, message, risk, version):
    play = act(text, version=version, message=message)
    assert play.judgement.verdict.truncation_risk == risk, str(play)


def test_a_failed_handshake_carries_no_data():
    play = act("server fin", message=CUT, handshake=False)
    assert play.judgement.verdict.truncation_risk == "none"


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        pytest.param(CLEAN, "proven", id="decrypted"),
        pytest.param(PREMATURE, "proven", id="decrypted data, then FIN"),
        pytest.param("server fin; client fin", "proven", id="TCP only"),
        pytest.param(
            "client close_notify @inferred; server close_notify @inferred; server fin; client fin",
            "inferred",
            id="both inferred",
        ),
        pytest.param(
            "client close_notify; server close_notify @inferred; server fin; client fin",
            "inferred",
            id="one inferred",
        ),
        pytest.param(
            "client close_notify @provider; server close_notify @inferred; server fin; client fin",
            "proven",
            id="the TLS API testified",
        ),
        pytest.param("server record x9; server fin; client fin", "inferred", id="sealed data last"),
        pytest.param(
            "server record x9; server close_notify; server fin; client fin",
            "proven",
            id="sealed data, then a proven end",
        ),
        pytest.param(
            "client record x9; server record x9; server gap never-arrived 9; server rst",
            "proven",
            id="TCP sequence numbers are in the clear",
        ),
    ],
)
def test_confidence(text, confidence):
    play = act(text)
    assert play.judgement.verdict.confidence == confidence, str(play)


@pytest.mark.parametrize("text", ["server not_tls HTTP/1.1 400", "client record 90; server fin"])
def test_what_fails_before_the_handshake_is_seen_in_the_clear(text):
    play = act(f"client handshake client_hello; {text}", handshake=False)
    assert play.judgement.verdict.confidence == "proven", str(play)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (None, "cannot be told from a cut"),
        (REQUEST, "cannot be told from a cut"),
        (UNKNOWN, "cannot be told from a cut"),
        (COMPLETE, "its response is complete by its own framing"),
        (CUT, "in the middle of its response: 40 of 100 bytes came"),
        (CHUNKED_CUT, "40 bytes came, and the end is missing"),
        (OPEN_ENDED, "a cut-off one would look the same"),
    ],
)
def test_the_summary_says_what_the_missing_close_notify_means(message, says):
    verdict = act(PREMATURE, message=message).judgement.verdict
    assert says in verdict.summary
    assert verdict.summary.startswith("The server sent FIN without close_notify")
