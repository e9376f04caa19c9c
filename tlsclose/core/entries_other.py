"""Explanations of the verdicts that are clean, tolerable or withheld."""

from typing import Final

from tlsclose.core.entry import Entry
from tlsclose.core.verdict import Code

TABLE: Final = (
    Entry(
        code=Code.CLEAN,
        title="Both sides sent close_notify, then TCP closed by FIN",
        meaning="Each side announced its end in TLS before it closed its TCP direction.",
        why="Nobody could have cut the data short unnoticed. Nothing to do.",
        causes=("both sides use their TLS library's shutdown function",),
        next_steps=(
            "tlsclose probe HOST:PORT --scenario all: see how it behaves when you misbehave",
        ),
        users_see=(
            (
                "an ordinary end of file: OpenSSL SSL_ERROR_ZERO_RETURN, Schannel "
                "SEC_I_CONTEXT_EXPIRED, GnuTLS 0, Go io.EOF, Java -1"
            ),
        ),
        rules=(
            "RFC 9846 6.1 (TLS 1.3): each side sends close_notify before closing its write side",
            "RFC 5246 7.2.1 (TLS 1.2): the receiver answers close_notify with its own, at once",
        ),
    ),
    Entry(
        code=Code.INCOMPLETE_CLOSE,
        title="One side sent close_notify, the other closed TCP without its own",
        meaning=(
            "The side that closed first did it properly. The other one then closed TCP without "
            "announcing the end of its own direction."
        ),
        why=(
            "What the first side sent is safe. What the second side sent up to its FIN cannot be "
            "told from a truncation, which matters only where it still had something to say."
        ),
        causes=(
            "the second side treats the first close_notify as permission to drop the socket",
            "it calls close() on the socket when a read returns end of file (wget, Python servers)",
            "a proxy closes its other leg without a TLS shutdown",
        ),
        next_steps=(
            (
                "The side blamed: call the shutdown function also when the peer closed first "
                "(SSL_shutdown, SSLSocket.unwrap(), SslStream.ShutdownAsync(), gnutls_bye)"
            ),
            "Apache httpd: remove ssl-unclean-shutdown. nginx: nothing to set, it sends its own",
            "Users: harmless for framed messages; accept it with --fail-on error",
        ),
        users_see=(
            "mostly nothing: the reader had finished",
            'GnuTLS "The TLS connection was non-properly terminated."',
            'OpenSSL 3 "unexpected eof while reading" from the second SSL_shutdown call',
            'JSSE engine "closing inbound before receiving peer\'s close_notify"',
        ),
        rules=(
            (
                "RFC 9846 6.1 (TLS 1.3): close_notify before closing the own write side is a MUST; "
                "answering at once is not"
            ),
            (
                "RFC 5246 7.2.1 (TLS 1.2): the receiver MUST answer with a close_notify of its own "
                "and close at once; many stacks leave that to the application"
            ),
            (
                "RFC 9112 9.8: a server may close right after its own closure alert and should be "
                "ready for an incomplete close by the client"
            ),
        ),
    ),
    Entry(
        code=Code.RESET_AFTER_CLOSE,
        title="RST after both close_notify: harmless, but noisy",
        meaning="Both sides had announced their end when one of them reset the TCP connection.",
        why=(
            "No data can be lost. It shows in the counters of load balancers and firewalls and is "
            "often taken for a fault."
        ),
        causes=(
            (
                "a server that closes without waiting for the client's close_notify: when that "
                "comes, the system answers a closed socket with RST (nginx, Go)"
            ),
            "SO_LINGER with a timeout of zero after the TLS shutdown",
        ),
        next_steps=(
            "Server authors: read until the client's end of file before closing",
            "nginx: lingering_close always. Go: read until io.EOF after CloseWrite()",
            "Operators: leave it, and alert on resets before the close instead",
        ),
        users_see=(
            "mostly nothing; rising counts of target resets in load balancers",
            'sometimes "Connection reset by peer" from a last read or from close',
        ),
        rules=(
            "RFC 9846 6.1 (TLS 1.3): nobody has to wait for the peer's close_notify",
            "RFC 5246 7.2.1 (TLS 1.2): the initiator need not wait for the answer",
            "RFC 9293 3.6.1: data for a closed socket is answered with RST",
        ),
    ),
    Entry(
        code=Code.NO_ANSWER,
        title="Neither close_notify, FIN nor RST within the deadline",
        meaning="After one side's close_notify the other side stayed silent with TCP open.",
        why=(
            "The side that waits hangs until its own timeout, holds a connection and a thread, "
            "and in pools a dead connection looks alive. In TLS 1.3 silence is allowed, since "
            "the other direction may still be in use; up to TLS 1.2 it is not."
        ),
        causes=(
            "the application does not read while idle, so its library never sees the alert",
            "half-open connections are kept on purpose (Node allowHalfOpen) and nobody ends them",
            "both sides wait for the other one's FIN",
            "a middlebox swallowed the alert or the connection",
        ),
        next_steps=(
            "tlsclose probe HOST:PORT --timeout 60: does it answer at all, and after how long?",
            "tlsclose probe HOST:PORT --tls 1.2: there the answer is a MUST",
            "The silent side: watch idle connections for input and close on end of file",
            "Java: -Djdk.tls.acknowledgeCloseNotify=true answers at once in TLS 1.3",
            "The waiting side: bound the wait (asyncio ssl_shutdown_timeout), then close TCP",
        ),
        users_see=(
            "a close that hangs, sockets in CLOSE_WAIT or FIN_WAIT2",
            'asyncio "SSL shutdown timed out"',
            'Python "The read operation timed out" from unwrap()',
            'GnuTLS "Resource temporarily unavailable, try again." from gnutls_bye',
        ),
        rules=(
            "RFC 9846 6.1 (TLS 1.3): an immediate answer is not required",
            "RFC 5246 7.2.1 (TLS 1.2): the receiver MUST answer at once and close",
        ),
    ),
    Entry(
        code=Code.CAPTURE_INCOMPLETE,
        title="The capture starts late, ends early or lacks packets: no judgement",
        meaning="Packets that decide the question are not in the capture.",
        why="A verdict would be a guess. Absence of a packet in a file proves nothing.",
        causes=(
            "the capture was started after the connection, or stopped before its end",
            "the kernel dropped packets (small buffer, fast link)",
            "a filter or a mirror port shows only one direction",
            "a snap length cut the packets",
        ),
        next_steps=(
            (
                "Capture again from before the first SYN until after the last FIN, full packets "
                "(tcpdump -s 0 -B 65536)"
            ),
            "Filter by host and port only, never by direction or flags",
            "tlsclose probe HOST:PORT --capture tap: no packets needed",
        ),
        users_see=('Wireshark "TCP Previous segment not captured"', 'tcpdump "dropped by kernel"'),
        rules=("RFC 9846 6.1 and RFC 5246 7.2.1 apply, but cannot be checked",),
    ),
    Entry(
        code=Code.UNDETERMINED,
        title="Encrypted, no keys, and no safe inference",
        meaning=(
            "The records at the end are sealed. Their type and length fit more than one story."
        ),
        why="The close may be proper or not: a TLS 1.3 alert looks like two bytes of data.",
        causes=(
            "no key log was given, or it does not hold this connection's secrets",
            "record padding, or a cipher suite whose lengths tell nothing",
            (
                "a close of an unusual shape: an alert as the only word since the handshake or "
                "while renegotiating, data behind an alert, an answer to a half-close"
            ),
        ),
        next_steps=(
            (
                "Run one end with SSLKEYLOGFILE set (curl, Firefox, Chrome; also Node "
                "--tls-keylog, Go KeyLogWriter, rustls KeyLogFile), then: tlsclose analyze CAPTURE "
                "--keylog FILE"
            ),
            "tlsclose probe HOST:PORT: as an endpoint it has the keys",
        ),
        users_see=('Wireshark "Encrypted Alert" or "Application Data" of 19 bytes',),
        rules=(
            "RFC 9846 5.2 (TLS 1.3): the content type of a sealed record is hidden",
            "RFC 5246 6.2.3 (TLS 1.2): the content type is in the clear, the alert is not",
        ),
    ),
)
