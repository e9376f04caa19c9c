"""A client and a server context of one provider, joined in memory: bytes go where a test says."""

import gc
import sys
from dataclasses import dataclass, field

from tlsclose.core.procedure import ControlToken
from tlsclose.core.record import TlsVersion
from tlsclose.core.status import SecStatus
from tlsclose.providers import identity
from tlsclose.providers._ledger import LEDGER
from tlsclose.providers.base import Identity, SecurityContext, TlsSettings

OK = SecStatus.SEC_E_OK
EXPIRED = SecStatus.SEC_I_CONTEXT_EXPIRED
MORE = SecStatus.SEC_I_CONTINUE_NEEDED
INCOMPLETE = SecStatus.SEC_E_INCOMPLETE_MESSAGE

IDENTITY: Identity = identity.ephemeral(rsa=sys.platform == "win32")


def settings(version: TlsVersion | None = None, **more) -> TlsSettings:
    return TlsSettings(version=version, **{"identity": IDENTITY, **more})


@dataclass
class Pair:
    """Both ends of a connection."""

    client: SecurityContext
    server: SecurityContext
    client_keys: list[str] = field(default_factory=list)
    server_keys: list[str] = field(default_factory=list)

    @property
    def ends(self) -> tuple[SecurityContext, SecurityContext]:
        return self.client, self.server


def make_pair(provider, name: str | None = "localhost", *, server_provider=None) -> Pair:
    client_keys: list[str] = []
    server_keys: list[str] = []
    return Pair(
        client=provider.client(name, client_keys.append),
        server=(server_provider or provider).server(server_keys.append),
        client_keys=client_keys,
        server_keys=server_keys,
    )


def shake(pair: Pair) -> tuple[SecStatus, SecStatus]:
    """Run the handshake until both ends are up or one has failed; settle tickets and alerts."""
    states = {pair.client: MORE, pair.server: MORE}
    sender, receiver = pair.client, pair.server
    flight = b""
    states[sender], flight, _ = sender.handshake(b"")
    for _ in range(8):
        sender, receiver = receiver, sender
        flight = _turn(states, sender, flight)
        if not flight and all(status is not MORE for status in states.values()):
            break
    return states[pair.client], states[pair.server]


def _turn(states: dict, context: SecurityContext, flight: bytes) -> bytes:
    if states[context] is not MORE:
        status, data, _ = context.decrypt(flight)
        assert data == b""
        if status.failed and status is not INCOMPLETE:
            states[context] = status
        return context.pending_output()
    states[context], output, rest = context.handshake(flight)
    if states[context] is OK:
        context.decrypt(rest)
    return output + context.pending_output()


def connected(provider, **more) -> Pair:
    pair = make_pair(provider, **more)
    assert shake(pair) == (OK, OK)
    return pair


def notify(context: SecurityContext) -> tuple[SecStatus, bytes]:
    """Apply the token and run the handshake function once: our close_notify."""
    assert context.apply_control_token(ControlToken.SHUTDOWN) is OK
    status, output, _ = context.handshake(b"")
    return status, output


def sealed(context: SecurityContext, data: bytes) -> bytes:
    status, records = context.encrypt(data)
    assert status is OK
    return records


def read_all(context: SecurityContext, token: bytes) -> tuple[SecStatus, bytes]:
    """Decrypt until the engine has nothing more without new input."""
    return Inlet(context).read(token)


class Inlet:
    """A stream cut anywhere: what the engine did not take is given again with what follows."""

    def __init__(self, context: SecurityContext) -> None:
        self._context = context
        self._rest = b""

    def shake(self, piece: bytes) -> tuple[SecStatus, bytes]:
        """Status and output of the handshake function."""
        status, output, self._rest = self._context.handshake(self._rest + piece)
        return status, output

    def read(self, piece: bytes) -> tuple[SecStatus, bytes]:
        """Decrypt until the engine has nothing more without new input."""
        data = bytearray()
        status, chunk, self._rest = self._context.decrypt(self._rest + piece)
        while status is OK:
            data += chunk
            status, chunk, self._rest = self._context.decrypt(self._rest)
        return status, bytes(data + chunk)


def alert_names(context: SecurityContext) -> list[str]:
    return [f"{item.sender} {item.alert.name}" for item in context.alerts]


def held():
    """What the ledger counts now, without what earlier tests left in cycles."""
    gc.collect()
    return LEDGER.live()
