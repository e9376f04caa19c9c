"""What both sides of a connection say about TLS before it begins.

Every connection has a dialogue, few have anything to say: what reads their words (`preamble`) is
loaded with the first bytes that are not TLS.
"""

from typing import Final

from tlsclose.core.event import Side
from tlsclose.wire.reassembly import Stamp
from tlsclose.wire.upgrade_names import TITLES, TUNNELS, Mark, Protocol

UNKNOWN: Final = "unknown"

_ALIKE: Final = {
    Protocol.SMTP: frozenset({Protocol.SMTP, Protocol.NNTP, Protocol.SIEVE, None}),
    Protocol.FTP: frozenset({Protocol.FTP, None}),
}
"""In whose words the answer to a request may come, where not in the same protocol's alone."""
_UNANSWERED: Final = frozenset({Protocol.MYSQL, Protocol.PROXY})
"""The server has said before what it can do, or does not speak before TLS."""


class Dialogue:
    """What both sides' plaintext says about TLS."""

    def __init__(self) -> None:
        self.asked: Protocol | None = None
        """In which protocol the client asked for TLS or for a tunnel."""
        self.refusal = ""
        """How TLS was refused, where the client asked for it and none came; safe to print."""
        self.refused_at = Stamp(0, None)
        self.agreed = False
        """The server consented to what was asked, if that needs consent."""
        self.guessed = False
        """TLS was found by its looks alone."""
        self._open = False
        self._begun: dict[Side, tuple[Protocol | None, int]] = {}

    @property
    def protocol(self) -> str | None:
        """What TLS began in; None where nothing came before it, `unknown` where none that is
        known."""
        if not self._begun:
            return None
        answered = self._begun.get(Side.SERVER, (None, 0))[0]
        asked = self.asked or self._begun.get(Side.CLIENT, (None, 0))[0]
        alike = asked is None or answered in _ALIKE.get(asked, ())
        found = (answered if alike else None) or asked
        return UNKNOWN if found is None else found.value

    @property
    def note(self) -> str:
        """What came before TLS, in one sentence; empty for nothing."""
        name = self.protocol
        if name is None:
            return ""
        title = "a protocol that is not known" if name == UNKNOWN else TITLES[Protocol(name)]
        sizes = [
            f"{size} byte{'' if size == 1 else 's'} of the {side}"
            for side, (_, size) in sorted(self._begun.items())
        ]
        return f"TLS began within {title}, after {' and '.join(sizes)}"

    @property
    def begun(self) -> bool:
        """Whether TLS was found inside something else."""
        return bool(self._begun)

    def take(self, stamp: Stamp, side: Side, mark: Mark) -> None:
        """A unit came: a request, or perhaps the answer to one."""
        if side is Side.CLIENT:
            self.asked, self._open = mark.protocol, True
            self.agreed = mark.protocol in _UNANSWERED
        elif self._open and self.asked and mark.protocol in _ALIKE.get(self.asked, {self.asked}):
            self._answer(stamp, self.asked, mark)

    def _answer(self, stamp: Stamp, asked: Protocol, mark: Mark) -> None:
        consent = mark.granted and mark.protocol is not None
        self._open = False
        self.agreed = self.agreed or consent
        self.refusal = ""
        if not mark.granted and asked not in TUNNELS:
            self.refusal = f"{TITLES[asked]}, which refused the upgrade ({mark.word})"
            self.refused_at = stamp

    def begin(self, side: Side, protocol: Protocol | None, size: int) -> None:
        """TLS begins behind so many bytes of a side."""
        self._begun[side] = protocol, size
        self.refusal = ""
