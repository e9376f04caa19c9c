"""Every scenario in both roles, and the verdict that each end of the connection comes to.

The partner is patient enough not to give up first, so that the table has one answer each.
"""

import pytest

from tests.net.runs import judged, listening, probe, told
from tests.system import on_wine
from tlsclose.core.event import Side
from tlsclose.core.record import TlsVersion
from tlsclose.net import http_server
from tlsclose.net.scenario import SCENARIOS, Action
from tlsclose.net.settings import BodyFraming

VERSIONS = [TlsVersion.TLS12, TlsVersion.TLS13]
SHORT_S, LONG_S, PATIENT_S = (2.0, 5.0, 30.0) if on_wine() else (0.25, 0.75, 10.0)
NOTIFY = ["control-token-applied", "empty-buffer-handshake", "final-output-sent"]
RECOGNISED = ["shutdown-recognized", *NOTIFY, "context-deleted"]
UNANSWERED = ["shutdown-recognized", "context-deleted"]
NOTIFIED = [*NOTIFY, "context-deleted"]

CLEAN = ("clean", None, "none")
PREMATURE_CLIENT = ("premature-close", "client", "none")
PREMATURE_SERVER = ("premature-close", "server", "none")
RESET_BY_CLIENT = ("reset", "client", "possible")

# the probe's scenario: the listener's, the probe's verdict, the listener's, the probe's steps
AS_CLIENT = {
    "initiate": ("await", CLEAN, CLEAN, NOTIFIED),
    "await": ("initiate", CLEAN, CLEAN, RECOGNISED),
    "half-close": ("await", CLEAN, CLEAN, NOTIFIED),
    "fin": ("await", PREMATURE_CLIENT, PREMATURE_CLIENT, UNANSWERED),
    "reset": ("await", ("reset", "client", "none"), RESET_BY_CLIENT, ["context-deleted"]),
    "silent": (
        "initiate",
        PREMATURE_CLIENT,
        PREMATURE_CLIENT,
        UNANSWERED,
    ),
}

# the listener's scenario: the probe's, the listener's verdict, the probe's, the listener's steps
AS_SERVER = {
    "initiate": ("await", CLEAN, CLEAN, NOTIFIED),
    "await": ("initiate", CLEAN, CLEAN, RECOGNISED),
    "half-close": ("await", CLEAN, CLEAN, NOTIFIED),
    "fin": ("await", PREMATURE_SERVER, PREMATURE_SERVER, UNANSWERED),
    "reset": (
        "await",
        ("reset", "server", "possible"),
        ("reset", "server", "none"),
        ["context-deleted"],
    ),
    "silent": (
        "initiate",
        PREMATURE_SERVER,
        PREMATURE_SERVER,
        UNANSWERED,
    ),
}

OVERTAKES = pytest.mark.posix("a reset takes away what came before it and was not read")
SERVED = [
    pytest.param(name, row, marks=OVERTAKES if name == "reset" else ())
    for name, row in AS_SERVER.items()
]

PROVOKED = {"fin", "reset", "silent"}
MODES = [pytest.param("sniff", marks=pytest.mark.capture), "tap", "off"]


def pair(client, server, mode, version, *, client_s=PATIENT_S, server_s=PATIENT_S, **changes):
    """The reports of the probe and of the listener."""
    with listening(server, mode=mode, version=version, timeout_s=server_s, **changes) as run:
        report = probe(run.port, client, mode=mode, version=version, timeout_s=client_s)
    return report, run.report


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "row"), AS_CLIENT.items(), ids=AS_CLIENT)
def test_as_client(name, row, mode, version):
    partner, ours_expected, theirs_expected, steps = row
    limits = {"client_s": SHORT_S, "server_s": LONG_S} if name == "silent" else {}
    ours, theirs = pair(name, partner, mode, version, **limits)
    assert judged(ours) == ours_expected
    assert judged(theirs) == theirs_expected
    assert told(ours) == steps
    assert bool(ours.steps_missing) is (len(steps) < len(NOTIFIED))
    assert ours.provoked is (name in PROVOKED)
    assert not theirs.provoked


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "row"), SERVED, ids=AS_SERVER)
def test_as_server(name, row, mode, version):
    partner, ours_expected, theirs_expected, steps = row
    limits = {"client_s": LONG_S, "server_s": SHORT_S} if name == "silent" else {}
    theirs, ours = pair(partner, name, mode, version, **limits)
    assert judged(ours) == ours_expected
    assert judged(theirs) == theirs_expected
    assert told(ours) == steps
    assert bool(ours.steps_missing) is (len(steps) < len(NOTIFIED))
    assert ours.provoked is (name in PROVOKED)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["fin", "reset"])
def test_whole_connection_is_in_the_events(name, mode, version):
    ours, _ = pair(name, "await", mode, version)
    times = [event.at_ns for event in ours.events]
    assert times == sorted(times)
    assert times[0] >= 0
    assert all(thing.at_ns >= 0 for thing in (*ours.steps, *ours.actions, *ours.waits))
    ended = ours.steps[-1].at_ns
    closing = {"fin": "fin", "reset": "rst"}[name]
    first = next(event for event in ours.events if event.kind == closing)
    assert first.at_ns <= ended
    assert ours.actions[0].name == "connect"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scenario", ["await", "initiate", "half-close"])
@pytest.mark.parametrize("client", ["initiate", "await"])
def test_body_that_ends_with_the_connection_is_ended_by_the_server(client, scenario, version):
    ours, theirs = pair(client, scenario, "tap", version, framing=BodyFraming.CLOSE, body=20_000)
    assert judged(ours) == CLEAN
    assert ours.message.bytes == 20_000
    assert judged(theirs) == CLEAN
    assert theirs.close.first_closer is Side.SERVER


@pytest.mark.parametrize("version", VERSIONS)
def test_two_that_wait_for_each_other(monkeypatch, version):
    """The client asked for the end: the listener waits a moment and then begins."""
    monkeypatch.setattr(http_server, "COURTESY_S", 0.05)
    ours, theirs = pair("await", "await", "tap", version)
    assert judged(ours) == CLEAN
    assert judged(theirs) == CLEAN
    assert [wait.outcome for wait in theirs.waits if wait.name == "close_notify"] == [
        "timeout",
        "answered",
    ]


def test_every_scenario_ends_what_it_began():
    for scenario in SCENARIOS.values():
        for side in Side:
            actions = scenario.actions(side)
            assert actions[0] in (
                Action.EXCHANGE,
                Action.EXCHANGE_LAST,
                Action.EXCHANGE_NOTIFIED,
            )
            assert actions[-1] in (Action.AWAIT_FIN, Action.RESET)
            assert (Action.FIN in actions) is not (Action.RESET in actions)
            provoked_by_omission = Action.NOTIFY not in actions[1:]
            notified = Action.EXCHANGE_NOTIFIED in actions
            assert bool(scenario.provokes) is (provoked_by_omission and not notified)


def test_names_are_the_contracts():
    assert list(SCENARIOS) == ["initiate", "await", "half-close", "fin", "reset", "silent"]
