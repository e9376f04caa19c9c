"""What both sides' handshake messages settled between them."""

from dataclasses import dataclass, field

from tlsclose.core.event import Side, Source
from tlsclose.core.hello import ClientHello, ServerHello
from tlsclose.core.record import TlsVersion
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.protection import Epoch, Negotiated, Protection
from tlsclose.wire.unprotect import protection


@dataclass(slots=True)
class HandshakeState:
    """One connection's handshake, and the keys that follow from it."""

    keys: KeyLog
    client_hello: ClientHello | None = None
    version: TlsVersion | None = None
    negotiated: Negotiated | None = None
    """Of the last ServerHello that could be read."""
    sni: str | None = None
    alpn: str | None = None
    resumed: bool | None = None
    complete: bool = False
    early_data: bool = False
    """The client may be sending 0-RTT data."""
    hellos_seen: bool = False
    """The ServerHello that ends the negotiation has come."""
    full: bool = False
    """Up to TLS 1.2: the server went through its whole flight."""
    finished: dict[Side, Source] = field(default_factory=dict)

    @property
    def tls13(self) -> bool:
        return self.version is TlsVersion.TLS13

    def take_client_hello(self, hello: ClientHello | None) -> None:
        """The client opens a handshake, after a retry again, or a renegotiation."""
        self.client_hello = hello
        self.full = False
        if hello is not None:
            self.sni = hello.sni if self.sni is None else self.sni
            self.early_data = hello.early_data

    def retry(self) -> None:
        """HelloRetryRequest: this is TLS 1.3, and early data is over, whatever was sent."""
        self.version = TlsVersion.TLS13
        self.early_data = False

    def take_server_hello(self, hello: ServerHello) -> None:
        """The server settles version and suite."""
        self.hellos_seen = True
        self.version = hello.version
        self.negotiated = None
        if hello.alpn is not None:
            self.alpn = hello.alpn
        if self.tls13:
            self.resumed = hello.pre_shared_key
        if hello.version is not None:
            self.negotiated = Negotiated(
                version=hello.version,
                suite=hello.suite,
                client_random=b"" if self.client_hello is None else self.client_hello.random,
                server_random=hello.random,
                extended_master_secret=hello.extended_master_secret,
                encrypt_then_mac=hello.encrypt_then_mac,
            )

    def changed_cipher(self, side: Side) -> None:
        """Up to TLS 1.2: without a ServerHelloDone before it, the server resumed a session."""
        if side is Side.SERVER and not self.complete and self.client_hello is not None:
            self.resumed = not self.full

    def ladder(self, side: Side) -> list[tuple[Epoch, Protection]]:
        """TLS 1.3: the keys that the key log has for this side, in the order of their use."""
        epochs = [Epoch.HANDSHAKE, Epoch.APPLICATION]
        if side is Side.CLIENT and self.early_data:
            epochs.insert(0, Epoch.EARLY)
        found = [(epoch, self.protection(side, epoch)) for epoch in epochs]
        return [(epoch, keys) for epoch, keys in found if keys is not None]

    def protection(self, side: Side, epoch: Epoch) -> Protection | None:
        """The keys of one epoch; None where the hellos or the key log lack what is needed."""
        if self.negotiated is None:
            return None
        return protection(self.negotiated, side, epoch, self.keys)

    def finish(self, side: Side, source: Source) -> Source | None:
        """Note a Finished. At the one that ends the handshake, how it is known; else None.

        In TLS 1.3 the client's comes last; before, the order depends on resumption.
        """
        self.finished[side] = source
        if self.complete or (side is not Side.CLIENT and self.tls13):
            return None
        if not self.tls13 and len(self.finished) < 2:
            return None
        self.complete = True
        inferred = not self.tls13 and Source.INFERRED in self.finished.values()
        return Source.INFERRED if inferred else source
