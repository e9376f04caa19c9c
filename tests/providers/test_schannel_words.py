"""Codes in words: name, number, meaning, what to do."""

import pytest

from tlsclose.core.status import SecStatus
from tlsclose.providers._schannel_words import hresult, named, status_of, told


@pytest.mark.parametrize("status", SecStatus)
def test_every_status_is_known_by_name_and_number(status):
    assert status_of(status.value) is status
    assert named(status.value) == f"{status.name} 0x{status.value:08X}"
    if status.failed:
        assert told("Call", status.value).startswith(f"Call: {named(status.value)}: ")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0x8009030E, "SEC_E_NO_CREDENTIALS 0x8009030E: there is no certificate"),
        (0x80090331, "SEC_E_ALGORITHM_MISMATCH 0x80090331: .*turned it off; see which"),
        (0x80070056, "ERROR_INVALID_PASSWORD 0x80070056: wrong password .*; .*--pass"),
        (0x80091234, "0x80091234"),
    ],
)
def test_one_line(code, says):
    import re

    line = told("AcquireCredentialsHandle", code)
    assert re.match(f"AcquireCredentialsHandle: {says}", line)
    assert "\n" not in line


def test_other_errors_fail_and_other_successes_do_not():
    assert status_of(0x80092004) is SecStatus.SEC_E_INTERNAL_ERROR
    assert status_of(0x00090399) is SecStatus.SEC_E_OK


def test_win32_errors_as_hresults():
    assert [hresult(code) for code in (86, 0, 0x80092004)] == [0x80070056, 0, 0x80092004]
