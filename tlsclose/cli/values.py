"""Option values that need more than a cast, as click types: each refuses in one line."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tlsclose.cli.output import Format, OutputFile

LONGEST_WAIT_S: Final = 3600.0
MOST_BYTES: Final = 16 * 2**20
"""Of a raw request."""
ALL: Final = "all"
MOST_PORT: Final = 65535

_PATH: Final = re.compile(r"/[!-~]*\Z")
_ALPN: Final = re.compile(r"[!-+\--~]{1,255}\Z")

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tlsclose.net.settings import RequestSpec
    from tlsclose.net.target import Target

    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType


class TargetType(ParamType):
    """`host`, `host:port`, `[v6]:port` or a URL."""

    name = "target"

    def convert(
        self, value: "str | Target", param: click.Parameter | None, ctx: click.Context | None
    ) -> "Target":
        from tlsclose.net.target import Target, parse

        del param, ctx
        return value if isinstance(value, Target) else parse(value)


class Seconds(ParamType):
    """A finite number of seconds above 0, at most an hour."""

    name = "seconds"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            seconds = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        if not (math.isfinite(seconds) and 0 < seconds <= LONGEST_WAIT_S):
            self.fail(f"{value} must be above 0 and at most {LONGEST_WAIT_S:.0f}", param, ctx)
        return seconds


class ScenarioType(ParamType):
    """The name of a scenario; `all` too where several may run."""

    name = "name"

    def __init__(self, *, several: bool) -> None:
        self._several = several

    def choices(self) -> tuple[str, ...]:
        from tlsclose.net.scenario import SCENARIOS

        return (*SCENARIOS, ALL) if self._several else tuple(SCENARIOS)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        names = self.choices()
        if value not in names:
            self.fail(f"{value!r} is not one of {', '.join(names)}", param, ctx)
        return value

    def expanded(self, names: Sequence[str]) -> tuple[str, ...]:
        """Each scenario named, once and in the order given; `all` stands for every one."""
        every = [name for name in self.choices() if name != ALL]
        return tuple(
            dict.fromkeys(each for name in names for each in (every if name == ALL else [name]))
        )

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        del ctx, param
        return [CompletionItem(name) for name in self.choices() if name.startswith(incomplete)]


class RequestType(ParamType):
    """`http`, `none`, `hex:..` or `@file`."""

    name = "request"

    def convert(
        self, value: "str | RequestSpec", param: click.Parameter | None, ctx: click.Context | None
    ) -> "RequestSpec":
        from tlsclose.net.settings import RequestSpec

        if isinstance(value, RequestSpec):
            return value
        if value == "http":
            return RequestSpec()
        if value == "none":
            return RequestSpec(http=False)
        if value.startswith("hex:"):
            return RequestSpec(http=False, raw=self._unhex(value[4:], param, ctx))
        if not value.startswith("@"):
            self.fail(f"{value!r} is none of http, none, hex:.. and @file", param, ctx)
        return RequestSpec(http=False, raw=self._read(value[1:], param, ctx))

    def _unhex(
        self, digits: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        try:
            raw = bytes.fromhex(digits)
        except ValueError:
            self.fail("hex: takes pairs of hexadecimal digits, such as hex:0d0a", param, ctx)
        if not raw:
            self.fail("hex: names no bytes; say none to send nothing", param, ctx)
        return raw

    def _read(self, name: str, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        try:
            with Path(name).open("rb") as file:
                raw = file.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self.fail(f"cannot read {name!r}: {reason}", param, ctx)
        if len(raw) > MOST_BYTES:
            self.fail(f"{name!r} is larger than {MOST_BYTES} bytes", param, ctx)
        return raw


class UrlPath(ParamType):
    """A path and query as HTTP/1.1 writes them: from `/`, printable ASCII without spaces."""

    name = "path"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _PATH.match(value):
            self.fail(f"{value!a} must begin with / and be percent-encoded ASCII", param, ctx)
        return value


class ServerName(ParamType):
    """A host name for the server name indication (RFC 6066 section 3: no address)."""

    name = "host"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from tlsclose.net.target import ascii_name

        name = ascii_name(value)
        if name.replace(".", "").isdigit():
            self.fail(f"{value!r} is an address; name a host", param, ctx)
        return name


class Visible(ParamType):
    """Text that is not empty and holds no control characters."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip() or not value.isprintable():
            self.fail(f"{value!a} must be visible text", param, ctx)
        return value


class AlpnNames(ParamType):
    """Protocol names between commas."""

    name = "names"

    def convert(
        self,
        value: str | tuple[str, ...],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(value.split(","))
        if not all(_ALPN.match(name) for name in names):
            self.fail(f"{value!a}: name protocols as in h2,http/1.1", param, ctx)
        return names


class OutputType(ParamType):
    """`FORMAT=FILE`."""

    name = "format=file"

    def convert(
        self, value: str | OutputFile, param: click.Parameter | None, ctx: click.Context | None
    ) -> OutputFile:
        if isinstance(value, OutputFile):
            return value
        kind, equals, name = value.partition("=")
        formats = [item.value for item in Format]
        if kind in formats and name == "-":
            self.fail(f"say --format {kind} for standard output", param, ctx)
        if kind not in formats or not equals or not name or "\0" in name:
            self.fail(f"{value!r} must be FORMAT=FILE with FORMAT {', '.join(formats)}", param, ctx)
        return OutputFile(format=Format(kind), path=Path(name))


class EndType(ParamType):
    """`IP:PORT`, `[v6]:PORT`."""

    name = "ip:port"

    def convert(
        self,
        value: str | tuple[str, int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        from ipaddress import ip_address

        host, _, port = value.rpartition(":")
        number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0
        bracketed = host[:1] + host[-1:] == "[]"
        try:
            address = ip_address(host[1:-1] if bracketed else host)
        except ValueError:
            number = 0
        else:
            number = number if bracketed is (address.version == 6) else 0
        if not 0 < number <= MOST_PORT:
            self.fail(f"{value!a} must be IP:PORT, such as 192.0.2.7:443 or [::1]:443", param, ctx)
        return str(address), number
