import pytest

from tlsclose.core.record import VERSION_BY_CODE, ContentType, TlsVersion, may_be_sealed_alert


@pytest.mark.parametrize(
    ("tls13", "content_type", "length", "shaped"),
    [
        pytest.param(True, 23, 19, True, id="1.3, 16-byte tag"),
        pytest.param(True, 23, 11, True, id="1.3, CCM_8"),
        pytest.param(True, 23, 20, False, id="1.3, three bytes of data"),
        pytest.param(True, 23, 22, False, id="1.3, KeyUpdate"),
        pytest.param(True, 23, 18, False, id="1.3, one byte of data"),
        pytest.param(True, 22, 19, False, id="1.3, handshake in the clear"),
        pytest.param(True, 21, 2, False, id="1.3, alert in the clear is not sealed"),
        pytest.param(False, 21, 26, True, id="1.2 AES-GCM"),
        pytest.param(False, 21, 18, True, id="1.2 ChaCha20-Poly1305"),
        pytest.param(False, 21, 48, True, id="1.2 CBC-SHA"),
        pytest.param(False, 23, 26, False, id="1.2 data as long as an alert"),
        pytest.param(False, 23, 19, False, id="1.2 data as long as a 1.3 alert"),
    ],
)
def test_shape_of_a_sealed_alert(tls13, content_type, length, shaped):
    assert may_be_sealed_alert(tls13=tls13, content_type=content_type, length=length) is shaped


def test_every_version_has_its_code():
    assert set(VERSION_BY_CODE.values()) == set(TlsVersion)
    assert VERSION_BY_CODE[0x0303] is TlsVersion.TLS12
    assert VERSION_BY_CODE[0x0304] is TlsVersion.TLS13


def test_content_types_are_those_of_the_registry():
    assert [item.value for item in ContentType] == [20, 21, 22, 23, 24]
