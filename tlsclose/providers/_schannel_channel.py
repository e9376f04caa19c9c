"""One connection's Schannel handles, and each call on them: bytes in, bytes and codes out.

What is native stays in here: buffers are made for one call, what SSPI allocated is copied and
freed before the call returns, and the two handles are freed by `delete`. What a status means for
the connection is decided in `schannel`.
"""

import ctypes
from collections.abc import Sequence
from ctypes import addressof, byref, c_char
from typing import Any, Final

from tlsclose.core.alert import Alert
from tlsclose.core.event import Side
from tlsclose.core.frozen import dataclass
from tlsclose.core.status import SecStatus
from tlsclose.providers import _secur32 as abi
from tlsclose.providers._ledger import LEDGER, Owned
from tlsclose.providers._schannel_credential import NO_HANDLE, Credential
from tlsclose.providers._schannel_words import named, status_of

CLIENT_FLAGS: Final = (
    abi.ISC_REQ_SEQUENCE_DETECT
    | abi.ISC_REQ_REPLAY_DETECT
    | abi.ISC_REQ_CONFIDENTIALITY
    | abi.ISC_REQ_USE_SUPPLIED_CREDS
    | abi.ISC_REQ_ALLOCATE_MEMORY
    | abi.ISC_REQ_EXTENDED_ERROR
    | abi.ISC_REQ_STREAM
    | abi.ISC_REQ_MANUAL_CRED_VALIDATION
)
SERVER_FLAGS: Final = (
    abi.ASC_REQ_SEQUENCE_DETECT
    | abi.ASC_REQ_REPLAY_DETECT
    | abi.ASC_REQ_CONFIDENTIALITY
    | abi.ASC_REQ_ALLOCATE_MEMORY
    | abi.ASC_REQ_EXTENDED_ERROR
    | abi.ASC_REQ_STREAM
)
CALLS: Final = {Side.CLIENT: "InitializeSecurityContext", Side.SERVER: "AcceptSecurityContext"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one call said."""

    call: str
    code: int
    """As it was returned, unsigned."""
    output: bytes = b""
    """SECBUFFER_TOKEN for the peer, or what was encrypted or decrypted."""
    rest: bytes = b""
    """SECBUFFER_EXTRA: input that was not consumed."""
    alert: bytes = b""
    """SECBUFFER_ALERT."""
    flags: int | None = None
    """Attributes that the context has now; None where the call tells of none."""

    @property
    def status(self) -> SecStatus:
        return status_of(self.code)

    @property
    def native(self) -> str:
        """Status by name and number, and the flags."""
        text = named(self.code)
        return text if self.flags is None else f"{text}; flags 0x{self.flags:08X}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one end wants of its connection."""

    side: Side
    name: str | None = None
    """The server's name for a client; None sends no SNI."""
    alpn: tuple[bytes, ...] = ()
    mutual: bool = False
    """A server that asks for the client's certificate."""

    @property
    def flags(self) -> int:
        if self.side is Side.CLIENT:
            return CLIENT_FLAGS
        return SERVER_FLAGS | (abi.ASC_REQ_MUTUAL_AUTH if self.mutual else 0)


class Channel:
    """Handles of one connection. Not thread-safe."""

    def __init__(self, functions: abi.Secur32, credential: Credential, terms: Terms) -> None:
        self._functions = functions
        self._credential = credential
        self._terms = terms
        self._target = None if terms.name is None else abi.wide(terms.name)
        self._handle: abi.SecHandle | None = None
        self._owned: Owned | None = None
        self._sizes = abi.SecPkgContext_StreamSizes()
        self.buffers = 0
        """Buffers that SSPI allocated so far, each freed before its call returned."""

    @property
    def flags(self) -> int:
        """What is asked of the handshake function."""
        return self._terms.flags

    @property
    def exists(self) -> bool:
        """Whether there is a context yet."""
        return self._handle is not None

    def step(self, token: bytes | None) -> Answer:
        """Initialize- or AcceptSecurityContext. None: empty buffers, as the shutdown has them."""
        received = _Buffers(self._input(token))
        output = _Buffers([(abi.SECBUFFER_TOKEN, None), (abi.SECBUFFER_ALERT, None)])
        flags, expiry = abi.ULONG(), abi.TimeStamp()
        old = None if self._handle is None else byref(self._handle)
        new = self._handle or abi.SecHandle(NO_HANDLE, NO_HANDLE)
        source = received.reference() if received.count else None
        common = (byref(new), output.reference(), byref(flags), byref(expiry))
        try:
            if self._terms.side is Side.CLIENT:
                code = self._functions.InitializeSecurityContextW(
                    byref(self._credential.handle),
                    *(old, self._target, self._terms.flags, 0, 0, source, 0, *common),
                )
            else:
                code = self._functions.AcceptSecurityContext(
                    byref(self._credential.handle), old, source, self._terms.flags, 0, *common
                )
            self._keep(new)
            return Answer(
                call=CALLS[self._terms.side],
                code=code,
                output=output.content(abi.SECBUFFER_TOKEN),
                rest=_not_consumed(token or b"", code, received),
                alert=output.content(abi.SECBUFFER_ALERT),
                flags=flags.value,
            )
        finally:
            self._free(output)

    def control(self, alert: Alert | None = None) -> Answer:
        """ApplyControlToken: SCHANNEL_SHUTDOWN, or SCHANNEL_ALERT with the alert."""
        if alert is None:
            token = bytes(abi.DWORD(abi.SCHANNEL_SHUTDOWN))
        else:
            token = bytes(
                abi.SCHANNEL_ALERT_TOKEN(abi.SCHANNEL_ALERT, alert.level, alert.description)
            )
        buffers = _Buffers([(abi.SECBUFFER_TOKEN, _copied(token))])
        code = self._functions.ApplyControlToken(self._reference(), buffers.reference())
        return Answer(call="ApplyControlToken", code=code)

    def measure(self) -> Answer:
        """Ask for the sizes that `encrypt` needs, once the connection is up."""
        code = self.query(abi.SECPKG_ATTR_STREAM_SIZES, self._sizes)
        return Answer(call="QueryContextAttributes", code=code)

    @property
    def largest(self) -> int:
        """Bytes that one record takes."""
        return self._sizes.cbMaximumMessage or 1

    def encrypt(self, data: bytes) -> Answer:
        """EncryptMessage: one record of at most `largest` bytes."""
        header, trailer = self._sizes.cbHeader, self._sizes.cbTrailer
        memory = _copied(bytes(header) + data + bytes(trailer))
        buffers = _Buffers(
            [
                (abi.SECBUFFER_STREAM_HEADER, (memory, 0, header)),
                (abi.SECBUFFER_DATA, (memory, header, len(data))),
                (abi.SECBUFFER_STREAM_TRAILER, (memory, header + len(data), trailer)),
                (abi.SECBUFFER_EMPTY, None),
            ]
        )
        code = self._functions.EncryptMessage(self._reference(), 0, buffers.reference(), 0)
        record = b"" if code else b"".join(buffers.contents()[:3])
        return Answer(call="EncryptMessage", code=code, output=record)

    def decrypt(self, token: bytes) -> Answer:
        """DecryptMessage: the first record of `token`.

        Where it opened no data the first buffer may be the DATA still that it was given, sealed:
        what it tells is behind that one.
        """
        buffers = _Buffers([(abi.SECBUFFER_DATA, _copied(token)), *[(0, None)] * 3])
        code = self._functions.DecryptMessage(self._reference(), buffers.reference(), 0, None)
        answer = Answer(call="DecryptMessage", code=code)
        if answer.status is SecStatus.SEC_E_INCOMPLETE_MESSAGE or answer.status.failed:
            return answer
        return Answer(
            call="DecryptMessage",
            code=code,
            output=buffers.content(abi.SECBUFFER_DATA, since=1),
            rest=_last(token, buffers.size(abi.SECBUFFER_EXTRA)),
        )

    def query(self, attribute: int, into: ctypes.Structure | ctypes.c_void_p) -> int:
        """QueryContextAttributes; returns its code."""
        code: int = self._functions.QueryContextAttributesW(
            self._reference(), attribute, addressof(into)
        )
        return code

    def delete(self) -> tuple[int | None, int | None]:
        """Free the context, then the credential: what each call said; None where not called."""
        code = None if self._owned is None else self._owned.release()
        return code if isinstance(code, int) else None, self._credential.release()

    def _input(self, token: bytes | None) -> "list[_Entry]":
        entries: list[_Entry] = []
        if token is not None and (token or self._handle is not None):
            entries += [(abi.SECBUFFER_TOKEN, _copied(token)), (abi.SECBUFFER_EMPTY, None)]
        if self._handle is None and self._terms.alpn:
            offer = _copied(application_protocols(self._terms.alpn))
            entries.append((abi.SECBUFFER_APPLICATION_PROTOCOLS, offer))
        return entries

    def _keep(self, handle: abi.SecHandle) -> None:
        """Own the context as soon as there is one, whatever the call returned."""
        made = (handle.dwLower, handle.dwUpper) not in ((NO_HANDLE, NO_HANDLE), (0, 0))
        if self._handle is None and made:
            free = self._functions.DeleteSecurityContext
            self._handle = handle
            self._owned = Owned("context", lambda: free(byref(handle)))

    def _reference(self) -> Any:  # noqa: ANN401
        return byref(self._handle or abi.SecHandle(NO_HANDLE, NO_HANDLE))

    def _free(self, buffers: "_Buffers") -> None:
        for pointer in buffers.pointers():
            self.buffers += 1
            LEDGER.take("buffer")
            self._functions.FreeContextBuffer(pointer)
            LEDGER.give("buffer")


def application_protocols(names: Sequence[bytes]) -> bytes:
    """SEC_APPLICATION_PROTOCOLS with one list for ALPN."""
    names_list = b"".join(bytes([len(name)]) + name for name in names)
    extension = abi.SEC_APPLICATION_PROTOCOL_NEGOTIATION_EXT_ALPN.to_bytes(4, "little")
    body = extension + len(names_list).to_bytes(2, "little") + names_list
    return len(body).to_bytes(4, "little") + body


def _not_consumed(token: bytes, code: int, received: "_Buffers") -> bytes:
    """What is to be given again: of an incomplete message it is all."""
    if status_of(code) in (
        SecStatus.SEC_E_INCOMPLETE_MESSAGE,
        SecStatus.SEC_I_INCOMPLETE_CREDENTIALS,
    ):
        return token
    return _last(token, received.size(abi.SECBUFFER_EXTRA))


def _last(token: bytes, size: int) -> bytes:
    """SECBUFFER_EXTRA tells how much of the end of the input was not consumed."""
    return token[len(token) - size :] if 0 < size <= len(token) else b""


_Memory = ctypes.Array[c_char]
_Entry = tuple[int, "_Memory | tuple[_Memory, int, int] | None"]


def _copied(data: bytes) -> _Memory:
    return (c_char * len(data)).from_buffer_copy(data)


class _Buffers:
    """A SecBufferDesc and the memory behind it."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self._memory = [memory for _, memory in entries]
        self.count = len(entries)
        self._array = (abi.SecBuffer * len(entries))()
        for buffer, (kind, memory) in zip(self._array, entries, strict=True):
            buffer.BufferType = kind
            if memory is not None:
                block, start, size = (
                    memory if isinstance(memory, tuple) else (memory, 0, len(memory))
                )
                buffer.pvBuffer = addressof(block) + start
                buffer.cbBuffer = size
        self._desc = abi.SecBufferDesc(abi.SECBUFFER_VERSION, len(entries), self._array)

    def reference(self) -> Any:  # noqa: ANN401
        return byref(self._desc)

    def contents(self) -> list[bytes]:
        """What each buffer holds now."""
        return [
            ctypes.string_at(buffer.pvBuffer, buffer.cbBuffer) if buffer.pvBuffer else b""
            for buffer in self._array
        ]

    def content(self, kind: int, *, since: int = 0) -> bytes:
        """What the first buffer of a kind holds, from an index on; empty where there is none."""
        for buffer in self._array[since:]:
            if buffer.BufferType == kind and buffer.pvBuffer:
                return ctypes.string_at(buffer.pvBuffer, buffer.cbBuffer)
        return b""

    def size(self, kind: int) -> int:
        """Bytes that the first buffer of a kind tells of; its pointer may be missing."""
        return next((buffer.cbBuffer for buffer in self._array if buffer.BufferType == kind), 0)

    def pointers(self) -> list[int]:
        return [buffer.pvBuffer for buffer in self._array if buffer.pvBuffer]
