"""Two OpenSSL ends joined in memory, and the records that went between them."""

import datetime
from functools import cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from tlsclose.core.event import Side
from tlsclose.core.record import ContentType, TlsVersion
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.protection import Negotiated

NO_EXTENDED_MASTER_SECRET = 1 << 0
NO_ENCRYPT_THEN_MAC = 1 << 19

ENCRYPT_THEN_MAC = 0x0016
EXTENDED_MASTER_SECRET = 0x0017
SUPPORTED_VERSIONS = 0x002B

_OPENSSL_VERSIONS = {
    TlsVersion.TLS10: SSL.TLS1_VERSION,
    TlsVersion.TLS11: SSL.TLS1_1_VERSION,
    TlsVersion.TLS12: SSL.TLS1_2_VERSION,
    TlsVersion.TLS13: SSL.TLS1_3_VERSION,
}


class Record(NamedTuple):
    content_type: int
    version: int
    body: bytes


class Conversation(NamedTuple):
    """What was negotiated, the keys, and each side's records in order."""

    negotiated: Negotiated
    keys: KeyLog
    sent: dict[Side, list[Record]]


@cache
def identity():
    """A private key and a certificate for it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def offers(name):
    """Whether this OpenSSL has the TLS 1.3 suite (SM4 came with OpenSSL 4)."""
    try:
        SSL.Context(SSL.TLS_METHOD).set_tls13_ciphersuites(name.encode())
    except SSL.Error:
        return False
    return True


def _context(version, ciphers, options, keys):
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(_OPENSSL_VERSIONS[version])
    context.set_max_proto_version(_OPENSSL_VERSIONS[version])
    if version is TlsVersion.TLS13:
        context.set_tls13_ciphersuites(ciphers.encode())
        ciphers = "ALL"
    context.set_cipher_list(f"{ciphers}:@SECLEVEL=0".encode())
    context.set_options(options)
    context.set_keylog_callback(lambda _connection, line: keys.add_line(line.decode()))
    return context


def records(stream):
    """Cut a byte stream into records."""
    found = []
    while stream:
        length = int.from_bytes(stream[3:5], "big")
        version = int.from_bytes(stream[1:3], "big")
        found.append(Record(stream[0], version, bytes(stream[5 : 5 + length])))
        stream = stream[5 + length :]
    return found


def _extensions(block):
    found = {}
    while block:
        size = int.from_bytes(block[2:4], "big")
        found[int.from_bytes(block[:2], "big")] = block[4 : 4 + size]
        block = block[4 + size :]
    return found


def negotiated(client_hello, server_hello):
    """Read the two hello messages, each from its handshake header on."""
    after_session = 39 + server_hello[38]
    extensions = _extensions(server_hello[after_session + 5 :])
    chosen = extensions.get(SUPPORTED_VERSIONS, server_hello[4:6])
    return Negotiated(
        version=TlsVersion(f"1.{chosen[1] - 1}"),
        suite=int.from_bytes(server_hello[after_session : after_session + 2], "big"),
        client_random=client_hello[6:38],
        server_random=server_hello[6:38],
        extended_master_secret=EXTENDED_MASTER_SECRET in extensions,
        encrypt_then_mac=ENCRYPT_THEN_MAC in extensions,
    )


def converse(version, ciphers, *, options=0, request=b"GET /", response=(b"x" * 3000, b"end")):
    """Handshake, a request, a response of several writes, a close_notify from each side."""
    keys = KeyLog()
    key, certificate = identity()
    server_context = _context(version, ciphers, options, keys)
    server_context.use_privatekey(key)
    server_context.use_certificate(certificate)
    server = SSL.Connection(server_context)
    server.set_accept_state()
    client = SSL.Connection(_context(version, ciphers, options, KeyLog()))
    client.set_connect_state()
    streams = {Side.CLIENT: bytearray(), Side.SERVER: bytearray()}

    def pump():
        for source, target, side in (
            (client, server, Side.CLIENT),
            (server, client, Side.SERVER),
        ):
            try:
                data = source.bio_read(1 << 20)
            except SSL.WantReadError:
                continue
            streams[side] += data
            target.bio_write(data)

    def received(connection):
        pump()
        data = b""
        try:
            while True:
                data += connection.recv(1 << 16)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            return data

    _shake(client, server, pump)
    received(client)
    client.send(request)
    assert received(server) == request
    for part in response:
        server.send(part)
    assert received(client) == b"".join(response)
    client.shutdown()
    received(server)
    server.shutdown()
    received(client)
    sent = {side: records(stream) for side, stream in streams.items()}
    hellos = [sent[side][0].body for side in (Side.CLIENT, Side.SERVER)]
    return Conversation(negotiated(*hellos), keys, sent)


def _shake(client, server, pump):
    done = set()
    for _ in range(10):
        for end in (client, server):
            try:
                end.do_handshake()
                done.add(end)
            except SSL.WantReadError:
                pass
            pump()
        if len(done) == 2:
            return
    raise AssertionError("the handshake did not finish")


def after_change_cipher_spec(sent):
    """The records under the first keys of TLS up to 1.2, or under all keys of TLS 1.3."""
    types = [record.content_type for record in sent]
    return sent[types.index(ContentType.CHANGE_CIPHER_SPEC) + 1 :]
