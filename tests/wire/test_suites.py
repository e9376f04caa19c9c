import re

import pytest

from tlsclose.wire.suites import CODE_POINTS, DIGEST_BYTES, Bulk, sealed_alert_bytes, suite


def registry():
    """The names that scapy knows, from the same IANA registry."""
    from scapy.layers.tls.crypto.suites import _tls_cipher_suites

    return _tls_cipher_suites


# Scapy lacks the first group (RFC 8442, RFC 8998) and writes the second one the regular way.
BEYOND_SCAPY = {
    0x00C6: "TLS_SM4_GCM_SM3",
    0xD001: "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256",
    0xD002: "TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384",
    0xD003: "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256",
    0xD005: "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256",
    0xC0AA: "TLS_PSK_DHE_WITH_AES_128_CCM_8",
    0xC0AB: "TLS_PSK_DHE_WITH_AES_256_CCM_8",
}


def test_names_are_those_of_the_registry():
    names = registry() | BEYOND_SCAPY
    assert {code: suite(code).name for code in CODE_POINTS} == {
        code: names.get(code) for code in CODE_POINTS
    }
    assert {suite(code).code for code in CODE_POINTS} == set(CODE_POINTS)


def test_all_common_suites_are_there():
    opened = re.compile(r"_(AES_(128|256)_(CBC|GCM|CCM)|CHACHA20_POLY1305)_?[A-Z0-9_]*$")
    left_out = re.compile(r"OLD$|KRB5|SRP")
    expected = {
        code
        for code, name in registry().items()
        if opened.search(name) and not left_out.search(name)
    }
    assert expected <= set(CODE_POINTS)


KEY = re.compile(r"_(128|256)_|_(3DES)_|_(CHACHA20)_|_(NULL)_|_(SM4)_")
KEY_BYTES = {"128": 16, "256": 32, "3DES": 24, "CHACHA20": 32, "NULL": 0, "SM4": 16}


@pytest.mark.parametrize("item", [*map(suite, CODE_POINTS)], ids=lambda item: item.name)
def test_a_suite_is_what_its_name_says(item):
    found = KEY.search(item.name)
    assert item.key_bytes == KEY_BYTES[found.group(found.lastindex)]
    assert item.aead is bool(re.search("GCM|CCM|POLY1305", item.name))
    assert item.tls13 is ("_WITH_" not in item.name)
    assert item.tag_bytes == (8 if "CCM_8" in item.name else 16 if item.aead else 0)
    assert bool(item.block_bytes) is ("CBC" in item.name)
    last = item.name.rsplit("_", 1)[-1].lower()
    if not item.aead:
        assert item.mac == {"sha": "sha1"}.get(last, last)
        assert item.mac_bytes == DIGEST_BYTES[item.mac]
    assert item.hash == (last if last in ("sha384", "sm3") else "sha256")
    if item.aead:
        nonce = item.fixed_iv_bytes + item.explicit_nonce_bytes
        assert nonce == 12
        assert bool(item.explicit_nonce_bytes) is not (
            item.tls13 or item.bulk is Bulk.CHACHA20_POLY1305
        )


@pytest.mark.parametrize("code", [0x0005, 0x5600, 0x00FF, 0xC057, 0xFFFF, -1])
def test_unknown_suites(code):
    assert suite(code) is None


@pytest.mark.parametrize(
    ("code", "encrypt_then_mac", "implicit_iv", "expected"),
    [
        (0x1301, False, False, 19),
        (0x1303, False, False, 19),
        (0x1305, False, False, 11),
        (0x009C, False, False, 26),
        (0xC09C, False, False, 26),
        (0xC0A0, False, False, 18),
        (0xCCA8, False, False, 18),
        (0x002F, False, False, 48),
        (0x002F, True, False, 52),
        (0x002F, False, True, 32),
        (0x002F, True, True, 36),
        (0x003C, False, False, 64),
        (0x003C, True, False, 64),
        (0xC028, False, False, 80),
        (0xC028, True, False, 80),
        (0x000A, False, False, 32),
        (0x000A, False, True, 24),
        (0x0002, False, False, 22),
        (0x003B, True, False, 34),
    ],
)
def test_sealed_alert_bytes(code, encrypt_then_mac, implicit_iv, expected):
    size = sealed_alert_bytes(
        suite(code), encrypt_then_mac=encrypt_then_mac, implicit_iv=implicit_iv
    )
    assert size == expected
