"""What people read: whole reports against files (see `golden`), and what stands where in them."""

import io
from dataclasses import replace

import pytest

from tests.report.examples import (
    EXAMPLES,
    await_as_server,
    clean,
    half_close,
    no_answer,
    not_tls,
    observed_inferred,
    premature,
    provoked_fin,
    refused,
    reset,
)
from tests.report.golden import FOLDER, printed, same
from tlsclose.core.report import CertificateCheck, Role, Stage, Unobserved
from tlsclose.core.verdict import Code
from tlsclose.report.text import make_console, print_report, print_summary

IN_ASCII = ("clean", "await-as-server", "reset", "long-transfer", "hostile", "tls12-wide")
UNFOLDED = {"v": 1, "vv": 2}


def text(report, *, verbosity=0, encoding="utf-8", width=80):
    return printed(
        lambda console: print_report(report, console, verbosity=verbosity),
        encoding=encoding,
        width=width,
    )


def paragraph(report, label):
    """The lines of one labelled paragraph, joined."""
    found, here = [], False
    for line in text(report, width=200).splitlines():
        here = line[:12].strip() == label or (here and not line[:12].strip())
        found += [line[12:]] if here else []
    return " ".join(filter(None, found))


@pytest.mark.parametrize("name", EXAMPLES)
def test_golden(name):
    same(name, text(EXAMPLES[name]()))


@pytest.mark.parametrize("name", IN_ASCII)
def test_golden_ascii(name):
    same(f"{name}.ascii", text(EXAMPLES[name](), encoding="ascii"))


@pytest.mark.parametrize("suffix", UNFOLDED)
@pytest.mark.parametrize("name", ["clean", "capture-off"])
def test_golden_unfolded(name, suffix):
    same(f"{name}.{suffix}", text(EXAMPLES[name](), verbosity=UNFOLDED[suffix]))


def test_golden_summary():
    reports = [make() for make in EXAMPLES.values()]
    same("summary", printed(lambda console: print_summary(reports, console)))


def test_no_golden_file_is_left_over():
    known = {"summary", *EXAMPLES, *(f"{name}.ascii" for name in IN_ASCII)}
    known |= {f"{name}.{suffix}" for name in ("clean", "capture-off") for suffix in UNFOLDED}
    assert {path.stem for path in FOLDER.glob("*.txt")} == known


@pytest.mark.parametrize("name", EXAMPLES)
def test_brief_is_at_most_two_lines(name):
    if name != "hostile":
        assert text(EXAMPLES[name](), verbosity=-1).count("\n") <= 2


def test_code_in_capitals_with_its_summary():
    assert "\n CLEAN   Both sides sent close_notify, then FIN. No data at risk.\n" in text(clean())


def test_users_see_and_next_come_from_the_explanations():
    told = text(premature())
    assert 'rustls "peer closed connection without sending TLS close_notify"' in told
    assert "next       tlsclose explain premature-close" in told


def test_commands_are_not_broken_between_lines():
    lines = text(reset()).splitlines()
    assert any("tlsclose probe example.org:443 --repeat 20 --pcap lost.pcapng" in x for x in lines)


def test_a_clean_close_asks_for_nothing():
    assert "users see" not in text(clean())
    assert " next " not in text(clean())


def test_on_purpose_tells_who_and_how_the_peer_reacted():
    told = paragraph(provoked_fin(), "on purpose")
    assert "tlsclose, the client, did this itself: scenario fin" in told
    assert "the server then sent close_notify after 0.40 ms, FIN after 0.50 ms" in told
    assert "users see" not in text(provoked_fin())


def test_on_purpose_tells_of_a_peer_that_did_nothing():
    report = provoked_fin()
    silent = replace(report, events=report.events[:-2])
    assert "the server did not react" in paragraph(silent, "on purpose")


def test_on_purpose_tells_what_the_peer_had_done_before():
    report = replace(half_close(), role=Role.SERVER, provoked=True)
    told = paragraph(report, "on purpose")
    assert "before that the client had sent close_notify, and waited 112 ms" in told


def test_unobserved_is_short_and_says_what_to_do():
    lines = text(refused()).strip().splitlines()
    assert lines[2] == " UNOBSERVED AT CONNECT   connection refused (127.0.0.1:1)"
    assert lines[3].startswith(" next ")
    assert len(lines) <= 5


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_has_advice(stage):
    report = replace(refused(), unobserved=replace(refused().unobserved, stage=stage))
    assert paragraph(report, "next")


@pytest.mark.parametrize("code", Code)
def test_every_code_prints(code):
    report = replace(premature(), verdict=replace(premature().verdict, code=code))
    assert f" {code.value.replace('-', ' ').upper()}" in text(report)
    assert f"tlsclose explain {code.value}" in text(report)


def test_a_failed_handshake_tells_why_beside_its_verdict():
    assert paragraph(not_tls(), "handshake") == "what came was not TLS"
    assert "UNOBSERVED" not in text(not_tls())


def test_an_inferred_verdict_says_so_once_where_it_counts():
    assert paragraph(observed_inferred(), "proof").startswith(
        "inferred (by record type and length)"
    )
    assert "close_notify?" not in paragraph(observed_inferred(), "proof")


def test_the_certificate_is_told_once():
    check = CertificateCheck(ok=False, error="certificate has expired")
    report = replace(premature(), tls=replace(premature().tls, certificate=check))
    assert text(report, width=200).count("certificate has expired") == 1


def test_ordinary_repairs_of_tcp_show_from_v_on():
    assert "retransmitted" not in text(premature())
    assert "2 segments retransmitted" in text(premature(), verbosity=1)


def test_times_of_the_proof_are_those_of_the_picture():
    assert "server close_notify at 70.40 ms" in paragraph(clean(), "proof")
    assert "  70.40 " in text(clean())
    assert "silent until 5059.2 ms" in paragraph(no_answer(), "proof")
    assert " 5059.2 " in text(no_answer())


def test_who_closed_first_and_who_answered():
    told = paragraph(clean(), "close")
    assert told == "client first, server answered after 11.3 ms; both closed"
    assert paragraph(reset(), "close") == "server first; client open, server reset"


def test_a_listener_numbers_its_clients():
    third = replace(await_as_server().connection, stream=2)
    shown = text(replace(await_as_server(), connection=third))
    assert shown.startswith(" client 3: 127.0.0.1:4433 · await")


def test_a_quiet_verdict_is_one_line_for_programs():
    stream = io.StringIO()
    print_report(premature(), make_console(color="never", file=stream, width=40), verbosity=-1)
    assert stream.getvalue().count("\n") == 1
    assert len(stream.getvalue()) > 40


OBSERVERS = {
    Code.UNDETERMINED: "--keylog FILE",
    Code.CAPTURE_INCOMPLETE: "from the first SYN to the last FIN",
    Code.RESET_AFTER_CLOSE: "tlsclose explain reset-after-close",
}


@pytest.mark.parametrize("code", OBSERVERS)
def test_an_observer_is_told_what_to_do_about_its_capture(code):
    base = observed_inferred()
    report = replace(base, verdict=replace(base.verdict, code=code))
    assert OBSERVERS[code] in paragraph(report, "next")
    assert "--pcap" not in paragraph(report, "next")


def test_an_observer_names_file_and_stream():
    base = observed_inferred()
    piped = replace(base, capture=replace(base.capture, path="-"))
    assert "stream 0 from close.pcapng" in text(base)
    assert "stream 0 from standard input" in text(piped)


def test_a_broken_capture_in_full():
    reason = Unobserved(stage=Stage.CAPTURE, reason="a.pcap: byte 24: breaks off")
    report = replace(
        observed_inferred(), connection=None, verdict=None, events=(), close=None, unobserved=reason
    )
    assert text(report).startswith(" close.pcapng")
    assert "capture again for the rest" in paragraph(report, "next")
