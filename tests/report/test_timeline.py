"""Which row says what, in which column and order."""

from dataclasses import replace

import pytest

from tests.report.examples import (
    DECRYPTED,
    EXAMPLES,
    INFERRED,
    C,
    S,
    await_as_server,
    capture_off,
    clean,
    close_notify,
    ev,
    fatal_alert,
    half_close,
    long_transfer,
    ms,
    no_answer,
    observed_inferred,
    opening,
    premature,
    report,
    reset,
)
from tlsclose.core.event import Kind, Source
from tlsclose.core.message import Framing, Message
from tlsclose.core.report import Action, CaptureInfo, CaptureSource, Wait
from tlsclose.report.picture import Arrow, Band, Pause, Row, Stroke, Words
from tlsclose.report.timeline import message_words, timeline


def rows(of, **more) -> list[Row]:
    picture = timeline(of, **more)
    return [*picture.before, *picture.close]


def said(row: Row) -> str:
    """The fullest wording of what stands on the wire."""
    match row.wire:
        case Arrow(labels=labels) | Band(labels=labels) | Pause(labels=labels):
            return labels[0]
        case Words(parts=parts):
            return ", ".join(parts)
    return ""


def wire(of, **more) -> list[str]:
    return [said(row) for row in rows(of, **more)]


def row_of(of, beginning: str, **more) -> Row:
    return next(row for row in rows(of, **more) if said(row).startswith(beginning))


def ours(of) -> list[str]:
    side = of.role.side
    return [words[0] for row in rows(of) if (words := row.words(side))]


def paused(of) -> list[tuple[str, str]]:
    return [
        ((row.client or row.server or ("",))[0], said(row))
        for row in rows(of)
        if isinstance(row.wire, Pause)
    ]


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("verbosity", [0, 1, 2])
def test_time_never_runs_back_before_the_close(name, verbosity):
    times = [row.at_ns for row in timeline(EXAMPLES[name](), verbosity=verbosity).before]
    assert times == sorted(times)


def test_steps_are_numbered_as_they_happened():
    marks = [words[0] for words in ours(await_as_server()) if words[0] in "①②③④⑤⑥"]
    assert marks == ["①", "②", "③", "④", "⑤"]


def test_calls_stand_beside_the_steps_that_the_wire_does_not_show():
    assert "SSL_shutdown SEC_E_OK 24 B" in wire(clean())
    sent = row_of(clean(), "close_notify")
    assert sent.client[0] == "③ final output sent 24 B"


def test_tcp_flags():
    assert [text for text in wire(clean()) if "ACK" in text] == ["SYN, ACK", "FIN, ACK", "FIN, ACK"]
    assert [text for text in wire(capture_off()) if "FIN" in text] == ["FIN", "FIN"]


def test_our_own_fin_is_named():
    assert row_of(clean(), "FIN, ACK").client == ()
    assert ours(clean())[-2] == "close write side"


def test_a_fin_that_rides_on_our_close_notify_leaves_the_step_beside_it():
    base = clean()
    together = tuple(
        replace(event, packet=16, at_ns=ms(59.1))
        if event.sender is C and event.kind is Kind.FIN and event.packet
        else event
        for event in base.events
    )
    events = tuple(sorted(together, key=lambda event: event.at_ns))
    sent = row_of(replace(base, events=events), "close_notify, FIN")
    assert sent.client[0].startswith("③")


def test_our_response_and_the_clients_request_stand_beside_their_data():
    asked, answered = row_of(await_as_server(), "data 78"), row_of(await_as_server(), "data 1 160")
    assert asked.client[0] == "GET /"
    assert answered.server == (
        "HTTP 200, 1024 bytes, content-length",
        "HTTP 200, 1024 bytes",
        "HTTP 200",
    )


def test_the_peers_response_is_told_once_before_the_close():
    before = timeline(clean()).before
    assert [row.server[0] for row in before if row.server] == ["HTTP 200 complete"]
    assert not any("response" in words for words in ours(clean()) if "waiting" not in words)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"sender": S, "complete": True, "status": 200}, "HTTP 200 complete"),
        ({"sender": S, "complete": False, "status": 200}, "HTTP 200 cut off"),
        ({"sender": S, "complete": None, "status": 200}, "HTTP 200"),
        ({"sender": S, "complete": False}, "HTTP cut off"),
        ({"sender": C, "complete": True}, ""),
        ({"sender": C, "complete": False}, "request cut off"),
        ({"sender": S, "complete": None, "protocol": "raw"}, ""),
    ],
)
def test_message_words(message, words):
    values = {"protocol": "http/1.1", "framing": Framing.UNKNOWN, "bytes": 0} | message
    assert message_words(Message(**values)) == words


def test_the_close_begins_with_the_first_step_or_ending():
    assert said(timeline(premature()).close[0]) == "FIN, ACK"
    assert timeline(clean()).close[0].client[0] == "① control token applied"
    assert timeline(half_close()).close[0].client[0] == "① control token applied"


def test_nobody_waits_for_a_close_notify_that_is_drawn_already():
    wait = Wait(name="close_notify", at_ns=ms(50), length_ns=ms(140), outcome="answered")
    events = (
        *opening(),
        close_notify(50, C, DECRYPTED),
        close_notify(52, S, DECRYPTED),
        ev(190, S, Kind.FIN),
    )
    shown = paused(replace(report(events), waits=(wait,)))
    assert shown[-1] == ("", "138 ms")


def test_waits_are_pauses_with_the_name_of_what_came():
    assert paused(clean()) == [
        ("waiting for response", "12.3 ms"),
        ("waiting for close_notify", "11.3 ms"),
    ]


def test_a_pause_that_our_side_ended_is_no_wait():
    late = Wait(name="close_notify", at_ns=ms(40), length_ns=ms(8.1), outcome="answered")
    assert paused(replace(await_as_server(), waits=(late,))) == []


def test_a_timeout_stands_where_it_ran_out():
    row = row_of(no_answer(), "timed out after 5.00 s")
    assert (row.at_ns, row.client) == (ms(5059.2), ("waiting for close_notify",))
    assert row.wire.timed_out
    assert paused(no_answer())[-1] == ("waiting for close_notify", "timed out after 5.00 s")


def test_a_wait_that_nobody_owed_an_answer_is_no_timeout():
    wait = Wait(name="close_notify", at_ns=ms(58.4), length_ns=ms(0.4), outcome="timeout")
    shown = rows(replace(clean(), waits=(wait,)))
    assert not any(isinstance(row.wire, Pause) and row.wire.timed_out for row in shown)


def test_an_observer_sees_silences_without_names():
    assert paused(observed_inferred()) == [("", "1.21 s")]


def test_a_lost_connection_says_why():
    lost = ev(99, S, Kind.TIMEOUT, Source.SOCKET, detail="connection lost", note="no route to host")
    events = (*opening(), lost)
    assert wire(report(events))[-1] == "connection lost: no route to host"


def test_long_middles_are_folded_and_unfolded():
    assert "… 55 data records, 22.6 kB, 54.0 ms" in wire(long_transfer())
    assert len(rows(long_transfer(), verbosity=1)) > len(rows(long_transfer())) + 50


def test_session_tickets_share_a_row():
    tickets = tuple(
        ev(45.2 + at, S, Kind.HANDSHAKE, DECRYPTED, detail="new_session_ticket") for at in range(2)
    )
    assert "2 new_session_ticket" in wire(report((*opening(), *tickets)))


def test_inferred_is_said_of_alerts_and_not_of_data():
    events = (
        *opening(),
        ev(46, S, Kind.APP_DATA, INFERRED, bytes=4000),
        close_notify(47, S, INFERRED, detail="", note="sealed"),
    )
    assert row_of(report(events), "data").notes == ()
    assert row_of(report(events), "close_notify?").notes == ("inferred",)
    assert row_of(report(events), "close_notify?", verbosity=1).notes == ("inferred", "sealed")


def test_what_a_reset_replied_to_is_said():
    assert "in reply to the client's data" in row_of(reset(), "RST").notes[0]
    assert row_of(reset(), "RST").wire.stroke is Stroke.RESET


def test_what_a_fin_rode_on_is_said_from_v_on():
    events = (*opening(), ev(46, S, Kind.FIN, detail="FIN,ACK", note="on 24 bytes of data"))
    assert row_of(report(events), "FIN").notes == ()
    assert row_of(report(events), "FIN", verbosity=1).notes == ("on 24 bytes of data",)


def test_only_the_wire_can_show_data_after_close_notify():
    def late(source):
        events = (
            *opening(),
            close_notify(46, S, source),
            ev(47, S, Kind.APP_DATA, source, bytes=9),
        )
        return row_of(report(events), "data").notes

    assert late(DECRYPTED) == ("after close_notify",)
    assert late(Source.PROVIDER)[-1:] != ("after close_notify",)


def test_witnesses_that_should_not_have_had_to_speak_are_named():
    told = ev(60, S, Kind.RST, Source.SOCKET, detail="reset")
    assert row_of(report((*opening(), told)), "RST").notes == ("told by the socket",)
    tapped = tuple(replace(event, packet=None) for event in opening())
    tap = CaptureInfo(source=CaptureSource.TAP)
    assert row_of(report((*tapped, told), capture=tap), "RST").notes == ()


def test_long_alerts_keep_their_name():
    row = row_of(fatal_alert(), "alert: fatal bad_certificate_status_response")
    assert row.notes == ("fatal bad_certificate_status_response",)


def test_echoes_show_from_vv_on():
    assert wire(clean()).count("close_notify") == 2
    assert wire(clean(), verbosity=2).count("close_notify") == 3
    assert "packet 16" in row_of(clean(), "close_notify", verbosity=2).notes


def test_a_picture_has_a_bounded_number_of_rows():
    pings = tuple(ev(46 + at, S, Kind.HANDSHAKE, detail=f"message {at}") for at in range(500))
    shown = timeline(report((*opening(), ev(45.5, C, Kind.APP_DATA), *pings))).before
    assert len(shown) <= 41
    assert any("rows left out" in said(row) for row in shown)


def test_actions_without_a_packet_have_their_own_row():
    alone = replace(
        capture_off(), actions=(Action(at_ns=0, name="connect", detail="192.0.2.7:443"),)
    )
    first = rows(alone)[0]
    assert (first.client, first.wire) == (("connect 192.0.2.7:443", "connect"), None)
