"""A TLS 1.3 writer that does what no library would: it seals whatever it is told to."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tlsclose.core.event import Side
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.keyschedule import next_traffic_secret, traffic_keys
from tlsclose.wire.suites import suite

CLIENT, SERVER = Side.CLIENT, Side.SERVER
CLIENT_RANDOM = bytes(range(32))
SERVER_RANDOM = bytes(range(32, 64))
SUITE = 0x1301
ALERT, HANDSHAKE, DATA = 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, END_OF_EARLY_DATA = 1, 2, 4, 5
ENCRYPTED_EXTENSIONS, FINISHED, KEY_UPDATE = 8, 20, 24
CLOSE_NOTIFY = b"\x01\x00"
CHANGE_CIPHER_SPEC = b"\x14\x03\x03\x00\x01\x01"

_LABELS = {
    "early": "CLIENT_EARLY_TRAFFIC_SECRET",
    "client handshake": "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "server handshake": "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "client": "CLIENT_TRAFFIC_SECRET_0",
    "server": "SERVER_TRAFFIC_SECRET_0",
}


def record(content_type, body, version=0x0303):
    """A record in the clear."""
    return bytes([content_type]) + version.to_bytes(2) + len(body).to_bytes(2) + body


def message(kind, body=b""):
    """A handshake message."""
    return bytes([kind]) + len(body).to_bytes(3) + body


def extension(kind, body=b""):
    return kind.to_bytes(2) + len(body).to_bytes(2) + body


def client_hello(*extensions, random=CLIENT_RANDOM):
    """A ClientHello record that offers TLS 1.3."""
    block = b"".join((extension(43, b"\x02\x03\x04"), *extensions))
    suites, no_compression = b"\x00\x02\x13\x01", b"\x01\x00"
    hello = b"\x03\x03" + random + b"\x00" + suites + no_compression
    body = message(CLIENT_HELLO, hello + len(block).to_bytes(2) + block)
    return record(HANDSHAKE, body, 0x0301)


def server_hello(*extensions, random=SERVER_RANDOM, suite_code=SUITE):
    """A ServerHello record that chooses TLS 1.3."""
    block = b"".join((extension(43, b"\x03\x04"), *extensions))
    hello = b"\x03\x03" + random + b"\x00" + suite_code.to_bytes(2) + b"\x00"
    body = message(SERVER_HELLO, hello + len(block).to_bytes(2) + block)
    return record(HANDSHAKE, body)


EARLY_DATA = extension(42)


class Keys:
    """Seals under one secret, from its first record on."""

    def __init__(self, name):
        self._secret = name.encode().ljust(32, b".")
        self._start()

    def seal(self, content_type, plaintext, padding=0):
        inner = plaintext + bytes([content_type]) + bytes(padding)
        header = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2)
        nonce = (int.from_bytes(self._iv) ^ self._sequence).to_bytes(12)
        self._sequence += 1
        return header + AESGCM(self._key).encrypt(nonce, inner, header)

    def update(self):
        """What a KeyUpdate does."""
        self._secret = next_traffic_secret(suite(SUITE), self._secret)
        self._start()

    def _start(self):
        self._key, self._iv = traffic_keys(suite(SUITE), self._secret)
        self._sequence = 0


def key_log(*without):
    """The key log of every forged connection, less the secrets named."""
    keys = KeyLog()
    for name, label in _LABELS.items():
        if name not in without:
            keys.add_line(f"{label} {CLIENT_RANDOM.hex()} {name.encode().ljust(32, b'.').hex()}")
    return keys


class Forged:
    """A connection written record by record; each call is one flight."""

    def __init__(self, *offered):
        self.flights = [(CLIENT, client_hello(*offered))]
        self.keys = {name: Keys(name) for name in _LABELS}

    def clear(self, side, data):
        self.flights.append((side, data))
        return self

    def seal(self, name, content_type, plaintext, padding=0):
        """Under these keys; the name begins with the sender's unless it is `early`."""
        side = SERVER if name.startswith("server") else CLIENT
        return self.clear(side, self.keys[name].seal(content_type, plaintext, padding))

    def server_flight(self, *chosen):
        self.clear(SERVER, server_hello(*chosen))
        self.seal("server handshake", HANDSHAKE, message(ENCRYPTED_EXTENSIONS, b"\x00\x00"))
        return self.seal("server handshake", HANDSHAKE, message(FINISHED, bytes(32)))

    def client_finished(self):
        return self.seal("client handshake", HANDSHAKE, message(FINISHED, bytes(32)))

    def shaken(self):
        return self.server_flight().client_finished()
