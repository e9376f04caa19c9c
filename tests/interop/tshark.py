"""What tshark says of a capture, connection by connection: alerts, FIN, RST and version."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.interop.servers import find
from tlsclose.core.alert import Alert
from tlsclose.core.record import VERSION_BY_CODE

FIELDS: Final = (
    "frame.number",
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "tcp.flags",
    "tls.record.content_type",
    "tls.alert_message.level",
    "tls.alert_message.desc",
    "tls.handshake.type",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
)
FIN: Final = 0x01
RST: Final = 0x04
ALERT_RECORD: Final = "21"
SERVER_HELLO: Final = "2"


@dataclass(slots=True)
class Stream:
    """One TCP connection, in tshark's words. A packet's number and its sender's address name it."""

    alerts: list[tuple[int, str, str]] = field(default_factory=list)
    """Those that could be read: packet, sender, `fatal handshake_failure`."""
    sealed_alerts: list[tuple[int, str]] = field(default_factory=list)
    """Records of type alert that could not: packet and sender."""
    fin: set[str] = field(default_factory=set)
    rst: set[str] = field(default_factory=set)
    """Senders."""
    version: str | None = None
    tls: bool = False


def streams(path: Path, keys: Path | None = None) -> dict[int, Stream]:
    """Every TCP connection of a capture by `tcp.stream`."""
    found: dict[int, Stream] = {}
    for line in _run(path, keys).splitlines():
        packet = dict(zip(FIELDS, line.split("\t"), strict=True))
        if packet["tcp.stream"]:
            _take(found.setdefault(int(packet["tcp.stream"]), Stream()), packet)
    return found


def _run(path: Path, keys: Path | None) -> str:
    secrets = () if keys is None else ("-o", f"tls.keylog_file:{keys}")
    in_order = ("-o", "tcp.reassemble_out_of_order:TRUE")
    columns = (word for name in FIELDS for word in ("-e", name))
    done = subprocess.run(
        [find("tshark"), "-n", "-r", str(path), *secrets, *in_order, "-T", "fields", *columns],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _take(stream: Stream, packet: dict[str, str]) -> None:
    number = int(packet["frame.number"])
    sender = f"{packet['ip.src'] or '[' + packet['ipv6.src'] + ']'}:{packet['tcp.srcport']}"
    flags = int(packet["tcp.flags"], 16)
    if flags & FIN:
        stream.fin.add(sender)
    if flags & RST:
        stream.rst.add(sender)
    records = packet["tls.record.content_type"].split(",")
    levels, descriptions = _numbers(packet, "level"), _numbers(packet, "desc")
    stream.alerts += [
        (number, sender, str(Alert(level=level, description=description)))
        for level, description in zip(levels, descriptions, strict=True)
    ]
    sealed = records.count(ALERT_RECORD) - len(levels)
    stream.sealed_alerts += [(number, sender)] * max(sealed, 0)
    stream.tls |= bool(records[0]) or bool(packet["tls.handshake.type"])
    if SERVER_HELLO in packet["tls.handshake.type"].split(","):
        stream.version = _version(packet)


def _numbers(packet: dict[str, str], name: str) -> Sequence[int]:
    return [int(text) for text in packet[f"tls.alert_message.{name}"].split(",") if text]


def _version(packet: dict[str, str]) -> str | None:
    """TLS 1.3 by its extension, which a ServerHello has one of; SSL 2.0 has no such field."""
    chosen = packet["tls.handshake.extensions.supported_version"] or packet["tls.handshake.version"]
    if not chosen:
        return None
    known = VERSION_BY_CODE.get(int(chosen.split(",")[-1], 16))
    return None if known is None else known.value
