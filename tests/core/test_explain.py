import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.core.error_texts import TABLE
from tlsclose.core.explain import entries, entry, match_error
from tlsclose.core.verdict import Code

PASTED = (
    (
        "error:0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:rec.c:322:",
        "OpenSSL 3",
        Code.PREMATURE_CLOSE,
    ),
    ("OpenSSL: 0a000126", "OpenSSL 3", Code.PREMATURE_CLOSE),
    (
        (
            "curl: (56) OpenSSL SSL_read: OpenSSL/3.2: error:0A000126:SSL routines::unexpected eof "
            "while reading, errno 0"
        ),
        "OpenSSL 3",
        Code.PREMATURE_CLOSE,
    ),
    (
        (
            "requests.exceptions.SSLError: [SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in "
            "violation of protocol (_ssl.c:1006)"
        ),
        "Python",
        Code.PREMATURE_CLOSE,
    ),
    (
        "Read error at byte 6 (The TLS connection was non-properly terminated.).",
        "GnuTLS, wget",
        Code.PREMATURE_CLOSE,
    ),
    ("ERROR: Error in the pull function", "GnuTLS, wget", Code.RESET),
    ("schannel: server closed abruptly (missing close_notify)", "curl with Schannel", None),
    ("SEC_I_CONTEXT_EXPIRED", "Schannel", Code.CLEAN),
    ("status 0x00090317", "Schannel", Code.CLEAN),
    ("SEC_E_CONTEXT_EXPIRED", "Schannel", Code.DATA_AFTER_CLOSE),
    ("HRESULT -2146893033", "Schannel", Code.DATA_AFTER_CLOSE),
    ("(0x80090317)", "Schannel", Code.DATA_AFTER_CLOSE),
    (
        (
            "peer closed connection without sending TLS close_notify: "
            "https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof"
        ),
        "rustls",
        Code.PREMATURE_CLOSE,
    ),
    (
        "javax.net.ssl.SSLException: closing inbound before receiving peer's close_notify",
        "Java (SSLEngine)",
        Code.PREMATURE_CLOSE,
    ),
    ("Caused by: java.io.EOFException: SSL peer shut down incorrectly", "Java", None),
    ("Received an unexpected EOF or 0 bytes from the transport stream.", ".NET", None),
    ("Error: read ECONNRESET\n    at TLSWrap.onStreamRead", "Node", Code.RESET),
    ("read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer", "any", Code.RESET),
    ("curl: (56) Recv failure: Connection reset by peer", "curl", Code.RESET),
    ('Get "https://x/": unexpected EOF', "Go", Code.DATA_LOST),
    ("CFNetwork error -9816", "Apple SecureTransport", Code.PREMATURE_CLOSE),
    ("\x1b[31mwrong\x1b[0m version number", "OpenSSL, curl, Node", Code.NOT_TLS),
)


@pytest.mark.parametrize(("text", "stack", "code"), PASTED)
def test_pasted_text_is_recognised(text, stack, code):
    best = match_error(text)[0]
    assert best.stack == stack
    assert code is None or best.codes[0] is code


@pytest.mark.parametrize("text", ["", "hello world", "0", "-1", "errno 2", "TLS 1.3", "9816x"])
def test_unknown_text_matches_nothing(text):
    assert match_error(text) == ()


def test_shared_schannel_text_is_called_ambiguous():
    (found,) = match_error("The context has expired and can no longer be used.")
    assert "Ambiguous" in found.means
    assert {Code.CLEAN, Code.DATA_AFTER_CLOSE} <= set(found.codes)


@pytest.mark.parametrize("error", TABLE, ids=lambda error: error.text[:40])
def test_every_error_finds_itself_by_its_own_wording(error):
    assert error in match_error(error.text) or any(
        set(error.codes) & set(other.codes) for other in match_error(error.text)
    )
    assert all(error in match_error(needle) for needle in error.needles if len(needle) > 40)
    assert error.settle.startswith("tlsclose ")
    assert error.codes


@given(st.text())
def test_any_text_is_survived(text):
    assert all(found in TABLE for found in match_error(text))


@given(st.sampled_from(PASTED), st.text(alphabet=" .,:;[]()'\"\n\t"))
def test_case_and_punctuation_around_do_not_matter(row, noise):
    text = row[0]
    assert match_error(noise + text.swapcase() + noise)[0].stack == row[1]


def test_huge_text_is_cut():
    assert match_error("x " * 1_000_000 + "unexpected eof while reading") == ()


@pytest.mark.parametrize("code", Code)
def test_every_code_is_explained_completely(code):
    found = entry(code)
    assert found.code is code
    for field in ("title", "meaning", "why", "causes", "next_steps", "users_see", "rules"):
        assert getattr(found, field), field
    assert not found.title.endswith(".")


@pytest.mark.parametrize("code", [c for c in Code if c is not Code.NOT_TLS])
def test_both_protocol_generations_are_cited(code):
    rules = " ".join(entry(code).rules)
    assert "RFC " in rules
    if code is not Code.DATA_LOST:
        assert "RFC 9846" in rules or "RFC 9293" in rules


def test_entries_follow_the_order_of_the_codes():
    assert tuple(item.code for item in entries()) == tuple(Code)
