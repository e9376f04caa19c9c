"""Options that commands share. Each group turns its options into the one value that they mean."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Final

import click

from tlsclose.cli.files import check_writable
from tlsclose.cli.presentation import KEY_LOG_VARIABLE, READABLE, Command, together
from tlsclose.cli.say import say
from tlsclose.cli.values import (
    AlpnNames,
    RequestType,
    ScenarioType,
    Seconds,
    ServerName,
    UrlPath,
    Visible,
)
from tlsclose.core.record import TlsVersion
from tlsclose.net.settings import CaptureMode, CaptureSettings, Family, RequestSpec
from tlsclose.providers.base import Identity, TlsSettings
from tlsclose.providers.registry import DEFAULT, KEYLESS, NAMES

Decorator = Callable[[Command], Command]

FILE: Final = click.Path(path_type=Path)

PASSWORD_VARIABLE: Final = "TLSCLOSE_PASS"  # noqa: S105
PROVIDER_VARIABLE: Final = "TLSCLOSE_PROVIDER"
VERSIONS: Final = (TlsVersion.TLS12.value, TlsVersion.TLS13.value)
FAMILIES: Final = {(False, False): Family.ANY, (True, False): Family.V4, (False, True): Family.V6}


def scenarios(default: str) -> Decorator:
    """`--scenario`, repeatable, with `all`: passes `scenarios`, a tuple of names."""
    kind = ScenarioType(several=True)

    def decorate(command: Command) -> Command:
        @wraps(command)
        def call(*args: object, scenario: tuple[str, ...], **rest: object) -> int:
            return command(*args, scenarios=kind.expanded(scenario), **rest)

        return click.option(
            "--scenario",
            type=kind,
            multiple=True,
            default=(default,),
            help=f"What our side does; repeatable, 'all' runs every one.  [default: {default}]",
        )(call)

    return decorate


def scenario(default: str) -> Decorator:
    """`--scenario`, once: passes `scenario`."""
    return click.option(
        "--scenario",
        type=ScenarioType(several=False),
        default=default,
        show_default=True,
        help="What our side does.",
    )


def timeout(default: float) -> Decorator:
    """`--timeout`: the deadline of each wait, in seconds."""
    return click.option(
        "--timeout",
        type=Seconds(),
        default=default,
        show_default=True,
        help="Deadline of each wait; data that keeps coming stretches it, up to twelvefold.",
    )


def request(command: Command) -> Command:
    """`--request` and `--path`: passes `request` and `path`, which is None unless given."""
    return together(
        click.option(
            "--request",
            type=RequestType(),
            default="http",
            show_default=True,
            help="What to say first: http, none, hex:.. or @file.",
        ),
        click.option("--path", type=UrlPath(), help="Path of the HTTP request.  [default: /]"),
    )(command)


def requested(spec: RequestSpec, path: str | None) -> RequestSpec:
    """The request with its path. Raises click.UsageError where the two do not go together."""
    if path is None:
        return spec
    if not spec.http:
        raise click.UsageError("--path only makes sense with --request http")
    return RequestSpec(path=path)


def family(command: Command) -> Command:
    """`-4` and `-6`: passes `family`."""

    @wraps(command)
    def call(*args: object, v4: bool, v6: bool, **rest: object) -> int:
        if v4 and v6:
            raise click.UsageError("-4 and -6 exclude each other; give one or neither")
        return command(*args, family=FAMILIES[v4, v6], **rest)

    return together(
        click.option("-4", "v4", is_flag=True, help="Use IPv4 only."),
        click.option("-6", "v6", is_flag=True, help="Use IPv6 only."),
    )(call)


def _identity(cert: Path | None, key: Path | None, password: str) -> Identity | None:
    if cert is None:
        if key is not None:
            raise click.UsageError("--key needs --cert, the certificate that goes with it")
        return None
    from tlsclose.providers.identity import load

    return load(cert, key, password)


def tls(command: Command) -> Command:
    """The handshake's options: passes `tls`."""

    @wraps(command)
    def call(
        *args: object,
        version: str | None,
        ciphers: str | None,
        alpn: tuple[tuple[str, ...], ...],
        cafile: Path | None,
        verify: bool,
        cert: Path | None,
        key: Path | None,
        password: str,
        **rest: object,
    ) -> int:
        settings = TlsSettings(
            version=TlsVersion(version) if version else None,
            ciphers=ciphers,
            alpn=tuple(name for names in alpn for name in names),
            identity=_identity(cert, key, password),
            cafile=cafile,
            verify=verify,
        )
        return command(*args, tls=settings, **rest)

    return together(
        click.option("--tls", "version", type=click.Choice(VERSIONS), help="Only this version."),
        click.option(
            "--ciphers", type=Visible("names"), help="OpenSSL cipher list or TLS 1.3 suite names."
        ),
        click.option(
            "--alpn", type=AlpnNames(), multiple=True, help="Protocols to offer: h2,http/1.1"
        ),
        click.option("--cafile", type=READABLE, help="PEM file of trusted roots."),
        click.option(
            "--verify/--no-verify",
            default=False,
            show_default=True,
            help="Make a failed certificate check fatal; it is reported either way.",
        ),
        click.option("--cert", type=READABLE, help="PEM or PFX file with our certificate chain."),
        click.option("--key", type=READABLE, help="PEM file with its key, unless --cert has it."),
        click.option(
            "--pass",
            "password",
            envvar=PASSWORD_VARIABLE,
            show_envvar=True,
            default="",
            help="Password of a PFX file in --cert.",
        ),
    )(call)


def sni(command: Command) -> Command:
    """`--sni`: the server name to ask for."""
    return click.option(
        "--sni", type=ServerName(), help="Server name to ask for.  [default: the host]"
    )(command)


def provider(command: Command) -> Command:
    """`--provider`: the TLS engine."""
    return click.option(
        "--provider",
        type=click.Choice(NAMES),
        default=DEFAULT,
        envvar=PROVIDER_VARIABLE,
        show_envvar=True,
        show_default=True,
        help="TLS engine of our side.",
    )(command)


def warn_of_keys(provider: str, capture: CaptureSettings) -> None:
    """Say beforehand that a key log will get nothing."""
    if capture.keylog is not None and provider in KEYLESS:
        say(f"{provider} exports no keys: nothing of it goes to {capture.keylog}")


def capture(command: Command) -> Command:
    """The wire's options: passes `capture`."""

    @wraps(command)
    def call(
        *args: object,
        capture: str,
        interface: str | None,
        pcap: Path | None,
        keylog: Path | None,
        **rest: object,
    ) -> int:
        settings = CaptureSettings(
            mode=CaptureMode(capture), interface=interface, pcap=pcap, keylog=keylog
        )
        _check_capture(settings)
        return command(*args, capture=settings, **rest)

    return together(
        click.option(
            "--capture",
            type=click.Choice([mode.value for mode in CaptureMode]),
            default=CaptureMode.AUTO.value,
            show_default=True,
            help="Sniff packets, tap our own socket, or neither.",
        ),
        click.option(
            "--interface",
            type=Visible("name"),
            help="Interface to sniff on.  [default: the route's]",
        ),
        click.option("--pcap", type=FILE, help="Write packets and keys as pcapng."),
        click.option(
            "--keylog", type=FILE, envvar=KEY_LOG_VARIABLE, show_envvar=True, help="Append keys."
        ),
    )(call)


def _check_capture(settings: CaptureSettings) -> None:
    if settings.interface and settings.mode in (CaptureMode.TAP, CaptureMode.OFF):
        raise click.UsageError(f"--interface needs packets; leave out --capture {settings.mode}")
    if settings.pcap and settings.mode is CaptureMode.OFF:
        raise click.UsageError("--pcap needs packets; leave out --capture off")
    if settings.pcap:
        check_writable(settings.pcap, "--pcap")
    if settings.keylog:
        check_writable(settings.keylog, f"--keylog or {KEY_LOG_VARIABLE}")
