"""Every mistake is one line on standard error, exit code 2, nothing started, nothing written."""

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tlsclose.providers.identity import ephemeral

IDENTITY = ephemeral()
OTHER = ephemeral()
LOCKED = load_pem_private_key(IDENTITY.key, None).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
)

BAD = (
    ("prob localhost", "did you mean 'probe'"),
    ("frobnicate", "no such command"),
    ("probe", "Missing argument"),
    ("probe host:99999", "1 to 65535"),
    ("probe http://host", "https://"),
    ("probe smtp://host", "STARTTLS is not supported yet"),
    ("probe ok.example bad..example", "not a host name"),
    ("probe host --frobnicate", "No such option"),
    ("probe host --formt json", "--format"),
    ("probe host --format xml", "'xml' is not one of"),
    ("probe host --format junit", "'junit' is not one of"),
    ("probe host --timeout 0", "above 0"),
    ("probe host --timeout -1", "above 0"),
    ("probe host --timeout nan", "above 0"),
    ("probe host --timeout inf", "above 0"),
    ("probe host --timeout 3601", "at most 3600"),
    ("probe host --timeout soon", "not a number"),
    ("probe host --repeat 0", "--repeat"),
    ("probe host --scenario dance", "initiate"),
    ("probe host --request hex:0", "pairs of hexadecimal digits"),
    ("probe host --request hex:", "names no bytes"),
    ("probe host --request smtp", "none of http"),
    ("probe host --request @{dir}/absent", "cannot read"),
    ("probe host --request @{dir}", "cannot read"),
    ("probe host --path index.html", "begin with /"),
    ("probe host --path /a\r\nX:1", "percent-encoded"),
    ("probe host --path /a --request none", "--request http"),
    ("probe https://host/a --path /b", "already names a path"),
    ("probe host --tls 1.1", "'1.1' is not one of"),
    ("probe host --alpn h2,,x", "name protocols"),
    ("probe host --alpn \x1b", "name protocols"),
    ("probe host --sni a..b", "not a host name"),
    ("probe host --sni 127.0.0.1", "is an address"),
    ("probe host --cafile {dir}/absent", "does not exist"),
    ("probe host --key {dir}/key", "--key needs --cert"),
    ("probe host --cert {dir}/cert", "no usable PEM private key in"),
    ("probe host --cert {dir}/key", "no PEM certificate in"),
    ("probe host --cert {dir}/cert --key {dir}/cert", "no usable PEM private key in"),
    ("probe host --cert {dir}/cert --key {dir}/locked", "is encrypted"),
    ("probe host --cert {dir}/cert --key {dir}/other", "does not match the certificate"),
    ("probe host -4 -6", "exclude each other"),
    ("probe host -q -v", "exclude each other"),
    ("probe host --capture sometimes", "is not one of"),
    ("probe host --capture off --pcap {dir}/a", "--pcap needs packets"),
    ("probe host --capture tap --interface lo", "--interface needs packets"),
    ("probe host --interface", "requires an argument"),
    ("probe host --fail-on ok", "is not one of"),
    ("probe host --pcap {dir}", "is a directory"),
    ("probe host --pcap {dir}/absent/a", "No such file or directory"),
    ("probe host --keylog {dir}/absent/a", "--keylog or SSLKEYLOGFILE"),
    ("probe host --output json", "FORMAT=FILE"),
    ("probe host --output json=", "FORMAT=FILE"),
    ("probe host --output xml={dir}/a", "FORMAT=FILE"),
    ("probe host --output json=-", "--format json"),
    ("probe host --output json={dir}", "is a directory"),
    ("probe host --output json={dir}/absent/a", "No such file or directory"),
    ("probe host --output json={dir}/cert/a", "cannot write"),
    ("probe host --output json={dir}/a --output jsonl={dir}/a", "named twice"),
    ("probe host --output json={dir}/a --pcap {dir}/a", "named twice"),
    ("listen --port 65536", "--port"),
    ("listen --port x", "--port"),
    ("listen --count 0", "--count"),
    ("listen --body -1", "--body"),
    ("listen --framing guess", "is not one of"),
    ("listen --scenario all", "is not one of"),
    ("listen --output json={dir}/absent/a", "No such file or directory"),
    ("listen extra", "unexpected extra argument"),
    ("analyze", "Missing argument"),
    ("analyze {dir}/absent", "does not exist"),
    ("analyze {dir}", "is a directory"),
    ("analyze - -", "named twice"),
    ("analyze {dir}/cert --stream -1", "--stream"),
    ("analyze {dir}/cert --stream x", "--stream"),
    ("analyze {dir}/cert --connection localhost:443", "must be IP:PORT"),
    ("analyze {dir}/cert --connection 192.0.2.7", "must be IP:PORT"),
    ("analyze {dir}/cert --connection 192.0.2.7:0", "must be IP:PORT"),
    ("analyze {dir}/cert --connection 192.0.2.7:65536", "must be IP:PORT"),
    ("analyze {dir}/cert --connection [::1:443", "must be IP:PORT"),
    ("analyze {dir}/cert --connection ::1:443", "must be IP:PORT"),
    ("analyze {dir}/cert --connection \x1b:1", "must be IP:PORT"),
    ("analyze {dir}/cert --connection", "requires an argument"),
    ("analyze {dir}/cert --port 0", "--port"),
    ("analyze {dir}/cert --port https", "--port"),
    ("analyze {dir}/cert --verdict fine", "'fine' is not one of"),
    ("analyze {dir}/cert --keylog {dir}/absent", "does not exist"),
    ("analyze {dir}/cert --keylog {dir}", "is a directory"),
    ("analyze {dir}/cert --format xml", "'xml' is not one of"),
    ("analyze {dir}/cert --fail-on ok", "is not one of"),
    ("analyze {dir}/cert -q -v", "exclude each other"),
    ("analyze {dir}/cert --output json={dir}/cert", "named twice"),
    ("analyze {dir}/cert --keylog {dir}/key --output json={dir}/key", "named twice"),
    ("analyze {dir}/cert --output json={dir}/absent/a", "No such file or directory"),
    ("analyze {dir}/cert --pcap {dir}/a", "No such option"),
    ("demo --output text={dir}/absent/a", "No such file or directory"),
    ("demo --format yaml", "is not one of"),
    ("doctor --format jsonl", "is not one of"),
    ("explain no-such-thing", "'tlsclose explain' lists the codes"),
    ("explain premature-clos", "premature-close"),
    ("schema extra", "unexpected extra argument"),
)


@pytest.fixture
def folder(tmp_path):
    for name, text in (
        ("cert", IDENTITY.certificate),
        ("key", IDENTITY.key),
        ("locked", LOCKED),
        ("other", OTHER.key),
    ):
        (tmp_path / name).write_bytes(text)
    return tmp_path


@pytest.mark.parametrize(("line", "says"), BAD, ids=lambda text: text[:60])
def test_bad_input(line, says, run, api, folder):
    before = sorted(folder.iterdir())
    ended = run(*(word.format(dir=folder) for word in line.split(" ")))
    assert ended.code == 2
    assert ended.out == ""
    assert says in ended.err
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("tlsclose")
    assert ended.err.rstrip("\n").isprintable()
    assert api.calls == []
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("option", ["--ciphers", "--interface", "--host"])
@pytest.mark.parametrize("value", ["", " ", "a\x07b"])
def test_invisible_text_is_refused(option, value, run, api):
    ended = run("listen", option, value)
    assert ended.code == 2
    assert "must be visible text" in ended.err
    assert api.calls == []


def test_no_command_shows_the_help(run):
    ended = run()
    assert ended.code == 2
    assert ended.out == ""
    assert "Commands:" in ended.err


def test_unwritable_key_log_from_the_environment(run, api, monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "absent" / "keys"))
    ended = run("probe", "host")
    assert (ended.code, api.calls) == (2, [])
    assert "SSLKEYLOGFILE" in ended.err


def test_large_request_file_is_refused(run, api, tmp_path, monkeypatch):
    monkeypatch.setattr("tlsclose.cli.values.MOST_BYTES", 4)
    (tmp_path / "big").write_bytes(b"12345")
    assert "larger than 4 bytes" in run("probe", "host", "--request", f"@{tmp_path}/big").err
    assert api.calls == []
