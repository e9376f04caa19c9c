"""What clients and servers say before TLS, or before it is refused, one entry for each protocol."""

import struct

from tlsclose.core.event import Side

CLIENT, SERVER = Side.CLIENT, Side.SERVER
OID = b"1.3.6.1.4.1.1466.20037"
STREAM = b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'>"
XMPP_TLS = b"urn:ietf:params:xml:ns:xmpp-tls"


def ber(tag, *parts, wide=False):
    body = b"".join(parts)
    size = b"\x84" + len(body).to_bytes(4) if wide else bytes([len(body)])
    return bytes([tag]) + size + body


def start_tls(number=b"\x02\x01\x01"):
    return ber(0x30, number, ber(0x77, ber(0x80, OID)))


def extended_response(code, *, wide=False, text=b""):
    parts = (b"\x0a\x01" + bytes([code]), ber(4), ber(4, text), ber(0x8A, OID))
    return ber(0x30, b"\x02\x01\x01", ber(0x78, *parts, wide=wide), wide=wide)


def tpkt(kind, body):
    unit = bytes([kind]) + bytes(5) + body
    return b"\x03\x00" + (5 + len(unit)).to_bytes(2) + bytes([len(unit)]) + unit


def negotiation(kind, number):
    return bytes([kind, 0, 8, 0]) + number.to_bytes(4, "little")


def mysql_packet(number, body):
    return len(body).to_bytes(3, "little") + bytes([number]) + body


COOKIE = b"Cookie: mstshash=user\r\n"
GREETING = mysql_packet(0, b"\x0a8.0.36\x00" + bytes(4) + b"saltsalt\x00\xff\xff" + bytes(40))
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
GSS_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x30"


def mysql_ssl_request(capabilities=0x0800 | 0x8000):
    return mysql_packet(1, struct.pack("<IIB", capabilities, 2**24, 45) + bytes(23))


ADDRESS = b"\xc6\x33\x64\x02\x01\xbb"
SOCKS5_OK = b"\x05\x00\x00\x01" + ADDRESS

UPGRADES = {
    "smtp": (
        "smtp",
        (SERVER, b"220-mx.example.org\r\n220 ESMTP\r\n"),
        (CLIENT, b"EHLO me\r\n"),
        (SERVER, b"250-mx.example.org\r\n250-SIZE 1\r\n250 STARTTLS\r\n"),
        (CLIENT, b"STARTTLS\r\n"),
        (SERVER, b"220 2.0.0 Ready to start TLS\r\n"),
    ),
    "imap": (
        "imap",
        (SERVER, b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
        (CLIENT, b". CAPABILITY\r\n"),
        (SERVER, b"* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK done\r\n"),
        (CLIENT, b"a.2 starttls\r\n"),
        (SERVER, b"* OK still here\r\na.2 OK Begin TLS negotiation now\r\n"),
    ),
    "pop3": (
        "pop3",
        (SERVER, b"+OK POP3 <1@x>\r\n"),
        (CLIENT, b"CAPA\r\n"),
        (SERVER, b"+OK\r\nSTLS\r\n.\r\n"),
        (CLIENT, b"STLS\r\n"),
        (SERVER, b"+OK Begin TLS\r\n"),
    ),
    "ftp": (
        "ftp",
        (SERVER, b"220 FTP\r\n"),
        (CLIENT, b"FEAT\r\n"),
        (SERVER, b"211-Features:\r\n AUTH TLS\r\n211 End\r\n"),
        (CLIENT, b"AUTH TLS\r\n"),
        (SERVER, b"234 AUTH TLS successful\r\n"),
    ),
    "ftp, the second way": (
        "ftp",
        (SERVER, b"220 FTP\r\n"),
        (CLIENT, b"AUTH TLS\r\n"),
        (SERVER, b"504 Not understood\r\n"),
        (CLIENT, b"AUTH SSL\r\n"),
        (SERVER, b"334 go\r\n"),
    ),
    "nntp": (
        "nntp",
        (SERVER, b"200 news\r\n"),
        (CLIENT, b"STARTTLS\r\n"),
        (SERVER, b"382 Continue with TLS negotiation\r\n"),
    ),
    "sieve": (
        "sieve",
        (SERVER, b'"STARTTLS"\r\nOK "ready"\r\n'),
        (CLIENT, b"StartTls\r\n"),
        (SERVER, b'OK "Begin TLS negotiation now."\r\n'),
    ),
    "ldap": ("ldap", (CLIENT, start_tls()), (SERVER, extended_response(0))),
    "ldap as Active Directory writes it": (
        "ldap",
        (CLIENT, start_tls(b"\x02\x02\x01\x01")),
        (SERVER, extended_response(0, wide=True)),
    ),
    "ldap after a search": (
        "ldap",
        (CLIENT, ber(0x30, b"\x02\x01\x01", ber(0x63, bytes(20)))),
        (SERVER, ber(0x30, b"\x02\x01\x01", ber(0x65, b"\x0a\x01\x00", ber(4), ber(4)))),
        (CLIENT, start_tls(b"\x02\x01\x02")),
        (SERVER, extended_response(0)),
    ),
    "xmpp": (
        "xmpp",
        (CLIENT, STREAM),
        (SERVER, STREAM),
        (
            SERVER,
            b"<stream:features><starttls xmlns='" + XMPP_TLS + b"'><required/></starttls>"
            b"</stream:features>",
        ),
        (CLIENT, b"<starttls xmlns='" + XMPP_TLS + b"'/>"),
        (SERVER, b"<proceed xmlns='" + XMPP_TLS + b"'/>"),
    ),
    "xmpp with end tags": (
        "xmpp",
        (CLIENT, STREAM),
        (SERVER, STREAM),
        (CLIENT, b"<starttls xmlns='" + XMPP_TLS + b"'></starttls>"),
        (SERVER, b"<proceed xmlns='" + XMPP_TLS + b"'></proceed>"),
    ),
    "postgres": ("postgres", (CLIENT, SSL_REQUEST), (SERVER, b"S")),
    "postgres after GSSAPI": (
        "postgres",
        (CLIENT, GSS_REQUEST),
        (SERVER, b"N"),
        (CLIENT, SSL_REQUEST),
        (SERVER, b"S"),
    ),
    "mysql": ("mysql", (SERVER, GREETING), (CLIENT, mysql_ssl_request())),
    "mysql before 4.1": (
        "mysql",
        (SERVER, GREETING),
        (CLIENT, mysql_packet(1, b"\x00\x08\xff\xff\xff")),
    ),
    "rdp": (
        "rdp",
        (CLIENT, tpkt(0xE0, COOKIE + negotiation(1, 3))),
        (SERVER, tpkt(0xD0, negotiation(2, 1))),
    ),
    "http": (
        "http-connect",
        (CLIENT, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"),
        (SERVER, b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"),
    ),
    "http with a long ticket": (
        "http-connect",
        (CLIENT, b"CONNECT x:443 HTTP/1.1\r\n\r\n"),
        (SERVER, b"HTTP/1.1 407 Who\r\nContent-Length: 5\r\n\r\nlogin"),
        (CLIENT, b"CONNECT x:443 HTTP/1.1\r\nProxy-Authorization: " + b"Q" * 5000 + b"\r\n\r\n"),
        (SERVER, b"HTTP/1.0 200 OK\r\n\r\n"),
    ),
    "socks4": (
        "socks4",
        (CLIENT, b"\x04\x01\x01\xbb\xc6\x33\x64\x02user\x00"),
        (SERVER, b"\x00\x5a" + ADDRESS),
    ),
    "socks4a": (
        "socks4",
        (CLIENT, b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00example.org\x00"),
        (SERVER, b"\x00\x5a" + ADDRESS),
    ),
    "socks5": (
        "socks5",
        (CLIENT, b"\x05\x02\x00\x02"),
        (SERVER, b"\x05\x00"),
        (CLIENT, b"\x05\x01\x00\x03\x0bexample.org\x01\xbb"),
        (SERVER, SOCKS5_OK),
    ),
    "socks5 with a password": (
        "socks5",
        (CLIENT, b"\x05\x01\x02"),
        (SERVER, b"\x05\x02"),
        (CLIENT, b"\x01\x04user\x04pass"),
        (SERVER, b"\x01\x00"),
        (CLIENT, b"\x05\x01\x00\x04" + bytes(16) + b"\x01\xbb"),
        (SERVER, b"\x05\x00\x00\x04" + bytes(18)),
    ),
    "proxy": ("proxy-protocol", (CLIENT, b"PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\r\n")),
    "proxy 2": (
        "proxy-protocol",
        (CLIENT, b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12)),
    ),
    "smtp through a proxy": (
        "smtp",
        (CLIENT, b"CONNECT mx:25 HTTP/1.1\r\n\r\n"),
        (SERVER, b"HTTP/1.1 200 OK\r\n\r\n"),
        (SERVER, b"220 ESMTP\r\n"),
        (CLIENT, b"EHLO me\r\n"),
        (SERVER, b"250 STARTTLS\r\n"),
        (CLIENT, b"STARTTLS\r\n"),
        (SERVER, b"220 go\r\n"),
    ),
    "none that is known": ("unknown", (CLIENT, b"\x01hello?"), (SERVER, b"\x02hello!")),
}
"""The name in the report, and the flights."""

QUIT = ((CLIENT, b"QUIT\r\n"), (SERVER, b"221 bye\r\n"))
REFUSALS = {
    "smtp": ("SMTP", "454", *UPGRADES["smtp"][1:5], (SERVER, b"454 not available\r\n"), *QUIT),
    "imap": (
        "IMAP",
        "NO",
        *UPGRADES["imap"][1:5],
        (SERVER, b"a.2 NO\r\n"),
        (CLIENT, b"a.3 LOGOUT\r\n"),
        (SERVER, b"* BYE\r\n"),
    ),
    "pop3": ("POP3", "-ERR", *UPGRADES["pop3"][1:5], (SERVER, b"-ERR no\r\n"), *QUIT),
    "ftp": ("FTP", "502", *UPGRADES["ftp"][1:5], (SERVER, b"502\r\n"), *QUIT),
    "ldap": ("LDAP", "result 52", (CLIENT, start_tls()), (SERVER, extended_response(52))),
    "xmpp": (
        "XMPP",
        "failure",
        *UPGRADES["xmpp"][1:5],
        (SERVER, b"<failure xmlns='" + XMPP_TLS + b"'/></stream:stream>"),
    ),
    "postgres, the end": ("PostgreSQL", "N", (CLIENT, SSL_REQUEST), (SERVER, b"N")),
    "postgres goes on": (
        "PostgreSQL",
        "N",
        (CLIENT, SSL_REQUEST),
        (SERVER, b"N"),
        (CLIENT, b"\x00\x00\x00\x10\x00\x03\x00\x00user\x00me\x00\x00"),
        (SERVER, b"R\x00\x00\x00\x0c\x00\x00\x00\x05salt"),
    ),
    "rdp": (
        "RDP",
        "failure 2",
        (CLIENT, tpkt(0xE0, COOKIE + negotiation(1, 1))),
        (SERVER, tpkt(0xD0, negotiation(3, 2))),
    ),
    "rdp of old": (
        "RDP",
        "standard security",
        (CLIENT, tpkt(0xE0, negotiation(1, 1))),
        (SERVER, tpkt(0xD0, b"")),
    ),
}
"""The protocol's title, the word of refusal, and the flights."""
