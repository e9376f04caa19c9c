"""One direction's protection as it changes hands: which keys the next record needs.

Up to TLS 1.2 each ChangeCipherSpec brings one set of keys. In TLS 1.3 a side climbs a ladder:
early data (client only), handshake, application. Its own messages say when to climb; but the
server may refuse early data without the client's stream showing it, and a key log may lack a rung.
So a record that the lowest rung does not open is tried on the next ones: only a rung that opened
it counts.
"""

from typing import Final

from tlsclose.core.record import ALERT_BYTES, MAX_CIPHERTEXT_BYTES, ContentType, TlsVersion
from tlsclose.wire.protection import Epoch, Negotiated, Opened, Protection
from tlsclose.wire.records import Record
from tlsclose.wire.suites import sealed_alert_bytes, suite

MAX_OPENED_BYTES: Final = 2048
"""Longest body opened once application data flows in TLS 1.3: tickets are longer than alerts."""
MAX_OPENED_DATA_BYTES: Final = 64
"""Longest application data, overhead not counted, opened up to TLS 1.2 (to see empty ones)."""

_TYPICAL_OVERHEAD: Final = 17
_ALERT: Final = int(ContentType.ALERT)
_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_CLEAR_TYPES: Final = frozenset(
    {ContentType.CHANGE_CIPHER_SPEC, ContentType.ALERT, ContentType.HANDSHAKE}
)
_ORDER: Final = tuple(Epoch)


class Opener:
    """The state of one direction's record protection."""

    def __init__(self) -> None:
        self.sealed = False
        """Records are protected from here on, whether or not they can be opened."""
        self.tls13: bool | None = None
        """None where the capture did not show what was negotiated."""
        self.epoch = Epoch.HANDSHAKE
        self.failed = False
        """A record did not authenticate under the right keys: nothing after it was opened."""
        self.overhead = _TYPICAL_OVERHEAD
        """Bytes that sealing adds to a record, at least."""
        self.alert_bytes: int | None = None
        """Body length of one sealed alert; None where the suite is not known."""
        self._ladder: list[tuple[Epoch, Protection]] = []
        self.reads_data = False
        """Application data of TLS 1.3 is opened whatever its length."""
        self._opens_all = False

    @property
    def has_keys(self) -> bool:
        return bool(self._ladder)

    def climb_from(
        self, negotiated: Negotiated | None, epoch: Epoch, ladder: list[tuple[Epoch, Protection]]
    ) -> None:
        """TLS 1.3: the hellos are through; `ladder` holds the rungs that the key log has."""
        self.sealed, self.tls13, self.epoch = True, True, epoch
        self._ladder = ladder
        self._measure(negotiated)

    def change_cipher(self, negotiated: Negotiated | None, keys: Protection | None) -> None:
        """TLS up to 1.2: a ChangeCipherSpec came."""
        self.sealed, self.tls13, self.epoch = True, False, Epoch.APPLICATION
        self._ladder = [] if keys is None else [(Epoch.APPLICATION, keys)]
        self._measure(negotiated)

    def give_up(self) -> None:
        """Sealed, and it is not known how."""
        self.sealed = True
        self._ladder = []

    def advance(self, epoch: Epoch) -> None:
        """TLS 1.3: this side's message said that its next record is in `epoch`."""
        if self.tls13:
            self.epoch = epoch
            place = _ORDER.index(epoch)
            self._ladder = [rung for rung in self._ladder if _ORDER.index(rung[0]) >= place]

    def update(self) -> None:
        """TLS 1.3: this side's KeyUpdate came."""
        if not self.tls13 or not self._ladder:
            return
        epoch, keys = self._ladder[0]
        following = keys.updated()
        self._ladder = [] if following is None else [(epoch, following)]

    def wants(self, content_type: int, length: int) -> bool:
        """Whether a record of this shape will be read."""
        if not self.sealed:
            return content_type in _CLEAR_TYPES
        if content_type == _ALERT and length == ALERT_BYTES:
            return True
        if not self._ladder:
            return False
        if content_type == _APPLICATION_DATA:
            return length <= self.longest_read
        return not self.tls13

    @property
    def longest_read(self) -> int:
        """Application data in longer bodies is passed over unread, whatever came before it."""
        if not self._ladder or self.reads_data or self._opens_all:
            return MAX_CIPHERTEXT_BYTES
        if self.tls13:
            applies = self.epoch is Epoch.APPLICATION
            return MAX_OPENED_BYTES if applies else MAX_CIPHERTEXT_BYTES
        return MAX_OPENED_DATA_BYTES + self.overhead

    def skip(self, count: int = 1) -> None:
        """Pass over so many sealed records."""
        if self._ladder:
            self._ladder[0][1].skip(count)

    def open(self, record: Record) -> Opened | None:
        """Open one sealed record; None where no key does, which may set `failed`."""
        if record.body is None:
            self.skip()
            return None
        for index, (epoch, keys) in enumerate(self._ladder):
            opened = keys.open(record.content_type, record.version, record.body)
            if opened is not None:
                del self._ladder[:index]
                self.epoch = epoch
                return opened
        if self._ladder and self._ladder[0][0] is self.epoch and self.epoch is not Epoch.EARLY:
            self.failed = True
            self._ladder = []
        return None

    def plaintext_bytes(self, length: int, count: int = 1) -> int:
        """About how much sealed bodies of this length in all hold."""
        return max(0, length - count * self.overhead)

    def _measure(self, negotiated: Negotiated | None) -> None:
        chosen = None if negotiated is None else suite(negotiated.suite)
        if negotiated is None or chosen is None:
            return
        implicit_iv = negotiated.version in {TlsVersion.SSL3, TlsVersion.TLS10}
        self.alert_bytes = sealed_alert_bytes(
            chosen, encrypt_then_mac=negotiated.encrypt_then_mac, implicit_iv=implicit_iv
        )
        self.overhead = self.alert_bytes - ALERT_BYTES
        self._opens_all = implicit_iv and bool(chosen.block_bytes)
