"""What Windows' socket calls say, in words: Python leaves their numbers and localised texts bare.

Numbers and names are those of winsock2.h. No other system uses numbers as high, so the table
needs no question which system this is.
"""

from typing import Final

_CODES: Final = {
    10013: ("WSAEACCES", "not permitted"),
    10048: ("WSAEADDRINUSE", "the address is in use"),
    10049: ("WSAEADDRNOTAVAIL", "not an address of this machine, or none to connect to"),
    10050: ("WSAENETDOWN", "the network is down"),
    10051: ("WSAENETUNREACH", "network unreachable"),
    10052: ("WSAENETRESET", "keep-alive got no answer"),
    10053: ("WSAECONNABORTED", "connection aborted by this machine: reset, or unacknowledged"),
    10054: ("WSAECONNRESET", "connection reset by peer"),
    10055: ("WSAENOBUFS", "no buffer space left"),
    10057: ("WSAENOTCONN", "not connected"),
    10058: ("WSAESHUTDOWN", "already shut down"),
    10060: ("WSAETIMEDOUT", "connection timed out"),
    10061: ("WSAECONNREFUSED", "connection refused"),
    10064: ("WSAEHOSTDOWN", "host is down"),
    10065: ("WSAEHOSTUNREACH", "no route to host"),
    11001: ("WSAHOST_NOT_FOUND", "host not found"),
    11002: ("WSATRY_AGAIN", "the resolver got no answer"),
    11003: ("WSANO_RECOVERY", "the resolver failed"),
    11004: ("WSANO_DATA", "the name has no such address"),
}


def winsock_text(error: OSError | int) -> str | None:
    """Text, name and number, as `connection refused [WSAECONNREFUSED 10061]`; None if not one."""
    number = error if isinstance(error, int) else _number(error)
    found = _CODES.get(number)
    return f"{found[1]} [{found[0]} {number}]" if found else None


def _number(error: OSError) -> int:
    """Python turns some of these numbers into POSIX ones in `errno`, never in `winerror`."""
    return getattr(error, "winerror", None) or error.errno or 0
