"""What tshark is asked, and how its answer reads."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.benchmarks.analyze.agreement import Reading, Seen, Sign

WANTED: Final = "tls.alert_message || tcp.flags.fin==1 || tcp.flags.reset==1"
NAMED: Final = (
    "tcp.stream",
    "ip.src",
    "tcp.srcport",
    "tcp.flags.str",
    "tls.alert_message.level",
    "tls.alert_message.desc",
)
NO_SAY: Final = ("http", "http2", "media", "data", "data-text-lines", "x509af")
"""Dissectors of what has no say in a close."""
FASTEST: Final = ("-n", *(word for name in NO_SAY for word in ("--disable-protocol", name)))
IN_ORDER: Final = ("-o", "tcp.reassemble_out_of_order:TRUE")
"""Off unless asked for; without it tshark stops decrypting where packets changed places."""
FIELDS: Final = (
    "frame.number",
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "tcp.flags",
    "tls.alert_message.desc",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
)
VERSIONS: Final = {"0x0301": "1.0", "0x0302": "1.1", "0x0303": "1.2", "0x0304": "1.3"}
SERVER_HELLO: Final = "tls.handshake.type==2"
FIN: Final = 0x01
RST: Final = 0x04
CLOSE_NOTIFY: Final = "0"


def typed(program: str, capture: Path, keys: Path | None) -> list[str]:
    """As a person types it who wants to see alerts, FIN and RST."""
    return _asked(program, capture, keys, WANTED, NAMED)


def fastest(program: str, capture: Path, keys: Path | None) -> list[str]:
    """The same without name resolution, and without the dissectors of `NO_SAY`."""
    return [*typed(program, capture, keys), *FASTEST]


def careful(program: str, capture: Path, keys: Path | None) -> list[str]:
    """What `reading` reads."""
    question = f"{WANTED} || {SERVER_HELLO}"
    return [*_asked(program, capture, keys, question, FIELDS), *FASTEST, *IN_ORDER]


def _asked(
    program: str, capture: Path, keys: Path | None, question: str, fields: Iterable[str]
) -> list[str]:
    with_keys = ["-o", f"tls.keylog_file:{keys}"] if keys else []
    each = [word for name in fields for word in ("-e", name)]
    return [program, "-r", str(capture), *with_keys, "-Y", question, "-T", "fields", *each]


def reading(lines: Iterable[str]) -> Reading:
    """Read the answer to `careful`."""
    seen: list[Seen] = []
    versions: dict[int, str] = {}
    for line in lines:
        number, stream, v4, v6, port, flags, alerts, hello, chosen = line.rstrip("\n").split("\t")
        sender = f"[{v6}]:{port}" if v6 else f"{v4}:{port}"
        seen += [
            Seen(stream=int(stream), sender=sender, sign=sign, packet=int(number))
            for sign in _signs(int(flags, 16), alerts)
        ]
        version = VERSIONS.get((chosen or hello).split(",")[0])
        if version:
            versions[int(stream)] = version
    return Reading(seen=tuple(seen), versions=versions)


def _signs(flags: int, alerts: str) -> Iterator[Sign]:
    for alert in filter(None, alerts.split(",")):
        yield Sign.CLOSE_NOTIFY if alert == CLOSE_NOTIFY else Sign.ALERT
    if flags & FIN:
        yield Sign.FIN
    if flags & RST:
        yield Sign.RST
