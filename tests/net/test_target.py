import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.errors import UsageError
from tlsclose.net.target import Target, ascii_name, parse

GOOD = (
    ("example.org", "example.org", 443, None),
    ("Example.ORG.", "example.org", 443, None),
    ("example.org:8443", "example.org", 8443, None),
    ("localhost:1", "localhost", 1, None),
    ("192.0.2.1:65535", "192.0.2.1", 65535, None),
    ("[2001:DB8::1]:4433", "2001:db8::1", 4433, None),
    ("[::1]", "::1", 443, None),
    ("::1", "::1", 443, None),
    ("2001:db8:0:0:0:0:0:7", "2001:db8::7", 443, None),
    ("[fe80::1%eth0]:443", "fe80::1%eth0", 443, None),
    ("https://example.org", "example.org", 443, None),
    ("HTTPS://example.org:444/", "example.org", 444, "/"),
    ("https://example.org/a/b?c=d&e=f:g", "example.org", 443, "/a/b?c=d&e=f:g"),
    ("https://example.org?q", "example.org", 443, "/?q"),
    ("https://[::1]:9/x@y", "::1", 9, "/x@y"),
    ("tls://mail.example.org:993", "mail.example.org", 993, None),
    ("bücher.example", "xn--bcher-kva.example", 443, None),
    ("my_host:443", "my_host", 443, None),
)

BAD = (
    ("", "empty"),
    ("exa mple.org", "spaces"),
    ("example.org\r\nX: y", "control characters"),
    ("exam\x1b[31mple", "control characters"),
    ("example.org:", "1 to 65535"),
    ("example.org:0", "1 to 65535"),
    ("example.org:65536", "1 to 65535"),
    ("example.org:https", "1 to 65535"),
    ("example.org:+443", "1 to 65535"),
    ("example.org:٤٤٣", "1 to 65535"),
    ("[::1]443", "IPv6"),
    ("[::1", "IPv6"),
    ("[example.org]:443", "brackets"),
    ("1:2:3", "IPv6"),
    ("fe80::1%", "zone"),
    (":443", "names no host"),
    ("https://", "names no host"),
    ("https:///path", "names no host"),
    ("https://user:pw@example.org", "user name"),
    ("user@example.org", "user name"),
    ("https://example.org/#top", "fragment"),
    ("https://example.org/ä", "percent-encode"),
    ("example.org/path", "https://"),
    ("http://example.org", "https://"),
    ("smtp://mail.example.org", "STARTTLS is not supported yet"),
    ("POSTGRES://db", "STARTTLS is not supported yet"),
    ("gopher://example.org", "not known"),
    ("-example.org", "not a host name"),
    ("a..b", "not a host name"),
    ("x" * 64, "not a host name"),
    ("300.1.1.1", "IPv4"),
    ("1.2.3", "IPv4"),
    ("a" * 9000, "longer"),
)


@pytest.mark.parametrize(("text", "host", "port", "path"), GOOD)
def test_good(text, host, port, path):
    assert parse(text) == Target(host=host, port=port, path=path)


@pytest.mark.parametrize(("text", "says"), BAD)
def test_bad(text, says):
    with pytest.raises(UsageError) as error:
        parse(text)
    message = str(error.value)
    assert says in message
    assert message.isprintable()


@given(
    st.text()
    | st.text(alphabet="[]:/?%@.-a0ü")
    | st.builds("https://{}".format, st.text())
    | st.from_regex(r"\[[0-9a-f:.%]*\](:[0-9]*)?", fullmatch=True)
)
def test_anything_is_a_target_or_a_usage_error(text):
    try:
        target = parse(text)
    except UsageError as error:
        message = str(error)
    else:
        message = str(target)
        assert 0 < target.port <= 65535
        assert parse(message) == Target(host=target.host, port=target.port)
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 1000


def test_a_password_is_not_repeated():
    with pytest.raises(UsageError) as error:
        parse("https://user:secret@example.org")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "\n", "ÿ" * 300, "."])
def test_ascii_name_refuses(name):
    with pytest.raises(UsageError):
        ascii_name(name)
