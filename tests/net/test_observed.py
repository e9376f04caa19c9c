"""What the wire tells of one connection becomes a report of the same make as a live one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tlsclose.core.event import Event, Handshake, Kind, Side, Source
from tlsclose.core.record import TlsVersion
from tlsclose.core.report import CaptureSource, Role, Stage
from tlsclose.core.verdict import Code, Confidence
from tlsclose.net.observed import Observed, assemble_observed, spoke_tls, unreadable
from tlsclose.wire.answer import Answer
from tlsclose.wire.follower import Followed
from tlsclose.wire.protection import Negotiated

C, S = Side.CLIENT, Side.SERVER
NEGOTIATED = Negotiated(
    version=TlsVersion.TLS13, suite=0x1301, client_random=bytes(32), server_random=bytes(32)
)


def event(at_ns, sender, kind, source=Source.WIRE, **more):
    return Event(at_ns=at_ns, sender=sender, kind=kind, source=source, **more)


HERE, THERE = ("192.0.2.1", 51000), ("192.0.2.7", 443)


def seen(follows, *, client=HERE, server=THERE, stream=0, started_ns=0):
    return Observed(
        client=client, server=server, stream=stream, started_ns=started_ns, followed=follows
    )


OPENING = (
    event(0, C, Kind.SYN),
    event(1, S, Kind.SYN),
    event(2, C, Kind.HANDSHAKE, detail="client_hello"),
    event(3, S, Kind.HANDSHAKE, Source.INFERRED, detail=Handshake.COMPLETE),
)

HALF_CLOSED = (
    event(10, C, Kind.APP_DATA, Source.DECRYPTED),
    event(11, C, Kind.CLOSE_NOTIFY, Source.DECRYPTED),
    event(12, S, Kind.APP_DATA, Source.DECRYPTED),
    event(13, S, Kind.CLOSE_NOTIFY, Source.DECRYPTED),
    event(14, S, Kind.FIN),
    event(15, C, Kind.FIN),
)


def followed(*events, **changes):
    values = {"negotiated": NEGOTIATED, "sni": "example.org", "alpn": None, "resumed": None}
    return Followed(**{**values, "packets": 9, "notes": (), **changes}, events=events)


def judged(*events, **changes):
    return assemble_observed(seen(followed(*OPENING, *events, **changes)), path="a.pcap")


def close(at_ns, source):
    return tuple(
        event(at_ns + step, side, kind, source if kind is Kind.CLOSE_NOTIFY else Source.WIRE)
        for step, (side, kind) in enumerate(
            [(C, Kind.CLOSE_NOTIFY), (S, Kind.CLOSE_NOTIFY), (S, Kind.FIN), (C, Kind.FIN)]
        )
    )


def test_report_of_an_observer():
    one = seen(
        followed(*OPENING, *close(10, Source.DECRYPTED), alpn="h2", resumed=True),
        client=("2001:db8::1", 51000),
        server=("2001:db8::7", 443),
        stream=3,
        started_ns=1_700_000_000_123_456_789,
    )
    report = assemble_observed(one, path="a.pcap")
    assert report.role is Role.OBSERVER
    assert report.started_at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert (report.connection.client, report.connection.server, report.connection.stream) == (
        "[2001:db8::1]:51000",
        "[2001:db8::7]:443",
        3,
    )
    assert (report.tls.version, report.tls.cipher) == ("1.3", "TLS_AES_128_GCM_SHA256")
    assert (report.tls.sni, report.tls.alpn, report.tls.resumed) == ("example.org", "h2", True)
    assert (report.capture.source, report.capture.path) == (CaptureSource.FILE, "a.pcap")
    assert report.capture.packets == 9
    assert report.events == one.followed.events
    assert (report.target, report.provider, report.scenario) == (None, None, None)
    assert (report.steps, report.actions, report.waits) == ((), (), ())
    assert report.verdict.code is Code.CLEAN
    assert report.verdict.confidence is Confidence.PROVEN
    assert report.close.first_closer is C


def test_without_keys_a_close_is_inferred():
    assert judged(*close(10, Source.INFERRED)).verdict.confidence is Confidence.INFERRED


ENDS_EARLY = {
    "open": (),
    "unanswered": close(10, Source.DECRYPTED)[:1],
    "both notified": close(10, Source.DECRYPTED)[:2],
}


@pytest.mark.parametrize("events", ENDS_EARLY.values(), ids=ENDS_EARLY)
def test_nobody_is_blamed_for_what_came_after_the_capture(events):
    verdict = judged(*events).verdict
    assert (verdict.code, verdict.blame) == (Code.CAPTURE_INCOMPLETE, None)
    assert "the capture ends" in verdict.summary.lower()


def test_hellos_that_were_not_seen():
    report = judged(*close(10, Source.INFERRED), negotiated=None, sni=None)
    assert (report.tls.version, report.tls.cipher, report.tls.resumed) == (None, None, False)


def test_unknown_cipher_suite_is_told_by_number():
    assert judged(negotiated=replace(NEGOTIATED, suite=0x0A0A)).tls.cipher == "0x0a0a"


def test_notes_become_findings():
    (finding,) = judged(notes=("client: 1 segment retransmitted",)).findings
    assert (finding.code, finding.detail) == ("capture-note", "client: 1 segment retransmitted")


TALK = (
    ((), False),
    ((event(0, C, Kind.SYN), event(1, S, Kind.RST)), False),
    ((event(0, C, Kind.SYN), event(1, C, Kind.NOT_TLS), event(2, S, Kind.FIN)), False),
    ((event(0, C, Kind.SYN), event(1, C, Kind.GAP), event(2, S, Kind.FIN)), False),
    ((event(0, C, Kind.HANDSHAKE), event(1, S, Kind.NOT_TLS)), True),
    ((event(0, C, Kind.NOT_TLS), event(1, S, Kind.ALERT)), True),
    ((event(0, C, Kind.RECORD),), True),
    ((event(0, C, Kind.APP_DATA),), True),
    ((event(0, C, Kind.CLOSE_NOTIFY),), True),
)


@pytest.mark.parametrize(("events", "spoken"), TALK)
def test_only_tls_is_judged(events, spoken):
    assert spoke_tls(followed(*events)) is spoken


@pytest.mark.parametrize("at_ns", [-1, 0, 2**63 - 1, 2**64 - 1, 2**80])
def test_any_time_that_a_file_may_claim(at_ns):
    report = unreadable("a.pcap", "breaks off", started_ns=at_ns)
    assert 1970 <= report.started_at.year <= 9999


def test_unreadable():
    report = unreadable("a.pcap", "a.pcap: byte 24: breaks off", started_ns=0)
    assert (report.unobserved.stage, report.verdict) == (Stage.CAPTURE, None)
    assert report.unobserved.reason == "a.pcap: byte 24: breaks off"
    assert report.capture.path == "a.pcap"


def test_the_protocol_that_tls_began_in():
    report = judged(*close(10, Source.DECRYPTED), preamble="smtp")
    assert report.tls.preamble == "smtp"
    assert judged(*close(10, Source.DECRYPTED)).tls.preamble is None


def test_a_refused_upgrade_is_worth_a_report():
    plain = event(3, S, Kind.NOT_TLS, detail="SMTP, which refused the upgrade (454)")
    assert not spoke_tls(followed(plain))
    assert spoke_tls(followed(plain, refused=True))


@pytest.mark.parametrize(
    ("body", "code"), [(b"1234", Code.HALF_CLOSE_CUT), (b"123456789", Code.CLEAN)]
)
def test_an_answer_to_a_half_close_is_measured(body, code):
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + body
    report = judged(*HALF_CLOSED, answer=Answer(data, len(data)))
    assert (report.verdict.code, report.message.bytes) == (code, len(body))
    assert judged(*HALF_CLOSED).verdict.code is Code.CLEAN
