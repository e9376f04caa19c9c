from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tlsclose.core.event import Event, Handshake, Kind, Side, Source
from tlsclose.core.procedure import Step, StepName
from tlsclose.core.report import (
    Action,
    CaptureInfo,
    CaptureSource,
    CertificateCheck,
    ConnectionInfo,
    ProviderInfo,
    Role,
    Stage,
    TargetInfo,
    TlsInfo,
    Wait,
)
from tlsclose.core.status import SecStatus
from tlsclose.net.assemble import Account, assemble, unobserved
from tlsclose.net.clock import Clock
from tlsclose.net.scenario import SCENARIOS

EPOCH = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CLOCK = Clock(epoch_ns=int(EPOCH.timestamp()) * 10**9, monotonic_ns=0)
CLIENT, SERVER = Side.CLIENT, Side.SERVER


def event(at_ns, sender, kind, source=Source.WIRE, **more):
    return Event(at_ns=at_ns, sender=sender, kind=kind, source=source, **more)


UP = event(10, CLIENT, Kind.HANDSHAKE, Source.PROVIDER, detail=Handshake.COMPLETE)
CLEAN = (
    UP,
    event(20, CLIENT, Kind.CLOSE_NOTIFY),
    event(30, SERVER, Kind.CLOSE_NOTIFY),
    event(40, SERVER, Kind.FIN),
    event(50, CLIENT, Kind.FIN),
)
CUT = (UP, event(20, CLIENT, Kind.FIN))
STEP = Step(
    name=StepName.CONTEXT_DELETED,
    at_ns=60,
    call="SSL_free",
    status=SecStatus.SEC_E_OK,
    native="",
)


def account(events, **changes):
    basis = Account(
        clock=CLOCK,
        role=Role.CLIENT,
        scenario=SCENARIOS["initiate"],
        target=TargetInfo(host="x", port=1),
        connection=ConnectionInfo(client="a:1", server="b:2"),
        provider=ProviderInfo(name="openssl", version="x"),
        tls=TlsInfo(version="1.3"),
        capture=CaptureInfo(source=CaptureSource.TAP),
        events=events,
        steps=(STEP,),
        steps_missing="",
        actions=(Action(at_ns=0, name="connect"),),
        waits=(Wait(name="connect", at_ns=0, length_ns=5, outcome="answered"),),
        message=None,
        failure="",
    )
    return replace(basis, **changes)


def codes(report):
    return [finding.code for finding in report.findings]


def test_events_are_ordered_and_judged():
    report = assemble(account(tuple(reversed(CLEAN))))
    assert report.verdict.code == "clean"
    assert report.events == CLEAN
    assert report.started_at == EPOCH
    assert report.unobserved is None


def test_nothing_lies_before_the_start():
    """A client's SYN precedes our accept."""
    early = (event(-1_500_000, CLIENT, Kind.SYN), replace(UP, until_ns=11), *CLEAN[1:])
    report = assemble(account(early))
    assert [item.at_ns for item in report.events][:3] == [0, 1_500_010, 1_500_020]
    assert report.events[1].until_ns == 1_500_011
    assert report.started_at == EPOCH - timedelta(microseconds=1500)
    assert report.steps[0].at_ns == 1_500_060
    assert report.actions[0].at_ns == report.waits[0].at_ns == 1_500_000
    assert report.waits[0].length_ns == 5
    assert report.close.answer_ns == 10


@pytest.mark.parametrize(
    ("role", "scenario", "provoked"),
    [
        (Role.CLIENT, "fin", True),
        (Role.CLIENT, "initiate", False),
        (Role.SERVER, "fin", False),
    ],
)
def test_provoked_is_only_what_our_own_side_set_out_to_do(role, scenario, provoked):
    report = assemble(account(CUT, role=role, scenario=SCENARIOS[scenario]))
    assert report.verdict.blame is CLIENT
    assert report.provoked is provoked


def test_unfinished_handshake_has_a_reason_beside_the_verdict():
    report = assemble(account((event(20, SERVER, Kind.RST),), failure="the server reset"))
    assert report.verdict.code == "handshake-failed"
    assert report.unobserved.stage is Stage.HANDSHAKE
    assert report.unobserved.reason == "the server reset"


def test_unfinished_handshake_is_never_judged_as_a_close():
    silence = event(20, SERVER, Kind.TIMEOUT, Source.SOCKET, detail="handshake", waited_ns=20)
    report = assemble(account((silence,), failure="no answer"))
    assert report.verdict is None
    assert not report.provoked


OWN_FINDINGS = {
    "capture-note": {"notes": ("one segment out of order",)},
    "connection-lost": {"lost": "no route to host"},
    "packets-dropped": {"capture": CaptureInfo(source=CaptureSource.SNIFF, dropped=2)},
    "certificate-unverified": {
        "tls": TlsInfo(version="1.3", certificate=CertificateCheck(ok=False, error="self-signed"))
    },
}


@pytest.mark.parametrize(("code", "changes"), OWN_FINDINGS.items(), ids=OWN_FINDINGS)
def test_findings_about_the_run(code, changes):
    assert codes(assemble(account(CLEAN))) == []
    assert codes(assemble(account(CLEAN, **changes))) == [code]


def test_unobserved():
    report = unobserved(
        clock=CLOCK,
        role=Role.CLIENT,
        scenario=SCENARIOS["await"],
        target=TargetInfo(host="x", port=1),
        stage=Stage.DNS,
        reason="no such name",
    )
    assert (report.verdict, report.events, report.scenario) == (None, (), "await")
    assert report.started_at == EPOCH
    assert report.unobserved.reason == "no such name"
