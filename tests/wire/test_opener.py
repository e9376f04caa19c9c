"""Which records are worth reading, by phase, version and length."""

import pytest

from tests.wire.forge import CLIENT_RANDOM, SERVER_RANDOM, Keys, key_log
from tlsclose.core.event import Side
from tlsclose.core.record import ContentType, TlsVersion
from tlsclose.wire.opener import MAX_OPENED_BYTES, Opener
from tlsclose.wire.protection import Epoch, Negotiated
from tlsclose.wire.records import Record
from tlsclose.wire.unprotect import protection

CCS, ALERT, HANDSHAKE, DATA, HEARTBEAT = ContentType


def negotiated(version=TlsVersion.TLS13, suite=0x1301):
    return Negotiated(
        version=version, suite=suite, client_random=CLIENT_RANDOM, server_random=SERVER_RANDOM
    )


def opener13(*epochs):
    opener = Opener()
    settled = negotiated()
    ladder = [(epoch, protection(settled, Side.CLIENT, epoch, key_log())) for epoch in epochs]
    opener.climb_from(settled, epochs[0] if epochs else Epoch.HANDSHAKE, ladder)
    return opener


def opener12(version, suite):
    opener = Opener()
    keys = key_log()
    keys.add_line(f"CLIENT_RANDOM {CLIENT_RANDOM.hex()} {bytes(48).hex()}")
    settled = negotiated(version, suite)
    opener.change_cipher(settled, protection(settled, Side.CLIENT, Epoch.APPLICATION, keys))
    return opener


CLEAR = Opener()
KEYLESS = opener13()
SHAKING = opener13(Epoch.HANDSHAKE, Epoch.APPLICATION)
FLOWING = opener13(Epoch.APPLICATION)
GCM = opener12(TlsVersion.TLS12, 0xC02F)
IMPLICIT_IV = opener12(TlsVersion.TLS10, 0xC013)


@pytest.mark.parametrize(
    ("opener", "content_type", "length", "wanted"),
    [
        (CLEAR, HANDSHAKE, 16384, True),
        (CLEAR, ALERT, 2, True),
        (CLEAR, CCS, 1, True),
        (CLEAR, DATA, 100, False),
        (CLEAR, HEARTBEAT, 100, False),
        (KEYLESS, DATA, 19, False),
        (KEYLESS, ALERT, 2, True),
        (SHAKING, DATA, 16384, True),
        (SHAKING, CCS, 1, False),
        (FLOWING, DATA, MAX_OPENED_BYTES, True),
        (FLOWING, DATA, MAX_OPENED_BYTES + 1, False),
        (GCM, DATA, 64 + 24, True),
        (GCM, DATA, 64 + 25, False),
        (GCM, ALERT, 26, True),
        (GCM, HANDSHAKE, 16384, True),
        (IMPLICIT_IV, DATA, 16384, True),
    ],
)
def test_wanted(opener, content_type, length, wanted):
    assert opener.wants(content_type, length) is wanted


@pytest.mark.parametrize(("opener", "size"), [(FLOWING, 19), (GCM, 26), (IMPLICIT_IV, 32)])
def test_size_of_an_alert(opener, size):
    assert opener.alert_bytes == size
    assert opener.plaintext_bytes(size) == 2


def sealed(keys, plaintext=b"x"):
    body = keys.seal(DATA, plaintext)[5:]
    return Record(DATA, 0x0303, len(body), body)


def test_a_higher_rung_is_climbed_only_by_a_record_that_it_opens():
    opener = opener13(Epoch.EARLY, Epoch.HANDSHAKE, Epoch.APPLICATION)
    assert opener.open(Record(DATA, 0x0303, 40, bytes(40))) is None
    assert (opener.epoch, opener.failed) == (Epoch.EARLY, False)
    assert opener.open(sealed(Keys("client handshake"))) == (DATA, b"x")
    assert opener.epoch is Epoch.HANDSHAKE


def test_a_record_that_no_rung_opens_ends_the_opening():
    opener = opener13(Epoch.HANDSHAKE, Epoch.APPLICATION)
    assert opener.open(Record(DATA, 0x0303, 40, bytes(40))) is None
    assert opener.failed
    assert not opener.has_keys


def test_records_passed_over_are_counted():
    opener = opener13(Epoch.APPLICATION)
    keys = Keys("client")
    keys.seal(DATA, bytes(5000))
    assert opener.open(Record(DATA, 0x0303, 5017, None)) is None
    assert opener.open(sealed(keys)) == (DATA, b"x")


def test_a_key_update_changes_keys_and_starts_the_count_again():
    opener = opener13(Epoch.APPLICATION)
    keys = Keys("client")
    assert opener.open(sealed(keys)) == (DATA, b"x")
    opener.update()
    keys.update()
    assert opener.open(sealed(keys)) == (DATA, b"x")
