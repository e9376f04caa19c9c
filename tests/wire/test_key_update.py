"""KeyUpdates of a real stack: neither pyOpenSSL nor `ssl` can ask for one, libssl itself can."""

import ctypes
import ctypes.util

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.wire.pairs import after_change_cipher_spec, identity, negotiated, records
from tlsclose.core.event import Side
from tlsclose.core.record import ContentType
from tlsclose.wire.keylog import KeyLog
from tlsclose.wire.protection import Epoch, Opened
from tlsclose.wire.unprotect import protection

POINTER = ctypes.c_void_p
KEYLOG = ctypes.CFUNCTYPE(None, POINTER, ctypes.c_char_p)
EVP_PKEY_RSA = 6
UPDATE_REQUESTED = 1
KEY_UPDATE = 24


def libssl():
    name = ctypes.util.find_library("ssl")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    if not hasattr(library, "SSL_key_update"):
        return None
    for function in ("TLS_method", "SSL_CTX_new", "SSL_new", "BIO_s_mem", "BIO_new"):
        getattr(library, function).restype = POINTER
    return library


LIBRARY = libssl()
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="no libssl with TLS 1.3")


class End:
    """One end on memory BIOs. The pointers live as long as the test process."""

    def __init__(self, keylog):
        context = POINTER(LIBRARY.SSL_CTX_new(POINTER(LIBRARY.TLS_method())))
        key, certificate = identity()
        der = certificate.public_bytes(Encoding.DER)
        LIBRARY.SSL_CTX_use_certificate_ASN1(context, len(der), der)
        der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        LIBRARY.SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_RSA, context, der, ctypes.c_long(len(der)))
        LIBRARY.SSL_CTX_set_keylog_callback(context, keylog)
        self.ssl = POINTER(LIBRARY.SSL_new(context))
        self.bios = [POINTER(LIBRARY.BIO_new(POINTER(LIBRARY.BIO_s_mem()))) for _ in range(2)]
        LIBRARY.SSL_set_bio(self.ssl, *self.bios)
        self.stream = b""

    def output(self):
        buffer = ctypes.create_string_buffer(1 << 16)
        size = LIBRARY.BIO_read(self.bios[1], buffer, len(buffer))
        self.stream += buffer.raw[: max(size, 0)]
        return buffer.raw[: max(size, 0)]

    def input(self, data):
        if data:
            LIBRARY.BIO_write(self.bios[0], data, len(data))

    def read(self):
        buffer = ctypes.create_string_buffer(1 << 16)
        size = LIBRARY.SSL_read(self.ssl, buffer, len(buffer))
        return buffer.raw[: max(size, 0)]

    def write(self, data):
        assert LIBRARY.SSL_write(self.ssl, data, len(data)) == len(data)


def conversation():
    """The client updates its keys twice and asks the server to follow; both then close."""
    keys = KeyLog()
    callback = KEYLOG(lambda _ssl, text: keys.add_line(text.decode()))
    client, server = End(callback), End(callback)
    LIBRARY.SSL_set_connect_state(client.ssl)
    LIBRARY.SSL_set_accept_state(server.ssl)
    for _ in range(3):
        for end, other in ((client, server), (server, client)):
            LIBRARY.SSL_do_handshake(end.ssl)
            other.input(end.output())
    client.read()
    for request in (b"one", b"two"):
        assert LIBRARY.SSL_key_update(client.ssl, UPDATE_REQUESTED) == 1
        client.write(request)
        server.input(client.output())
        assert server.read() == request
        server.write(request.upper())
        client.input(server.output())
        assert client.read() == request.upper()
    for end, other in ((client, server), (server, client)):
        LIBRARY.SSL_shutdown(end.ssl)
        other.input(end.output())
    sent = {Side.CLIENT: records(client.stream), Side.SERVER: records(server.stream)}
    return keys, sent


def opened_in_order(opener, sealed):
    for record in sealed:
        opened = opener.open(*record)
        if opened is None:
            yield None
            continue
        yield opened
        if opened.content_type == ContentType.HANDSHAKE and opened.plaintext[0] == KEY_UPDATE:
            opener = opener.updated()


def test_key_updates_are_followed():
    keys, sent = conversation()
    hellos = negotiated(sent[Side.CLIENT][0].body, sent[Side.SERVER][0].body)
    expected = {Side.CLIENT: [b"one", b"two"], Side.SERVER: [b"ONE", b"TWO"]}
    for side in Side:
        handshake = protection(hellos, side, Epoch.HANDSHAKE, keys)
        opener = protection(hellos, side, Epoch.APPLICATION, keys)
        sealed = after_change_cipher_spec(sent[side])
        while handshake.open(*sealed[0]) is not None:
            sealed = sealed[1:]
        opened = list(opened_in_order(opener, sealed))
        assert None not in opened
        assert [item.plaintext for item in opened if item.content_type == 23] == expected[side]
        assert sum(item.plaintext[0] == KEY_UPDATE for item in opened) == 2
        assert opened[-1] == Opened(ContentType.ALERT, b"\x01\x00")
