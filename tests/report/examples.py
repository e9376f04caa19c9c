"""Representative reports, one per way in which a connection ends or fails to be seen."""

from dataclasses import replace
from datetime import UTC, datetime

from tlsclose.core.alert import Alert
from tlsclose.core.event import Event, Handshake, Kind, Loss, Side, Source
from tlsclose.core.message import Framing, Message
from tlsclose.core.procedure import Step, StepName
from tlsclose.core.report import (
    Action,
    CaptureInfo,
    CaptureSource,
    CertificateCheck,
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
from tlsclose.core.status import SecStatus
from tlsclose.core.teardown import walk
from tlsclose.core.verdict import (
    SEVERITY,
    Code,
    Confidence,
    Finding,
    Severity,
    TruncationRisk,
    Verdict,
)

C, S = Side.CLIENT, Side.SERVER
WIRE, DECRYPTED, INFERRED = Source.WIRE, Source.DECRYPTED, Source.INFERRED
START = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
WARNING_CLOSE = Alert(level=1, description=0)
TLS13 = TlsInfo(version="1.3", cipher="TLS_AES_256_GCM_SHA384", sni="localhost")
TLS12 = TlsInfo(version="1.2", cipher="ECDHE-RSA-AES256-GCM-SHA384", sni="localhost")
SNIFFED = CaptureInfo(source=CaptureSource.SNIFF, interface="lo", packets=36)
OPENSSL = ProviderInfo(name="openssl", version="OpenSSL 4.0.3")


def ms(value: float) -> int:
    return round(value * 1_000_000)


def ev(at: float, sender: Side, kind: Kind, source: Source = WIRE, **more) -> Event:
    return Event(at_ns=ms(at), sender=sender, kind=kind, source=source, **more)


def close_notify(at: float, sender: Side, source: Source = DECRYPTED, **more) -> Event:
    alert = None if source is INFERRED else WARNING_CLOSE
    more = {"detail": "warning", "bytes": 2, "alert": alert} | more
    return ev(at, sender, Kind.CLOSE_NOTIFY, source, **more)


def opening(packet: int = 1) -> tuple[Event, ...]:
    """SYN, SYN ACK and a TLS 1.3 handshake."""
    return (
        ev(0.02, C, Kind.SYN, packet=packet, detail="SYN"),
        ev(11.2, S, Kind.SYN, packet=packet + 1, detail="SYN,ACK"),
        ev(11.9, C, Kind.HANDSHAKE, detail="client_hello", bytes=517, packet=packet + 3),
        ev(34.0, S, Kind.HANDSHAKE, detail="server_hello", bytes=122, packet=packet + 5),
        ev(34.0, S, Kind.HANDSHAKE, DECRYPTED, detail="certificate", bytes=2980, packet=packet + 6),
        ev(44.8, C, Kind.HANDSHAKE, DECRYPTED, detail="finished", bytes=52, packet=packet + 8),
        ev(45.1, C, Kind.HANDSHAKE, Source.PROVIDER, detail=Handshake.COMPLETE),
    )


def step(name: StepName, at: float, **more) -> Step:
    calls = {
        StepName.SHUTDOWN_RECOGNIZED: ("SSL_read", SecStatus.SEC_I_CONTEXT_EXPIRED, "0"),
        StepName.CONTROL_TOKEN_APPLIED: ("SSL_shutdown", SecStatus.SEC_E_OK, "0"),
        StepName.EMPTY_BUFFER_HANDSHAKE: ("SSL_shutdown", SecStatus.SEC_E_OK, "0"),
        StepName.FINAL_OUTPUT_SENT: ("send", SecStatus.SEC_E_OK, "24"),
        StepName.CONTEXT_DELETED: ("SSL_free", SecStatus.SEC_E_OK, ""),
    }
    call, status, native = calls[name]
    values = {"call": call, "status": status, "native": native} | more
    return Step(name=name, at_ns=ms(at), **values)


def four_steps(at: float, deleted: float, *, recognized: float | None = None) -> tuple[Step, ...]:
    first = () if recognized is None else (step(StepName.SHUTDOWN_RECOGNIZED, recognized),)
    return (
        *first,
        step(StepName.CONTROL_TOKEN_APPLIED, at),
        step(StepName.EMPTY_BUFFER_HANDSHAKE, at + 0.05, bytes=24),
        step(StepName.FINAL_OUTPUT_SENT, at + 0.12, bytes=24),
        step(StepName.CONTEXT_DELETED, deleted),
    )


def http(complete: bool | None = True, **more) -> Message:
    framing = Framing.CLOSE_DELIMITED if complete is None else Framing.CONTENT_LENGTH
    values = {"sender": S, "bytes": 5263, "status": 200, "framing": framing} | more
    return Message(protocol="http/1.1", complete=complete, **values)


def verdict(code: Code, summary: str, evidence: tuple[int, ...], **more) -> Verdict:
    values = {
        "confidence": Confidence.PROVEN,
        "blame": None,
        "truncation_risk": TruncationRisk.NONE,
        "rule": "RFC 9846 6.1",
    } | more
    return Verdict(code=code, severity=SEVERITY[code], summary=summary, evidence=evidence, **values)


def report(events: tuple[Event, ...], *, role: Role = Role.CLIENT, **more) -> Report:
    tls = more.get("tls", TLS13)
    values = {
        "scenario": "initiate",
        "target": TargetInfo(host="example.org", port=443, address="192.0.2.7"),
        "connection": ConnectionInfo(client="192.0.2.1:51000", server="192.0.2.7:443"),
        "provider": OPENSSL,
        "tls": tls,
        "capture": SNIFFED,
        "close": walk(events, tls13=tls.version == "1.3"),
    } | more
    return Report(started_at=START, role=role, events=events, **values)


ASKED = (
    Action(at_ns=0, name="connect", detail="192.0.2.7:443"),
    Action(at_ns=ms(45.9), name="request", detail="GET /"),
    Action(at_ns=ms(58.4), name="response", detail="HTTP 200, complete"),
)
EXCHANGE = (
    ev(46.0, C, Kind.APP_DATA, DECRYPTED, bytes=78, packet=12),
    ev(58.3, S, Kind.APP_DATA, DECRYPTED, bytes=5263, packet=14),
)


def clean() -> Report:
    events = (
        *opening(),
        *EXCHANGE,
        close_notify(59.1, C, packet=16),
        close_notify(59.15, C, Source.PROVIDER),
        close_notify(70.4, S, packet=17),
        ev(70.4, S, Kind.FIN, detail="FIN,ACK", packet=18),
        ev(70.5, S, Kind.FIN, Source.SOCKET, detail="end of file"),
        ev(70.7, C, Kind.FIN, detail="FIN,ACK", packet=19),
        ev(70.8, C, Kind.FIN, Source.SOCKET, detail="shutdown"),
    )
    return report(
        events,
        actions=ASKED,
        steps=four_steps(58.9, 70.9),
        waits=(
            Wait(name="response", at_ns=ms(46.1), length_ns=ms(12.2), outcome="answered"),
            Wait(name="close_notify", at_ns=ms(59.2), length_ns=ms(11.2), outcome="answered"),
        ),
        message=http(expected=5263),
        verdict=verdict(
            Code.CLEAN, "Both sides sent close_notify, then FIN. No data at risk.", (9, 11, 12, 14)
        ),
    )


def await_as_server() -> Report:
    events = (
        *opening(),
        ev(46.0, C, Kind.APP_DATA, DECRYPTED, bytes=78, packet=12),
        ev(46.4, S, Kind.APP_DATA, DECRYPTED, bytes=1160, packet=13),
        close_notify(47.9, C, packet=15),
        ev(47.9, C, Kind.FIN, detail="FIN,ACK", packet=15),
        ev(48.0, C, Kind.FIN, Source.SOCKET, detail="end of file"),
        close_notify(48.4, S, packet=16),
        ev(48.9, S, Kind.FIN, detail="FIN,ACK", packet=17),
        ev(48.9, S, Kind.FIN, Source.SOCKET, detail="shutdown"),
    )
    return report(
        events,
        role=Role.SERVER,
        scenario="await",
        target=TargetInfo(host="127.0.0.1", port=4433, address="127.0.0.1"),
        actions=(
            Action(at_ns=0, name="accept"),
            Action(at_ns=ms(46.2), name="request", detail="GET /"),
            Action(at_ns=ms(46.3), name="response", detail="HTTP 200, 1024 bytes, content-length"),
        ),
        steps=four_steps(48.2, 49.1, recognized=48.1),
        waits=(Wait(name="close_notify", at_ns=ms(46.5), length_ns=ms(1.5), outcome="answered"),),
        message=http(sender=C, framing=Framing.NO_BODY, bytes=0, status=None),
        verdict=verdict(Code.CLEAN, "Both sides sent close_notify, then FIN.", (9, 10, 12, 13)),
    )


def premature() -> Report:
    events = (
        *opening(),
        ev(46.0, C, Kind.APP_DATA, DECRYPTED, bytes=78, packet=12),
        ev(58.3, S, Kind.APP_DATA, DECRYPTED, bytes=5263, packet=14),
        ev(58.4, S, Kind.FIN, detail="FIN,ACK", packet=15),
        close_notify(59.0, C, packet=16),
        ev(59.3, C, Kind.FIN, detail="FIN,ACK", packet=17),
        ev(59.4, C, Kind.FIN, Source.SOCKET, detail="shutdown"),
    )
    return report(
        events,
        actions=ASKED,
        steps=four_steps(58.9, 59.5),
        message=http(None),
        verdict=verdict(
            Code.PREMATURE_CLOSE,
            "The server sent FIN without close_notify.",
            (9,),
            blame=S,
            truncation_risk=TruncationRisk.POSSIBLE,
            rule="RFC 9846 6.1: close_notify before closing the write side; RFC 9112 9.8",
        ),
        findings=(
            Finding(
                code="capture-note",
                severity=Severity.NOTE,
                blame=None,
                detail="server: 2 segments retransmitted",
            ),
            Finding(
                code="certificate-unverified",
                severity=Severity.NOTE,
                blame=None,
                detail="The certificate does not verify: certificate has expired.",
            ),
        ),
    )


def reset() -> Report:
    events = (
        *opening(),
        ev(46.0, C, Kind.APP_DATA, DECRYPTED, bytes=78, packet=12),
        ev(58.3, S, Kind.APP_DATA, DECRYPTED, bytes=3000, packet=14),
        ev(58.4, S, Kind.GAP, detail=Loss.NEVER_ARRIVED, bytes=2263, packet=15),
        ev(
            58.9,
            S,
            Kind.RST,
            detail="RST,ACK",
            note="in reply to the client's data (socket already closed); one more",
            packet=15,
        ),
        ev(59.0, S, Kind.RST, Source.SOCKET, detail="reset"),
    )
    return report(
        events,
        actions=ASKED,
        steps=(step(StepName.CONTEXT_DELETED, 59.2),),
        steps_missing="the connection was reset before our side began to close",
        message=http(False, bytes=3000, expected=5263, note="2 263 bytes short"),
        verdict=verdict(
            Code.DATA_LOST,
            "The server reset the connection and 2 263 bytes that it wrote never arrived.",
            (9, 10),
            blame=S,
            truncation_risk=TruncationRisk.CERTAIN,
            rule="RFC 9293 3.10.7.4",
        ),
        findings=(
            Finding(
                code="message-incomplete",
                severity=Severity.WARNING,
                blame=S,
                detail="The content-length message of the server lacks its end.",
                evidence=(8,),
            ),
        ),
    )


def no_answer() -> Report:
    events = (
        *opening(),
        *EXCHANGE,
        close_notify(59.1, C, packet=16),
        ev(5059.2, S, Kind.TIMEOUT, Source.SOCKET, detail="close_notify", waited_ns=ms(5000)),
        ev(5059.4, C, Kind.FIN, detail="FIN,ACK", packet=17),
        ev(5059.5, C, Kind.FIN, Source.SOCKET, detail="shutdown"),
    )
    return report(
        events,
        actions=ASKED,
        steps=four_steps(58.9, 5059.5),
        waits=(Wait(name="close_notify", at_ns=ms(59.2), length_ns=ms(5000), outcome="timeout"),),
        message=http(expected=5263),
        verdict=verdict(
            Code.NO_ANSWER,
            "The server answered the client's close_notify with nothing for 5.00 s.",
            (9, 10),
            blame=S,
        ),
    )


def half_close() -> Report:
    events = (
        *opening(),
        ev(46.0, C, Kind.APP_DATA, DECRYPTED, bytes=78, packet=12),
        close_notify(46.0, C, packet=12),
        ev(158.3, S, Kind.APP_DATA, DECRYPTED, bytes=5263, packet=14),
        close_notify(158.4, S, packet=15),
        ev(158.4, S, Kind.FIN, detail="FIN,ACK", packet=15),
        ev(158.9, C, Kind.FIN, detail="FIN,ACK", packet=17),
        ev(159.0, C, Kind.FIN, Source.SOCKET, detail="shutdown"),
    )
    return report(
        events,
        scenario="half-close",
        actions=ASKED,
        steps=four_steps(45.7, 159.1),
        waits=(Wait(name="response", at_ns=ms(46.1), length_ns=ms(112.2), outcome="answered"),),
        message=http(expected=5263),
        verdict=verdict(
            Code.CLEAN, "The whole answer came after our close_notify.", (8, 10, 11, 12)
        ),
    )


def long_transfer() -> Report:
    chat = tuple(
        ev(
            46 + at,
            S if at % 2 else C,
            Kind.APP_DATA,
            DECRYPTED,
            bytes=200 + 7 * at,
            packet=12 + at,
        )
        for at in range(60)
    )
    events = (
        *opening(),
        *chat,
        ev(
            110,
            S,
            Kind.APP_DATA,
            DECRYPTED,
            bytes=5_100_000,
            count=412,
            until_ns=ms(430),
            packet=900,
        ),
        ev(431, S, Kind.APP_DATA, DECRYPTED, bytes=1400, note="retransmission", packet=901),
        close_notify(440, S, packet=902),
        ev(440, S, Kind.FIN, detail="FIN,ACK", packet=903),
        close_notify(440.3, C, packet=904),
        ev(440.5, C, Kind.FIN, detail="FIN,ACK", packet=905),
        ev(440.6, C, Kind.FIN, Source.SOCKET, detail="shutdown"),
    )
    return report(
        events,
        scenario="await",
        actions=ASKED,
        steps=four_steps(440.1, 440.7, recognized=440.05),
        verdict=verdict(Code.CLEAN, "Both sides sent close_notify, then FIN.", (69, 70, 71, 72)),
    )


def refused() -> Report:
    return Report(
        started_at=START,
        role=Role.CLIENT,
        scenario="initiate",
        target=TargetInfo(host="localhost", port=1, address="127.0.0.1"),
        capture=CaptureInfo(
            source=CaptureSource.TAP, note="no right to capture packets (CAP_NET_RAW)"
        ),
        unobserved=Unobserved(stage=Stage.CONNECT, reason="connection refused (127.0.0.1:1)"),
    )


def not_tls() -> Report:
    events = (
        ev(0.02, C, Kind.SYN, detail="SYN", packet=1),
        ev(0.05, S, Kind.SYN, detail="SYN,ACK", packet=2),
        ev(0.3, C, Kind.HANDSHAKE, detail="client_hello", bytes=517, packet=4),
        ev(0.9, S, Kind.NOT_TLS, detail="HTTP/1.1 400 Bad Request", bytes=312, packet=6),
        ev(0.95, S, Kind.FIN, detail="FIN,ACK", packet=7),
    )
    return report(
        events,
        tls=TlsInfo(),
        actions=(Action(at_ns=0, name="connect"),),
        verdict=verdict(
            Code.NOT_TLS,
            "The server does not speak TLS here: HTTP/1.1 400.",
            (3,),
            blame=S,
            rule="",
        ),
        unobserved=Unobserved(stage=Stage.HANDSHAKE, reason="what came was not TLS"),
    )


def fatal_alert() -> Report:
    alert = Alert(level=2, description=113)
    events = (
        *opening(),
        ev(46.0, C, Kind.APP_DATA, DECRYPTED, bytes=78, packet=12),
        ev(47.0, S, Kind.ALERT, DECRYPTED, detail=str(alert), alert=alert, bytes=2, packet=13),
        ev(47.0, S, Kind.FIN, detail="FIN,ACK", packet=13),
    )
    return report(
        events,
        actions=ASKED,
        verdict=verdict(
            Code.FATAL_ALERT,
            "The server ended the connection with a fatal alert: bad_certificate_status_response.",
            (8,),
            blame=C,
            rule="RFC 9846 6.2",
        ),
    )


def hostile() -> Report:
    evil = "[/bold]\x1b[31;1mred\x1b]0;owned\x07\u202egnp.exe\u200b\r\n\x9b2J\ud800" + "A" * 3000
    base = premature()
    events = tuple(replace(event, detail=evil, note=evil) for event in base.events)
    return replace(
        base,
        target=TargetInfo(host=evil, port=443, address=evil),
        tls=TlsInfo(version="1.3", cipher=evil, alpn=evil, sni=evil),
        provider=ProviderInfo(name=evil, version="OpenSSL 4.0.3"),
        capture=CaptureInfo(source=CaptureSource.TAP, note=evil),
        events=events,
        steps=tuple(replace(item, call="SSL_shutdown", native=evil) for item in base.steps),
        steps_missing=evil,
        actions=tuple(replace(action, detail=evil) for action in base.actions),
        message=http(None, note=evil),
        verdict=replace(base.verdict, summary=evil, rule="RFC"),
        findings=(Finding(code="x", severity=Severity.NOTE, blame=None, detail=evil),),
        unobserved=Unobserved(stage=Stage.PREAMBLE, reason=evil),
    )


def tls12_wide() -> Report:
    base = clean()
    target = TargetInfo(host="日本語ドメイン.example", port=443, address="2001:db8::7")
    check = CertificateCheck(ok=False, error="certificate has expired")
    return replace(base, target=target, tls=replace(TLS12, certificate=check, alpn="http/1.1"))


def observed_inferred() -> Report:
    events = (
        *opening()[:-1],
        ev(46.0, C, Kind.RECORD, bytes=95, packet=12),
        ev(58.3, S, Kind.RECORD, bytes=5285, count=2, until_ns=ms(58.9), packet=14),
        close_notify(59.1, C, INFERRED, detail="", bytes=19, packet=16),
        close_notify(1270.4, S, INFERRED, detail="", bytes=19, packet=17),
        ev(1270.4, S, Kind.FIN, detail="FIN,ACK", packet=18),
        ev(1270.7, C, Kind.RST, detail="RST", packet=19),
    )
    return report(
        events,
        role=Role.OBSERVER,
        scenario=None,
        target=None,
        provider=None,
        capture=CaptureInfo(source=CaptureSource.FILE, path="close.pcapng", packets=20),
        verdict=verdict(
            Code.RESET_AFTER_CLOSE,
            "RST after both close_notify: nothing was lost.",
            (8, 9, 11),
            blame=C,
            confidence=Confidence.INFERRED,
        ),
    )


def provoked_fin() -> Report:
    events = (
        *opening(),
        *EXCHANGE,
        ev(59.0, C, Kind.FIN, detail="FIN,ACK", packet=16),
        ev(59.1, C, Kind.FIN, Source.SOCKET, detail="shutdown"),
        close_notify(59.4, S, packet=17),
        ev(59.5, S, Kind.FIN, detail="FIN,ACK", packet=17),
    )
    return report(
        events,
        scenario="fin",
        actions=ASKED,
        steps=(step(StepName.CONTEXT_DELETED, 59.8),),
        steps_missing="scenario fin sends no close_notify",
        provoked=True,
        verdict=verdict(
            Code.PREMATURE_CLOSE, "The client sent FIN without close_notify.", (9,), blame=C
        ),
    )


def capture_off() -> Report:
    provider, socket = Source.PROVIDER, Source.SOCKET
    events = (
        ev(45.1, C, Kind.HANDSHAKE, provider, detail=Handshake.COMPLETE),
        ev(46.0, C, Kind.APP_DATA, provider, bytes=78),
        close_notify(59.1, C, provider),
        close_notify(70.4, S, provider),
        ev(70.5, S, Kind.FIN, socket, detail="end of file"),
        ev(70.7, C, Kind.FIN, socket, detail="shutdown"),
    )
    return report(
        events,
        actions=ASKED,
        capture=CaptureInfo(source=CaptureSource.OFF),
        steps=four_steps(58.9, 70.9),
        verdict=verdict(Code.CLEAN, "Both sides sent close_notify, then FIN.", (2, 3, 4, 5)),
    )


EXAMPLES = {
    make.__name__.replace("_", "-"): make
    for make in (
        clean,
        await_as_server,
        premature,
        reset,
        no_answer,
        half_close,
        long_transfer,
        refused,
        not_tls,
        fatal_alert,
        hostile,
        tls12_wide,
        observed_inferred,
        provoked_fin,
        capture_off,
    )
}
