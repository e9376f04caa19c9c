"""What sealed records leave open, and what they do not."""

import pytest

from tests.core.playbook import act, swapped

PADDED = "record 35 sealed, perhaps a padded alert"
SIZED = "record 19 sealed, the size of an alert"
DATA = "record 90 sealed"
GOODBYE = "close_notify @inferred"
CLEAN_END = f"client {GOODBYE}; server {GOODBYE}; server fin; client fin"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"client {DATA}; server {DATA}; server fin; client fin", "premature-close"),
        (f"client {DATA}; server record 16401; server fin; client fin", "premature-close"),
        (f"client {PADDED}; server record x9; server fin; client fin", "undetermined"),
        (f"client {PADDED}; server record x9; server rst", "undetermined"),
        (f"client {DATA}; client close_notify; server {PADDED}; server fin", "undetermined"),
        (f"client close_notify; client {PADDED}; server close_notify; server fin", "clean"),
        (f"client {PADDED}; server {PADDED}", "capture-incomplete"),
        (f"client {PADDED}; server fin; client close_notify @provider", "premature-close"),
    ],
)
def test_a_padded_alert_could_be_data(text, code):
    play = act(text)
    assert play.judgement.verdict.code == code, str(play)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"server {SIZED}; server {DATA}; server fin", "undetermined"),
        (f"server {SIZED}; server record x9 sealed; client {GOODBYE}; server fin", "undetermined"),
        (f"server {SIZED}; server app_data 90; server rst", "undetermined"),
        (f"server {SIZED}; server record 2 alert in the clear; server fin", "undetermined"),
        (f"server {SIZED}; client {DATA}; server {DATA}; server fin", "premature-close"),
        (f"server {SIZED}; server {DATA}; server {SIZED}; server {DATA}; server fin", "premature"),
        (f"server record x3 sealed, the size of an alert; server {DATA}; server fin", "premature"),
        (f"client {DATA}; server {SIZED}; server {DATA}; {CLEAN_END}", "clean"),
        (f"server {DATA}; server {SIZED}; server fin", "premature-close"),
    ],
)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_data_behind_an_alert_sized_record_may_be_behind_close_notify(text, code, version):
    play = act(f"client {DATA}; {text}", version=version)
    assert play.judgement.verdict.code.startswith(code), str(play)


@pytest.mark.parametrize("pings", [f"client {SIZED}; server {DATA}; client {SIZED}", "record x2"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_who_sends_data_in_the_size_of_an_alert_may_not_have_closed(pings, version):
    text = pings.replace("record x2", "client record x2 sealed, the size of an alert")
    play = act(f"client {DATA}; {text}; server {DATA}; {CLEAN_END}", version=version)
    code = "undetermined" if version == "1.3" else "clean"
    assert play.judgement.verdict.code == code, str(play)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"server handshake sealed; {CLEAN_END}", "undetermined"),
        (f"client handshake sealed; server {GOODBYE}; server fin; client fin", "undetermined"),
        (f"server handshake sealed; server app_data; {CLEAN_END}", "clean"),
        (f"server handshake sealed; client handshake change_cipher_spec; {CLEAN_END}", "clean"),
        ("server handshake sealed; server close_notify; client close_notify; server fin", "clean"),
    ],
)
def test_alerts_may_refuse_a_renegotiation(text, code):
    play = act(f"client app_data; server app_data; {text}", version="1.2")
    assert play.judgement.verdict.code == code, str(play)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"server {GOODBYE}; server fin; client fin", "undetermined"),
        (f"client {GOODBYE}; client fin; server rst", "undetermined"),
        (f"client {GOODBYE}; server record x2 sealed; client fin; server fin", "undetermined"),
        (f"client {DATA}; server {GOODBYE}; client {GOODBYE}; server fin", "undetermined"),
        (f"server {GOODBYE}; client {DATA}; client {GOODBYE}; server fin", "undetermined"),
        (CLEAN_END, "clean"),
        (f"server {DATA}; client {GOODBYE}; server {GOODBYE}; server fin; client fin", "clean"),
        (f"client {DATA}; server {DATA}; client {GOODBYE}; client fin; server fin", "incomplete"),
        ("server close_notify; server fin; client fin", "incomplete-close"),
    ],
)
def test_an_alert_and_nothing_else_may_be_an_error(text, code):
    play = act(text)
    assert play.judgement.verdict.code.startswith(code), str(play)


@pytest.mark.parametrize(
    ("text", "version", "code"),
    [
        ("client {data}; client {bye}; server {data}; server {bye}", "1.3", "undetermined"),
        ("server {data}; server {bye}; client {data}; client {bye}", "1.3", "undetermined"),
        ("client {data}; client {bye}; server {data}; server {bye}", "1.2", "clean"),
        ("client {data}; server {data}; client {bye}; server {data}; server {bye}", "1.3", "clean"),
        ("client {bye}; server {data}; server {bye}", "1.3", "clean"),
        ("client {data}; client close_notify; server {data}; server {bye}", "1.3", "clean"),
    ],
)
def test_an_answer_to_a_half_close_may_be_cut_off(text, version, code):
    play = act(f"{text}; server fin; client fin".format(data=DATA, bye=GOODBYE), version=version)
    assert play.judgement.verdict.code == code, str(play)


@pytest.mark.parametrize(
    "text",
    [
        f"client {PADDED}; server fin",
        f"client {DATA}; server {SIZED}; server {DATA}; server fin",
        f"client {DATA}; client {GOODBYE}; server {DATA}; server {GOODBYE}; server fin",
        f"server handshake sealed; {CLEAN_END}",
        f"server {GOODBYE}; server fin; client fin",
    ],
)
def test_a_doubt_shows_its_evidence_and_blames_nobody(text):
    version = "1.2" if "handshake" in text else "1.3"
    play = act(text, version=version)
    verdict = play.judgement.verdict
    assert verdict.code == "undetermined", str(play)
    assert verdict.evidence
    assert verdict.blame is None
    assert "give the keys" in verdict.summary.lower()


def test_a_witness_at_an_end_leaves_no_doubt():
    doubtful = f"client {PADDED}; server {PADDED}; server fin; client close_notify @provider"
    assert act(doubtful).judgement.verdict.code == "premature-close"
    assert act(swapped(doubtful)).judgement.verdict.code == "premature-close"
