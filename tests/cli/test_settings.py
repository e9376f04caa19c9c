"""What the options of a command line come to."""

from pathlib import Path

import pytest

from tlsclose.core.record import TlsVersion
from tlsclose.net.scenario import SCENARIOS
from tlsclose.net.settings import (
    BodyFraming,
    CaptureMode,
    CaptureSettings,
    Family,
    ListenSettings,
    ProbeSettings,
    RequestSpec,
)
from tlsclose.net.target import Target
from tlsclose.providers.base import Identity, TlsSettings
from tlsclose.providers.identity import ephemeral
from tlsclose.providers.registry import DEFAULT

IDENTITY = ephemeral()
PEM, KEY = IDENTITY.certificate, IDENTITY.key

PROBE = (
    ((), ProbeSettings()),
    (("--scenario", "fin"), ProbeSettings(scenarios=("fin",))),
    (
        ("--scenario", "fin", "--scenario", "await", "--scenario", "fin"),
        ProbeSettings(scenarios=("fin", "await")),
    ),
    (("--scenario", "all"), ProbeSettings(scenarios=tuple(SCENARIOS))),
    (("--path", "/x?y"), ProbeSettings(request=RequestSpec(path="/x?y"))),
    (("--request", "none"), ProbeSettings(request=RequestSpec(http=False))),
    (("--request", "hex:0d 0a"), ProbeSettings(request=RequestSpec(http=False, raw=b"\r\n"))),
    (("--tls", "1.2"), ProbeSettings(tls=TlsSettings(version=TlsVersion.TLS12))),
    (("--ciphers", "HIGH"), ProbeSettings(tls=TlsSettings(ciphers="HIGH"))),
    (
        ("--alpn", "h2,http/1.1", "--alpn", "x"),
        ProbeSettings(tls=TlsSettings(alpn=("h2", "http/1.1", "x"))),
    ),
    (("--verify",), ProbeSettings(tls=TlsSettings(verify=True))),
    (("--sni", "Example.ORG"), ProbeSettings(sni="example.org")),
    (("--timeout", "0.5"), ProbeSettings(timeout_s=0.5)),
    (("--repeat", "3"), ProbeSettings(repeat=3)),
    (("-4",), ProbeSettings(family=Family.V4)),
    (("-6",), ProbeSettings(family=Family.V6)),
    (("--capture", "tap"), ProbeSettings(capture=CaptureSettings(mode=CaptureMode.TAP))),
    (("--interface", "lo"), ProbeSettings(capture=CaptureSettings(interface="lo"))),
)

LISTEN = (
    ((), ListenSettings()),
    (("--host", "::1", "--port", "4433"), ListenSettings(host="::1", port=4433)),
    (("--count", "2"), ListenSettings(count=2)),
    (("--body", "0", "--framing", "close"), ListenSettings(body=0, framing=BodyFraming.CLOSE)),
    (("--scenario", "half-close"), ListenSettings(scenario="half-close")),
    (("--timeout", "60"), ListenSettings(timeout_s=60.0)),
)


@pytest.mark.parametrize(("options", "settings"), PROBE)
def test_probe(run, api, options, settings):
    assert run("probe", "example.org:8443", "[::1]", *options).code == 0
    (call,) = api.calls
    assert call.settings == settings
    assert call.targets == (Target(host="example.org", port=8443), Target(host="::1", port=443))
    assert call.provider == DEFAULT


@pytest.mark.parametrize(("options", "settings"), LISTEN)
def test_listen(run, api, options, settings):
    assert run("listen", *options).code == 0
    assert api.calls[0].settings == settings


def test_files(run, api, tmp_path, monkeypatch):
    (tmp_path / "cert").write_bytes(PEM)
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "raw").write_bytes(b"QUIT\r\n")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    options = (
        *("--cert", tmp_path / "cert", "--key", tmp_path / "key", "--cafile", tmp_path / "cert"),
        *("--request", f"@{tmp_path / 'raw'}", "--pcap", tmp_path / "p", "--provider", "schannel"),
    )
    assert run("probe", "localhost", *options).code == 0
    (call,) = api.calls
    assert call.settings.tls == TlsSettings(
        identity=Identity(certificate=PEM, key=KEY), cafile=Path(tmp_path / "cert")
    )
    assert call.settings.request == RequestSpec(http=False, raw=b"QUIT\r\n")
    assert call.settings.capture == CaptureSettings(pcap=tmp_path / "p", keylog=tmp_path / "keys")
    assert call.provider == "schannel"
    assert not (tmp_path / "p").exists()


def test_combined_pem(run, api, tmp_path):
    (tmp_path / "both").write_bytes(PEM + KEY)
    assert run("listen", "--cert", tmp_path / "both").code == 0
    assert api.calls[0].settings.tls.identity == Identity(certificate=PEM + KEY, key=PEM + KEY)


@pytest.mark.parametrize("by", ["option", "variable"])
def test_pfx_and_its_password(run, api, tmp_path, monkeypatch, by):
    data = b"\x30\x82\x01\x00\x02\x01\x03" + bytes(20)
    (tmp_path / "pfx").write_bytes(data)
    options = ["--pass", "secret"] if by == "option" else []
    if by == "variable":
        monkeypatch.setenv("TLSCLOSE_PASS", "secret")
    assert run("listen", "--cert", tmp_path / "pfx", *options).code == 0
    assert api.calls[0].settings.tls.identity == Identity(pfx=data, password="secret")


def test_the_provider_by_variable(run, api, monkeypatch):
    monkeypatch.setenv("TLSCLOSE_PROVIDER", "schannel")
    assert run("probe", "localhost").code == 0
    assert api.calls[0].provider == "schannel"


@pytest.mark.parametrize("command", [("probe", "localhost"), ("listen",)])
def test_a_key_log_that_gets_nothing_is_said_beforehand(run, api, tmp_path, command):
    options = ("--keylog", tmp_path / "keys", "--provider", "schannel")
    ended = run(*command, *options)
    assert ended.code == 0
    assert "schannel exports no keys" in ended.err
    assert "exports no keys" not in run(*command, *options[:2], "--provider", "openssl").err


def test_demo(run, api):
    assert run("demo", "--capture", "off").code == 0
    assert api.calls[0].capture == CaptureSettings(mode=CaptureMode.OFF)
