"""The rules, by story. Ids name the requirement: TLS-n, TCP-n and HTTP-n as in the RFC survey."""

import json
import random
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.playbook import COMPLETE, CUT, MILLISECOND, OPEN_ENDED, act, script, swapped
from tlsclose.core.alert import Alert
from tlsclose.core.event import ON_THE_WIRE, Event, Kind, Side, Source, ordered
from tlsclose.core.teardown import Teardown
from tlsclose.core.verdict import Verdict

BOTH = ("1.2", "1.3")
STORIES = {
    # id: (script, versions, message, code, blame)
    "TLS-01 proper close": (
        "client close_notify; server close_notify; server fin; client fin",
        BOTH, None, "clean", None,
    ),
    "TLS-01 server first": (
        "server app_data; server close_notify; server fin; client close_notify; client fin",
        BOTH, COMPLETE, "clean", None,
    ),
    "TLS-01 bare FIN first": (
        "server app_data; server fin; client close_notify; client fin",
        BOTH, COMPLETE, "premature-close", "server",
    ),
    "TLS-01 bare FIN in answer to close_notify": (
        "client close_notify; pause 5ms; server fin; client fin",
        BOTH, None, "premature-close", "server",
    ),
    "TLS-01 bare FIN after a proper FIN": (
        "client close_notify; client fin; server fin",
        BOTH, None, "incomplete-close", "server",
    ),
    "HTTP-01 client closes without": (
        "server app_data; client fin; server close_notify; server fin",
        BOTH, COMPLETE, "premature-close", "client",
    ),
    "TLS-09 closing without waiting": (
        "client close_notify; client fin; server close_notify; server fin",
        BOTH, None, "clean", None,
    ),
    "TLS-01 neither": ("server fin; client fin", BOTH, None, "premature-close", "server"),
    "TLS-05 close_notify of level fatal": (
        "client close_notify fatal; server close_notify; server fin; client fin",
        BOTH, None, "clean", None,
    ),
    "TLS-13 user_canceled then close_notify": (
        ("client alert warning user_canceled; client close_notify; server close_notify; "
        "server fin; client fin"),
        BOTH, None, "clean", None,
    ),
    "TLS-13 user_canceled alone": (
        "client alert warning user_canceled; client fin; server fin",
        BOTH, None, "premature-close", "client",
    ),
    "TLS-14 user_canceled taken for fatal": (
        ("client alert warning user_canceled; client close_notify; pause 5ms; "
        "server alert fatal unexpected_message; server fin; client fin"),
        BOTH, None, "fatal-alert", None,
    ),
    "TLS-03 duplicate close_notify": (
        "client close_notify; client close_notify; server close_notify; server fin; client fin",
        BOTH, None, "clean", None,
    ),
    "TLS-05 close_notify of level fatal answered with an alert": (
        ("client close_notify fatal; client fin; pause 5ms; "
        "server alert fatal unexpected_message; server fin"),
        BOTH, None, "fatal-alert", None,
    ),
    "TLS-16 fatal alert": (
        "server alert fatal bad_record_mac; server fin; client fin",
        BOTH, CUT, "fatal-alert", None,
    ),
    "TLS-16 fatal alert, then reset": (
        "server alert fatal bad_record_mac; server rst", BOTH, None, "fatal-alert", None,
    ),
    "TLS-19 unknown alert": (
        "server alert warning 200; server fin; client fin", ("1.3",), None, "fatal-alert", None,
    ),
    "TLS-19 unknown warning": (
        "server alert warning 200; server close_notify; server fin; client close_notify",
        ("1.2",), None, "clean", None,
    ),
    "OpenSSL complains about a bare FIN": (
        "server app_data; server fin; pause 5ms; client alert fatal decode_error; client fin",
        BOTH, None, "premature-close", "server",
    ),
    "OpenSSL complains about a bare FIN and is reset": (
        "server fin; pause 5ms; client alert fatal decode_error; client fin; server rst",
        BOTH, None, "premature-close", "server",
    ),
    "OpenSSL complains about a bare FIN of a client": (
        "client fin; pause 5ms; server alert fatal decode_error; server fin",
        BOTH, None, "premature-close", "client",
    ),
    "a real alert crosses a later FIN": (
        "server alert fatal decode_error; server fin; client alert fatal decode_error; client fin",
        BOTH, None, "fatal-alert", None,
    ),
    "TCP-03 reset before any close_notify": (
        "server app_data; server rst", BOTH, None, "reset", "server",
    ),
    "TCP-02 reset after one close_notify": (
        "server app_data; client close_notify; pause 5ms; server rst",
        BOTH, None, "reset", "server",
    ),
    "TCP-02 reset by the only one who notified": (
        "server app_data; server close_notify; server rst", BOTH, None, "reset", "server",
    ),
    "reset after both": (
        "client close_notify; server close_notify; server fin; client rst",
        BOTH, None, "reset-after-close", "client",
    ),
    "reset by the side that notified last": (
        "client close_notify; pause 5ms; server close_notify; server rst",
        BOTH, None, "reset-after-close", "server",
    ),
    "TCP-02 reset in reply to a late close_notify": (
        "server close_notify; server fin; client close_notify; pause 5ms; server rst",
        BOTH, None, "reset-after-close", "server",
    ),
    "two resets after both": (
        "client close_notify; server close_notify; pause 5ms; client rst; server rst",
        BOTH, None, "reset-after-close", "client",
    ),
    "reset in reply to what came after a bare FIN": (
        "server app_data; server fin; client close_notify; pause 5ms; server rst",
        BOTH, COMPLETE, "premature-close", "server",
    ),
    "reset by the side that saw a bare FIN": (
        "server fin; pause 5ms; client rst", BOTH, None, "premature-close", "server",
    ),
    "reset in answer to a proper close": (
        "server close_notify; server fin; pause 5ms; client rst", BOTH, None, "reset", "client",
    ),
    "TLS-07 no answer where it is demanded": (
        "client close_notify; server timeout 5s; client fin", ("1.2",), None, "no-answer", "server",
    ),
    "TLS-09 no answer where it is not": (
        "client close_notify; server timeout 5s; client fin", ("1.3",), None, "no-answer", None,
    ),
    "no answer to close_notify and FIN": (
        "client close_notify; client fin; server timeout 5s", ("1.2",), None, "no-answer", "server",
    ),
    "nobody closes": ("server app_data; server timeout 5s", BOTH, None, "no-answer", None),
    "closed by us after a vain wait": (
        "server timeout 5s; client close_notify; server close_notify; server fin; client fin",
        BOTH, None, "no-answer", None,
    ),
    "the answer comes too late": (
        "client close_notify; server timeout 5s; server close_notify; server fin; client fin",
        ("1.2",), None, "no-answer", "server",
    ),
    "a slow response and then a proper close": (
        ("server timeout 5s response; client close_notify; server close_notify; server fin; "
        "client fin"),
        BOTH, CUT, "clean", None,
    ),
    "no response and no answer": (
        "server timeout 5s response; client close_notify; server timeout 5s close_notify",
        ("1.2",), None, "no-answer", "server",
    ),
    "TLS-08 no response to a half-close": (
        "client app_data; client close_notify; server timeout 5s response; client fin",
        ("1.2",), None, "no-answer", "server",
    ),
    "no response and nobody closes": (
        "server timeout 5s response", BOTH, None, "no-answer", None,
    ),
    "a wait after close_notify for FIN": (
        "client close_notify; server close_notify; server timeout 3s fin; client fin",
        BOTH, COMPLETE, "clean", None,
    ),
    "silence after a bare FIN": (
        "client fin; server timeout 5s", BOTH, None, "premature-close", "client",
    ),
    "silence after a reset": ("client rst; server timeout 5s", BOTH, None, "reset", "client"),
    "TLS-08 half-close cut": (
        ("client app_data; client close_notify; pause 5ms; server app_data; server close_notify; "
        "server fin; client fin"),
        ("1.3",), CUT, "half-close-cut", "server",
    ),
    "TLS-08 half-close cut by FIN": (
        "client app_data; client close_notify; pause 5ms; server fin; client fin",
        ("1.3",), CUT, "half-close-cut", "server",
    ),
    "TLS-08 half-close cut by reset": (
        "client app_data; client close_notify; pause 5ms; server rst",
        ("1.3",), CUT, "half-close-cut", "server",
    ),
    "TLS-07 discard is the law": (
        ("client app_data; client close_notify; pause 5ms; server close_notify; server fin; "
        "client fin"),
        ("1.2",), CUT, "clean", None,
    ),
    "TLS-08 half-close served": (
        ("client app_data; client close_notify; pause 5ms; server app_data; server close_notify; "
        "server fin; client fin"),
        BOTH, COMPLETE, "clean", None,
    ),
    "the server closes before it is asked to": (
        "server close_notify; server fin; client close_notify; client fin",
        BOTH, CUT, "clean", None,
    ),
    "a short response that nobody cut": (
        "server app_data; server close_notify; server fin; client close_notify; client fin",
        BOTH, CUT, "clean", None,
    ),
    "the asker resets its own half-close": (
        "client app_data; client close_notify; client rst; server rst",
        ("1.3",), CUT, "reset", "client",
    ),
}  # fmt: skip

SLOW = 2 * MILLISECOND
"""How much later than the wire a slow witness tells; less than any reply in the stories takes."""

ALERTS = (Kind.ALERT, Kind.CLOSE_NOTIFY)


def api(event, late=0):
    """An end's own account: the TLS API for records, the socket for TCP."""
    records = (*ALERTS, Kind.APP_DATA, Kind.HANDSHAKE)
    source = Source.PROVIDER if event.kind in records else Source.SOCKET
    return replace(event, source=source, at_ns=event.at_ns + late)


def slow_api(event):
    return api(event, late=SLOW if event.kind in ALERTS else 0)


def tap(event):
    """TCP from the wire, alerts from a slow TLS API."""
    return slow_api(event) if event.kind in ALERTS else event


WITNESSES = {
    "wire": lambda events: events,
    "endpoint": lambda events: map(api, events),
    "slow endpoint": lambda events: map(slow_api, events),
    "tap": lambda events: map(tap, events),
    "all": lambda events: [*events, *map(api, events)],
    "all, the endpoint slow": lambda events: [*events, *(api(event, SLOW) for event in events)],
    "all, the endpoint fast": lambda events: [*events, *(api(event, -SLOW) for event in events)],
}


@pytest.mark.parametrize("witnesses", WITNESSES)
@pytest.mark.parametrize("story", STORIES)
def test_story(story, witnesses):
    """Whoever tells it, the story has the same verdict."""
    text, versions, message, code, blame = STORIES[story]
    for version in versions:
        events = ordered(WITNESSES[witnesses](script(text)))
        play = act(events, version=version, message=message)
        verdict = play.judgement.verdict
        assert (verdict.code, verdict.blame) == (code, blame), str(play)
        assert verdict.confidence == "proven", str(play)
        wire = act(text, version=version, message=message).judgement
        assert verdict.truncation_risk == wire.verdict.truncation_risk, str(play)
        assert play.judgement.teardown.first_closer == wire.teardown.first_closer, str(play)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("story", STORIES)
def test_swapping_the_sides_swaps_the_blame_and_nothing_else(story, version):
    text, _, message, _, _ = STORIES[story]
    mirrored = None if message is None else replace(message, sender=message.sender.other)
    play = act(text, version=version, message=message)
    mirror = act(swapped(text), version=version, message=mirrored)
    assert_mirrored(play, mirror)


def assert_mirrored(play, mirror):
    one, two = play.judgement, mirror.judgement
    same = ("code", "severity", "confidence", "truncation_risk", "rule", "evidence")
    for field in same:
        assert getattr(one.verdict, field) == getattr(two.verdict, field), (str(play), str(mirror))
    assert other(one.verdict.blame) == two.verdict.blame, (str(play), str(mirror))
    assert other(one.teardown.first_closer) == two.teardown.first_closer
    assert one.teardown.answer_ns == two.teardown.answer_ns
    assert (one.teardown.client, one.teardown.server) == (two.teardown.server, two.teardown.client)
    mirrored = sorted((item.code, str(other(item.blame))) for item in one.findings)
    assert mirrored == sorted((item.code, str(item.blame)) for item in two.findings)


def other(side):
    return None if side is None else side.other


@pytest.mark.parametrize(
    ("text", "blame", "says"),
    [
        ("client handshake client_hello; server fin", "server", "FIN before the handshake"),
        ("client handshake client_hello; server rst", "server", "RST before the handshake"),
        ("client close_notify; server fin", "client", "close_notify before the handshake"),
        (
            "client handshake client_hello; server alert fatal handshake_failure; server fin",
            None,
            "alert: fatal handshake_failure",
        ),
        ("client record 90 @provider; server fin @socket", "server", "FIN before"),
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
    ("text", "code"),
    [
        ("client record 150; server record 900; server fin; client fin", "undetermined"),
        ("client record 150; server record x9; server rst", "undetermined"),
        ("client record x2; server record x9; server fin; client fin", "premature-close"),
        ("client record 513; server record 16401; server fin; client fin", "premature-close"),
        (
            (
                "client record x2; client close_notify @inferred; server record x9; "
                "server close_notify @inferred; server fin; client fin"
            ),
            "clean",
        ),
        ("client record 150; server record 900", "capture-incomplete"),
        (
            (
                "client record 150; server record 900; server fin; "
                "client close_notify @provider; client fin"
            ),
            "premature-close",
        ),
    ],
)
def test_sealed_records(text, code):
    play = act(text)
    assert play.judgement.verdict.code == code, str(play)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("server rst", "The server reset the connection before anyone had sent close_notify."),
        ("server close_notify; server rst", "before the client had sent close_notify."),
        ("client close_notify; server rst on data", "(on data) without close_notify of its own."),
        (
            "client close_notify; client rst; server close_notify",
            "before the server's close_notify",
        ),
    ],
)
def test_the_summary_of_a_reset_says_which_close_notify_was_lacking(text, says):
    assert says in act(text).judgement.verdict.summary


def test_blame_for_silence_depends_on_the_version():
    verdicts = [act("client close_notify; server timeout 5s", version=v) for v in BOTH]
    assert [play.judgement.verdict.blame for play in verdicts] == [Side.SERVER, None]
    assert [play.judgement.verdict.rule[:8] for play in verdicts] == ["RFC 5246", "RFC 9846"]


ALERT_BYTES = st.builds(Alert, st.integers(0, 3), st.sampled_from([0, 10, 50, 90, 100, 200]))
DETAILS = st.sampled_from(
    ["", "complete", "client_hello", "never-arrived", "not-captured", "response", "close_notify"]
)
EVENTS = st.lists(
    st.builds(
        Event,
        at_ns=st.integers(0, 9),
        sender=st.sampled_from(Side),
        kind=st.sampled_from(Kind),
        source=st.sampled_from(Source),
        detail=DETAILS,
        alert=st.none() | ALERT_BYTES,
        bytes=st.integers(0, 20_000),
        count=st.integers(1, 3),
        packet=st.none() | st.integers(1, 9),
        waited_ns=st.none() | st.just(5_000_000_000),
    ),
    max_size=14,
).map(ordered)
VERSIONS = st.sampled_from([None, "1.0", "1.2", "1.3"])
MESSAGES = st.sampled_from([None, COMPLETE, CUT, OPEN_ENDED])


@settings(max_examples=400)
@given(EVENTS, VERSIONS, MESSAGES)
def test_any_stream_has_one_verdict(events, version, message):
    judgement = act(events, version=version, message=message).judgement
    assert isinstance(judgement.verdict, Verdict)
    assert isinstance(judgement.teardown, Teardown)
    for evidence in (judgement.verdict.evidence, *(item.evidence for item in judgement.findings)):
        assert list(evidence) == sorted(set(evidence))
        assert all(0 <= index < len(events) for index in evidence)
    assert json.loads(json.dumps(asdict(judgement)))["verdict"]["code"] == judgement.verdict.code


@settings(max_examples=300)
@given(EVENTS, VERSIONS, MESSAGES)
def test_no_verdict_prefers_a_side(events, version, message):
    """The order of simultaneous events is not the point, so each has its own time."""
    events = tuple(replace(event, at_ns=index) for index, event in enumerate(events))
    mirror = tuple(replace(event, sender=event.sender.other) for event in events)
    mirrored = None if message is None else replace(message, sender=message.sender.other)
    play = act(events, version=version, message=message)
    assert_mirrored(play, act(mirror, version=version, message=mirrored))


@settings(max_examples=300)
@given(st.sampled_from(sorted(STORIES)), st.sampled_from(BOTH), st.randoms(use_true_random=False))
def test_what_slower_witnesses_repeat_changes_nothing(story, version, chance: random.Random):
    text, _, message, _, _ = STORIES[story]
    events = script(text)
    told = [event for event in events if event.source in ON_THE_WIRE]
    chorus = [
        replace(api(event), at_ns=chance.randrange(20 * MILLISECOND))
        for event in told
        if chance.random() < 0.7
    ]
    alone = act(events, version=version, message=message).judgement.verdict
    play = act(ordered([*events, *chorus]), version=version, message=message)
    verdict = play.judgement.verdict
    assert (verdict.code, verdict.blame) == (alone.code, alone.blame), str(play)
