"""Captures made from those of `make_pcaps` by leaving things out: keys, or packets.

Each capture with keys has a twin without them in `without-keys/`. Packets are left out as real
captures lack them: started late, stopped early, overrun, or filtered to one direction. The reports
beside these captures are those of `tlsclose analyze`.
"""

import json
import subprocess
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.interop import tool
from tests.pcaps.cut import EVERY, cut
from tests.pcaps.pcapng import read
from tlsclose.core.event import Kind
from tlsclose.core.verdict import Code

WITHOUT_KEYS: Final = "without-keys"

Events = list[dict[str, Any]]
Choice = Callable[[Events], Container[int]]
"""From the events that a capture shows: the numbers of the packets to keep."""


def all_packets(_: Events) -> Container[int]:
    return EVERY


def before_the_close(events: Events) -> Container[int]:
    return range(1, _first(events, Kind.CLOSE_NOTIFY))


def up_to_one_close_notify(events: Events) -> Container[int]:
    return range(1, _first(events, Kind.CLOSE_NOTIFY) + 1)


def after_the_handshake(events: Events) -> Container[int]:
    return EVERY[_first(events, Kind.HANDSHAKE, "complete") :]


def without_an_answer(events: Events) -> Container[int]:
    """All but a packet in which the server's data was: the client has it, the capture has not."""
    lost = _first(events, Kind.APP_DATA, sender="server")
    return set(range(1, lost)) | set(range(lost + 1, 1000))


def _first(events: Events, kind: Kind, detail: str = "", sender: str = "") -> int:
    return next(
        int(event["packet"])
        for event in events
        if event["kind"] == kind
        and event["packet"] is not None
        and detail in ("", event["detail"])
        and sender in ("", event["sender"])
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What is left of a capture."""

    code: Code
    peer: str
    source: str
    keep: Choice = all_packets
    keys: bool = True

    @property
    def name(self) -> str:
        return f"{self.code}-{self.peer}-{self.source.rpartition('-')[2]}"


def _incomplete(peer: str, source: str, keep: Choice) -> Iterator[Derived]:
    for version in ("tls12", "tls13"):
        yield Derived(
            code=Code.CAPTURE_INCOMPLETE, peer=peer, source=f"{source}-{version}", keep=keep
        )


def _undetermined(peer: str, source: str) -> Derived:
    return Derived(code=Code.UNDETERMINED, peer=peer, source=source, keys=False)


DERIVED: Final = (
    *_incomplete("openssl-stopped-early", "clean-openssl", before_the_close),
    *_incomplete("gnutls-stopped-in-close", "clean-gnutls-client", up_to_one_close_notify),
    *_incomplete("node-started-late", "clean-node", after_the_handshake),
    *_incomplete("nginx-overrun", "clean-nginx", without_an_answer),
    _undetermined("openssl-renegotiates", "fatal-alert-openssl-renegotiates-tls12"),
    _undetermined("openssl-padded", "clean-openssl-padded-tls13"),
)

SEALED: Final = {
    "clean-openssl-padded-tls13": Code.UNDETERMINED,
    "data-after-close-openssl-tls12": Code.UNDETERMINED,
    "data-after-close-openssl-tls13": Code.UNDETERMINED,
    "fatal-alert-openssl-no-certificate-tls13": Code.UNDETERMINED,
    "fatal-alert-openssl-renegotiates-tls12": Code.UNDETERMINED,
    "half-close-cut-python-tls13": Code.UNDETERMINED,
    "no-answer-python-tls12": Code.CAPTURE_INCOMPLETE,
    "no-answer-python-tls13": Code.CAPTURE_INCOMPLETE,
}
"""What must be said without keys, where it is not what is said with them."""


def derive(sources: Path, folder: Path) -> list[str]:
    """Make every derived capture of those in `sources` in `folder`; return what went wrong."""
    wrong = []
    for item in DERIVED:
        path = folder / f"{item.name}.pcapng"
        source = sources / f"{item.source}.pcapng"
        events = _report(source)["events"]
        path.write_bytes(cut(source.read_bytes(), keys=item.keys, packets=item.keep(events)))
        wrong += _judged(path, item.code)
    twins = folder / WITHOUT_KEYS
    twins.mkdir()
    for source in sorted({*sources.glob("*.pcapng"), *folder.glob("*.pcapng")}):
        if read(source).keys:
            twin = twins / source.name
            twin.write_bytes(cut(source.read_bytes(), keys=False))
            wrong += _judged(twin, SEALED.get(source.stem, _code(source.stem)))
    return wrong


def _code(name: str) -> Code:
    return max((code for code in Code if name.startswith(f"{code}-")), key=len)


def _judged(path: Path, code: Code) -> list[str]:
    """Have a capture judged, and its report put beside it."""
    done = subprocess.run(
        [*tool.COMMAND, "analyze", path.name, "--output", f"json={path.stem}.json", "-q"],
        cwd=path.parent,
        stdout=subprocess.DEVNULL,
        timeout=tool.RUN_S,
        check=False,
    )
    said = _report(path)["verdict"]["code"] if done.returncode in (0, 1) else done.returncode
    return [] if said == code else [f"{path.parent.name}/{path.stem}: {said}, not {code}"]


def _report(path: Path) -> dict[str, Any]:
    (report,) = json.loads(path.with_suffix(".json").read_text())["reports"]
    return dict(report)
