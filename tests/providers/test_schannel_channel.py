"""Buffers and handles of one connection, against a scripted secur32 on any system.

It allocates what it is told to and counts what is freed; buffers come back as the documentation
and Windows' own programs have them, which Wine does not show.
"""

import ctypes

import pytest

from tests.providers.pair import held
from tlsclose.core.alert import Alert
from tlsclose.core.event import Side
from tlsclose.core.status import SecStatus
from tlsclose.providers import _secur32 as abi
from tlsclose.providers._ledger import LEDGER
from tlsclose.providers._schannel_channel import Channel, Terms
from tlsclose.providers._schannel_credential import NO_HANDLE, Credential, Wish, acquire
from tlsclose.providers._schannel_words import SspiError

OK = SecStatus.SEC_E_OK
MORE = SecStatus.SEC_I_CONTINUE_NEEDED
ILLEGAL = SecStatus.SEC_E_ILLEGAL_MESSAGE
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
SEALED = b"\x17\x03\x03\x00\x04abcd"


class Secur32:
    """Answers as scripted. `handle`: what the handshake function writes as the context."""

    def __init__(self, *, code=OK, handle=(1, 2), made=(), left=(), extra=0) -> None:
        self.code = code
        self.handle = handle
        self.made = dict(made)
        """Output by type of buffer."""
        self.left = left
        """What DecryptMessage leaves in each buffer: type and bytes; None leaves it alone."""
        self.extra = extra
        self.calls: list[str] = []
        self.allocated: dict[int, object] = {}
        self.forms: list[ctypes.Structure] = []

    def InitializeSecurityContextW(self, *arguments):  # noqa: N802
        self.calls.append("Initialize")
        return self._step(arguments[6], *arguments[8:10])

    def AcceptSecurityContext(self, *arguments):  # noqa: N802
        self.calls.append("Accept")
        return self._step(arguments[2], *arguments[5:7])

    def _step(self, received, handle, output):
        if self.handle is not None:
            handle._obj.dwLower, handle._obj.dwUpper = self.handle
        if received is not None and self.extra:
            second = received._obj.pBuffers[1]
            second.BufferType, second.cbBuffer = abi.SECBUFFER_EXTRA, self.extra
        for index in range(output._obj.cBuffers):
            buffer = output._obj.pBuffers[index]
            if data := self.made.get(buffer.BufferType):
                self._allocate(buffer, data)
        return self.code

    def _allocate(self, buffer, data):
        memory = ctypes.create_string_buffer(data, len(data))
        buffer.pvBuffer, buffer.cbBuffer = ctypes.addressof(memory), len(data)
        self.allocated[buffer.pvBuffer] = memory

    def FreeContextBuffer(self, pointer):  # noqa: N802
        del self.allocated[pointer]
        return OK

    def DecryptMessage(self, context, message, sequence, quality):  # noqa: N802, ARG002
        first = message._obj.pBuffers[0].pvBuffer
        for index, told in enumerate(self.left):
            if told is not None:
                buffer = message._obj.pBuffers[index]
                buffer.BufferType, buffer.pvBuffer, buffer.cbBuffer = told[0], first, told[1]
        return self.code

    def ApplyControlToken(self, context, tokens):  # noqa: N802, ARG002
        buffer = tokens._obj.pBuffers[0]
        self.calls.append(ctypes.string_at(buffer.pvBuffer, buffer.cbBuffer).hex())
        return self.code

    def AcquireCredentialsHandleW(self, *arguments):  # noqa: N802
        version = ctypes.c_uint32.from_address(arguments[4]).value
        kind = abi.SCH_CREDENTIALS if version == abi.SCH_CREDENTIALS_VERSION else abi.SCHANNEL_CRED
        form = kind.from_address(arguments[4])
        self.calls.append(kind.__name__)
        if kind is abi.SCHANNEL_CRED:
            self.forms.append(kind.from_buffer_copy(form))
        return self.code

    def DeleteSecurityContext(self, handle):  # noqa: N802, ARG002
        self.calls.append("Delete")
        return OK

    def FreeCredentialsHandle(self, handle):  # noqa: N802, ARG002
        self.calls.append("Free")
        return OK


def channel(functions, side=Side.CLIENT, **terms):
    credential = Credential(abi.SecHandle(7, 7), functions)
    return Channel(functions, credential, Terms(side=side, **terms))


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = held()
    yield
    assert LEDGER.live() == before


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("code", [OK, MORE, ILLEGAL, 0x80090999])
def test_every_output_is_copied_and_freed(side, code):
    made = {abi.SECBUFFER_TOKEN: b"token", abi.SECBUFFER_ALERT: ALERT}
    functions = Secur32(code=code, made=made)
    ours = channel(functions, side)
    answer = ours.step(b"hello")
    assert (answer.output, answer.alert, answer.code) == (b"token", ALERT, code)
    assert (functions.allocated, ours.buffers) == ({}, 2)
    ours.delete()


@pytest.mark.parametrize("code", [MORE, ILLEGAL])
def test_a_context_is_deleted_whatever_the_call_that_made_it_said(code):
    functions = Secur32(code=code)
    ours = channel(functions)
    ours.step(None)
    assert ours.delete() == (OK, OK)
    assert ours.delete() == (None, None)
    assert functions.calls == ["Initialize", "Delete", "Free"]


@pytest.mark.parametrize("handle", [None, (NO_HANDLE, NO_HANDLE), (0, 0)])
def test_no_context_is_deleted_where_none_was_made(handle):
    functions = Secur32(code=SecStatus.SEC_E_INCOMPLETE_MESSAGE, handle=handle)
    ours = channel(functions, Side.SERVER)
    ours.step(b"\x16")
    assert not ours.exists
    assert ours.delete() == (None, OK)


def test_dropped_it_is_freed_as_well():
    functions = Secur32()
    ours = channel(functions)
    ours.step(None)
    del ours
    assert sorted(functions.calls) == ["Delete", "Free", "Initialize"]


@pytest.mark.parametrize(("extra", "rest"), [(0, b""), (4, b"tail"), (99, b"")])
def test_extra_is_the_end_of_the_input(extra, rest):
    ours = channel(Secur32(extra=extra), Side.SERVER)
    assert ours.step(b"head+tail").rest == rest
    ours.delete()


@pytest.mark.parametrize(
    "status", [SecStatus.SEC_I_CONTEXT_EXPIRED, SecStatus.SEC_I_RENEGOTIATE, OK]
)
def test_a_sealed_record_left_in_its_buffer_is_no_data(status):
    ours = channel(Secur32(code=status))
    ours.step(None)
    answer = ours.decrypt(SEALED)
    assert (answer.status, answer.output, answer.rest) == (status, b"", b"")
    ours.delete()


def test_data_and_extra_stand_behind_the_first_buffer():
    left = [(abi.SECBUFFER_STREAM_HEADER, 5), (abi.SECBUFFER_DATA, 4), (6, 0), (5, 9)]
    ours = channel(Secur32(left=left))
    ours.step(None)
    answer = ours.decrypt(b"data" + SEALED)
    assert (answer.output, answer.rest) == (b"data", SEALED)
    ours.delete()


@pytest.mark.parametrize(
    "status", [SecStatus.SEC_E_INCOMPLETE_MESSAGE, SecStatus.SEC_E_MESSAGE_ALTERED]
)
def test_missing_is_a_hint_and_a_failure_has_no_data(status):
    left = [(abi.SECBUFFER_DATA, 9), (abi.SECBUFFER_DATA, 9), (abi.SECBUFFER_MISSING, 3)]
    ours = channel(Secur32(code=status, left=left))
    ours.step(None)
    assert (ours.decrypt(SEALED).output, ours.decrypt(SEALED).rest) == (b"", b"")
    ours.delete()


def test_control_tokens():
    functions = Secur32()
    ours = channel(functions)
    ours.control()
    ours.control(Alert(2, 40))
    assert functions.calls == ["01000000", "020000000200000028000000"]
    ours.delete()


@pytest.mark.parametrize(
    ("version", "asked", "older"),
    [
        (None, ["SCH_CREDENTIALS", "SCHANNEL_CRED"], abi.SP_PROT_TLS1_2),
        ("1.2", ["SCH_CREDENTIALS", "SCHANNEL_CRED"], abi.SP_PROT_TLS1_2),
        ("1.3", ["SCH_CREDENTIALS"], None),
    ],
)
def test_refused_credentials_are_told_by_each_way_of_asking(version, asked, older):
    functions = Secur32(code=SecStatus.SEC_E_NO_CREDENTIALS)
    with pytest.raises(SspiError, match="SEC_E_NO_CREDENTIALS 0x8009030E") as caught:
        acquire(functions, Wish(side=Side.SERVER, version=version))
    assert functions.calls == asked
    assert all(name in str(caught.value) for name in asked)
    assert [form.grbitEnabledProtocols for form in functions.forms] == ([older] if older else [])
