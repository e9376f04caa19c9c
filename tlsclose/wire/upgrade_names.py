"""The protocols that turn to TLS, and what is told of them."""

from enum import StrEnum
from typing import Final, NamedTuple


class Protocol(StrEnum):
    """What a connection speaks before TLS: the names that reports use."""

    SMTP = "smtp"
    IMAP = "imap"
    POP3 = "pop3"
    FTP = "ftp"
    NNTP = "nntp"
    SIEVE = "sieve"
    LDAP = "ldap"
    XMPP = "xmpp"
    POSTGRES = "postgres"
    MYSQL = "mysql"
    RDP = "rdp"
    HTTP_CONNECT = "http-connect"
    SOCKS4 = "socks4"
    SOCKS5 = "socks5"
    PROXY = "proxy-protocol"


class Mark(NamedTuple):
    """The end of a unit behind which TLS may begin."""

    end: int
    protocol: Protocol | None
    """None where several answer in these words."""
    granted: bool = True
    """What a server's answer means; a client's unit only asks."""
    word: str = ""
    """The answer in short, safe to print."""


TITLES: Final = {
    Protocol.SMTP: "SMTP",
    Protocol.IMAP: "IMAP",
    Protocol.POP3: "POP3",
    Protocol.FTP: "FTP",
    Protocol.NNTP: "NNTP",
    Protocol.SIEVE: "ManageSieve",
    Protocol.LDAP: "LDAP",
    Protocol.XMPP: "XMPP",
    Protocol.POSTGRES: "PostgreSQL",
    Protocol.MYSQL: "MySQL",
    Protocol.RDP: "RDP",
    Protocol.HTTP_CONNECT: "HTTP CONNECT",
    Protocol.SOCKS4: "SOCKS4",
    Protocol.SOCKS5: "SOCKS5",
    Protocol.PROXY: "the PROXY protocol",
}
TUNNELS: Final = frozenset(
    {Protocol.HTTP_CONNECT, Protocol.SOCKS4, Protocol.SOCKS5, Protocol.PROXY}
)
"""These carry whatever the client likes: who asks for one does not ask for TLS."""
