"""What the bits of a chain mean: every one of them is a fault."""

import pytest

from tlsclose.core.status import SecStatus
from tlsclose.providers._schannel_trust import _fault

NAMED = {
    0x1: "expired or is not yet valid",
    0x4: "revoked",
    0x8: "signature is wrong",
    0x10: "not meant for this use",
    0x20: "root that is not trusted",
    0x10000: "not complete",
    0x100000: "too weak",
    0x4000000: "distrusted",
    **dict.fromkeys((0x80, 0x100, 0x200, 0x400, 0x800), "constraint"),
    **dict.fromkeys((0x1000, 0x2000, 0x4000, 0x8000, 0x2000000, 0x8000000), "constraint"),
}
"""CERT_TRUST_STATUS of the Windows SDK, dwErrorStatus."""


@pytest.mark.parametrize("bit", [1 << number for number in range(32)], ids=hex)
def test_no_bit_is_taken_for_trust(bit):
    words, status = _fault(bit)
    assert status.failed
    assert NAMED.get(bit, f"not trusted (0x{bit:08X})") in words


def test_no_bits_are_no_fault():
    assert _fault(0) == ("", SecStatus.SEC_E_OK)


def test_the_gravest_is_told():
    assert "revoked" in _fault(0x4 | 0x20 | 0x1)[0]
