"""What scapy needs at import and Wine lacks; appended to its copy of the Windows structures."""

import ctypes as _ctypes


def GetAdaptersAddresses(AF: int = 0) -> list[dict[str, object]]:  # noqa: N802, N803
    """No interface: Wine refuses the flags that scapy asks with."""
    return []


@_ctypes.WINFUNCTYPE(_ctypes.c_uint32, _ctypes.c_void_p, _ctypes.c_void_p)
def _unsupported(_target: int, _name: int) -> int:
    """SEC_E_UNSUPPORTED_FUNCTION."""
    return 0x80090302


if not hasattr(_ctypes.windll.secur32, "SspiGetTargetHostName"):
    _ctypes.windll.secur32.SspiGetTargetHostName = _unsupported
