"""Witnesses' accounts to one judged report."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from tlsclose.core.classify import judge
from tlsclose.core.event import Event, Handshake, ordered
from tlsclose.core.frozen import dataclass
from tlsclose.core.message import Message
from tlsclose.core.procedure import Step
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import (
    Action,
    CaptureInfo,
    ConnectionInfo,
    ProviderInfo,
    Report,
    Role,
    Stage,
    TargetInfo,
    TlsInfo,
    Unobserved,
    Wait,
)
from tlsclose.core.verdict import Code, Finding, Severity, Verdict
from tlsclose.net.clock import Clock
from tlsclose.net.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One connection as everyone saw it, before it is judged."""

    clock: Clock
    role: Role
    scenario: Scenario
    target: TargetInfo | None
    connection: ConnectionInfo
    provider: ProviderInfo
    tls: TlsInfo
    capture: CaptureInfo
    events: Iterable[Event]
    steps: tuple[Step, ...]
    steps_missing: str
    actions: tuple[Action, ...]
    waits: tuple[Wait, ...]
    message: Message | None
    failure: str
    """Why the handshake did not finish; empty where it did."""
    notes: tuple[str, ...] = ()
    lost: str = ""
    """Why our own TCP gave up; empty where it did not."""


def unobserved(
    *, clock: Clock, role: Role, scenario: Scenario, target: TargetInfo, stage: Stage, reason: str
) -> Report:
    """A report of a connection that never came to be."""
    return Report(
        started_at=clock.started_at,
        role=role,
        scenario=scenario.name,
        target=target,
        unobserved=Unobserved(stage=stage, reason=reason),
    )


def assemble(account: Account) -> Report:
    """Order the events, judge them, and put everything on an axis that starts at zero."""
    events = ordered(_believed(account))
    version = TlsVersion(account.tls.version) if account.tls.version else None
    judgement = judge(events, version=version, message=account.message)
    failed = Unobserved(stage=Stage.HANDSHAKE, reason=account.failure) if account.failure else None
    verdict = judgement.verdict if failed is None or _is_verdict(judgement.verdict) else None
    report = Report(
        started_at=account.clock.started_at,
        role=account.role,
        scenario=account.scenario.name,
        target=account.target,
        connection=account.connection,
        provider=account.provider,
        tls=account.tls,
        capture=account.capture,
        steps=account.steps,
        steps_missing=account.steps_missing,
        events=events,
        actions=account.actions,
        waits=account.waits,
        close=judgement.teardown,
        message=account.message,
        verdict=verdict,
        provoked=verdict is not None and _provoked(verdict, account),
        findings=(*judgement.findings, *_own_findings(account)),
        unobserved=failed,
    )
    return _rebased(report)


def _believed(account: Account) -> Iterable[Event]:
    """Where our own TLS says that the handshake failed, it is not up, whatever the wire shows."""
    return (
        event
        for event in account.events
        if not (account.failure and event.detail == Handshake.COMPLETE)
    )


def _is_verdict(verdict: Verdict) -> bool:
    """What a connection without a finished handshake can still be judged to be."""
    return verdict.code in (Code.HANDSHAKE_FAILED, Code.NOT_TLS)


def _provoked(verdict: Verdict, account: Account) -> bool:
    return verdict.code in account.scenario.provokes and verdict.blame is account.role.side


def _own_findings(account: Account) -> tuple[Finding, ...]:
    """Findings about the run rather than about the close."""
    found = [
        Finding(code="capture-note", severity=Severity.NOTE, blame=None, detail=note)
        for note in account.notes
    ]
    certificate = account.tls.certificate
    if certificate.ok is False and not account.failure:
        found.append(
            Finding(
                code="certificate-unverified",
                severity=Severity.NOTE,
                blame=None,
                detail=f"The certificate does not verify: {certificate.error}.",
            )
        )
    if account.lost:
        found.append(
            Finding(
                code="connection-lost",
                severity=Severity.WARNING,
                blame=None,
                detail=f"Our TCP gave up on the connection: {account.lost}.",
            )
        )
    if account.capture.dropped:
        found.append(
            Finding(
                code="packets-dropped",
                severity=Severity.WARNING,
                blame=None,
                detail=f"The capture dropped {account.capture.dropped} packets.",
            )
        )
    return tuple(found)


def _rebased(report: Report) -> Report:
    """Shift the axis so that no packet lies before it (a client's SYN precedes our accept)."""
    early = -min((event.at_ns for event in report.events), default=0)
    if early <= 0:
        return report
    return replace(
        report,
        started_at=report.started_at - timedelta(microseconds=early / 1000),
        events=tuple(_shifted(event, early) for event in report.events),
        steps=tuple(replace(step, at_ns=step.at_ns + early) for step in report.steps),
        actions=tuple(replace(action, at_ns=action.at_ns + early) for action in report.actions),
        waits=tuple(replace(wait, at_ns=wait.at_ns + early) for wait in report.waits),
    )


def _shifted(event: Event, early: int) -> Event:
    until = None if event.until_ns is None else event.until_ns + early
    return replace(event, at_ns=event.at_ns + early, until_ns=until)
