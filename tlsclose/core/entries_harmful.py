"""Explanations of the verdicts that report a truncation, a reset or an error."""

from typing import Final

from tlsclose.core.entry import Entry
from tlsclose.core.verdict import Code

NOTIFY_BEFORE_FIN: Final = (
    "RFC 9846 6.1 (TLS 1.3): close_notify before closing the own write side is a MUST, "
    "unless an error alert was sent already"
)
NOTIFY_REQUIRED_12: Final = (
    "RFC 5246 7.2.1 (TLS 1.2): either party must send close_notify before it closes the write side"
)

TABLE: Final = (
    Entry(
        code=Code.PREMATURE_CLOSE,
        title="The first FIN came from a side that had sent no close_notify",
        meaning=(
            "The first side to close its TCP direction did so without announcing it in TLS. "
            "The FIN is not protected by TLS: anybody on the path can forge it."
        ),
        why=(
            "The receiver cannot tell the end of the data from a truncation. With a complete "
            "Content-Length or a final chunk nothing is lost; a message that ends where the "
            "connection ends may be cut off without a trace."
        ),
        causes=(
            "the application closes the socket without calling its TLS library's shutdown function",
            "the process was killed or crashed, or a worker was recycled",
            "quiet shutdown is switched on, by choice or by default (some database servers)",
            "a load balancer, proxy or firewall ended the TCP connection by its own timeout",
            (
                "nginx (seen with 1.22) and the JDK's HttpsServer with TLS 1.3: a client that "
                "sends close_notify first gets a bare FIN; nginx sends its own close_notify when "
                "it closes first (--scenario await)"
            ),
        ),
        next_steps=(
            (
                "The side blamed: call the TLS library's shutdown function before the socket is "
                "closed (SSL_shutdown, unwrap(), ShutdownAsync(), gnutls_bye)"
            ),
            "OpenSSL: call SSL_shutdown before SSL_free; do not set SSL_set_quiet_shutdown",
            (
                "Python: call SSLSocket.unwrap() before close(); close() alone sends nothing; "
                "asyncio does it within ssl_shutdown_timeout"
            ),
            (
                "Node: end(), not destroy(). Go: Conn.Close() of crypto/tls, not of the inner "
                "net.Conn. .NET: await SslStream.ShutdownAsync() before Dispose()"
            ),
            "GnuTLS: gnutls_bye(GNUTLS_SHUT_WR). rustls: send_close_notify(), then write_tls()",
            "Apache httpd: remove ssl-unclean-shutdown from the SetEnvIf or BrowserMatch lines",
            "vsftpd: strict_ssl_write_shutdown=YES; strict_ssl_read_eof=YES to insist on it",
            (
                "Receivers: frame every message (Content-Length, chunked), treat an unframed one "
                "as incomplete, and do not hide the error with SSL_OP_IGNORE_UNEXPECTED_EOF"
            ),
        ),
        users_see=(
            'OpenSSL 3 "error:0A000126:SSL routines::unexpected eof while reading"',
            'rustls "peer closed connection without sending TLS close_notify"',
            'GnuTLS "The TLS connection was non-properly terminated."',
            'Python "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol"',
            'curl with Schannel "schannel: server closed abruptly (missing close_notify)"',
            'Java with requireCloseNotify "Remote host terminated the connection"',
            "OpenSSL 1.1 and BoringSSL: SSL_ERROR_SYSCALL with errno 0, no text",
            "Go, Node, .NET, NSS and Java by default: an ordinary end of file, nothing at all",
        ),
        rules=(
            NOTIFY_BEFORE_FIN,
            NOTIFY_REQUIRED_12,
            (
                "RFC 9112 9.8: a server attempts, and a client must send, a closure alert before "
                "closing; without one only a framed message counts as complete"
            ),
        ),
    ),
    Entry(
        code=Code.RESET,
        title="RST before both sides had sent close_notify",
        meaning=(
            "One side aborted the TCP connection. Data in flight, and data that the other side "
            "had received but not read yet, may be thrown away."
        ),
        why=(
            "A reset overtakes data: the receiver's system may discard bytes that arrived intact. "
            "The sender believes that everything was delivered."
        ),
        causes=(
            (
                "the side that reset closed its socket while data lay unread in the receive "
                "buffer: often the peer's close_notify or a TLS 1.3 session ticket"
            ),
            "SO_LINGER with a timeout of zero (HAProxy option nolinger)",
            "data came for a connection that the process had already closed",
            "a firewall, NAT or load balancer dropped the connection as idle",
            "the process crashed",
        ),
        next_steps=(
            (
                "Server authors: send the response and close_notify, shut down the write side, "
                "read until the client closes, then close (RFC 9112 9.6)"
            ),
            (
                "nginx: lingering_close always. HAProxy: remove option nolinger. Envoy: "
                "delayed_close_timeout above zero"
            ),
            "Client authors: read until end of file before closing, session tickets included",
            "tlsclose probe HOST:PORT --repeat 20: resets are races; count how often it happens",
            "tlsclose probe HOST:PORT --pcap close.pcapng: see which segment the RST replies to",
        ),
        users_see=(
            'most "Connection reset by peer" (ECONNRESET, errno 104 on Linux, 54 on macOS)',
            'curl "curl: (56) Recv failure: Connection reset by peer"',
            'Java "java.net.SocketException: Connection reset"',
            'Node "read ECONNRESET"',
            'GnuTLS "Error in the pull function."',
            'Windows "An existing connection was forcibly closed by the remote host" (10054)',
            'Python SSLSocket "EOF occurred in violation of protocol": it hides the reset',
        ),
        rules=(
            NOTIFY_BEFORE_FIN,
            NOTIFY_REQUIRED_12,
            "RFC 9293 3.6.1: a host that closes with unread data should send RST",
            "RFC 9112 9.6: a server closes in stages so that the reset does not destroy its answer",
        ),
    ),
    Entry(
        code=Code.FATAL_ALERT,
        title="A fatal alert other than close_notify ended the connection",
        meaning="One side met an error after the handshake, said so in TLS, and gave up.",
        why=(
            "Nothing after the alert may be used, what came before it may be incomplete, and the "
            "session must not be resumed."
        ),
        causes=(
            "decode_error from OpenSSL 3: it answers a FIN without close_notify that way",
            "unexpected_message from Java: requireCloseNotify is on and no close_notify came",
            "bad_record_mac: a middlebox changed bytes, or two threads wrote at once",
            (
                "certificate_required: a TLS 1.3 server learned after the handshake that the "
                "client has no certificate"
            ),
            "GnuTLS treats user_canceled (which Java sends on every close in TLS 1.3) as fatal",
        ),
        next_steps=(
            "Read the alert's name in the timeline: it tells which side objects to what",
            "tlsclose probe HOST:PORT --scenario initiate: is it sent without provocation too?",
            "certificate_required: give --cert and --key",
        ),
        users_see=(
            'OpenSSL "sslv3 alert ..." or "tlsv1 alert ..." with the alert\'s name',
            'GnuTLS "A TLS fatal alert has been received."',
            'Java "Received fatal alert: ..."',
            'Go "remote error: tls: ..."',
            'rustls "received fatal alert: ..."',
            'Windows "SEC_E_ILLEGAL_MESSAGE" for decode_error and unexpected_message',
        ),
        rules=(
            "RFC 9846 6.2 (TLS 1.3): close at once after an error alert; unknown alerts are errors",
            "RFC 5246 7.2.2 (TLS 1.2): close at once after a fatal alert and forget the session",
        ),
    ),
    Entry(
        code=Code.HALF_CLOSE_CUT,
        title="The answer was cut off because we had sent close_notify",
        meaning=(
            "In TLS 1.3 close_notify closes only the sender's own direction. The peer took it for "
            "the end of the whole connection and dropped an answer it still owed."
        ),
        why=(
            "A client that has nothing more to send and says so loses data. It works in TLS 1.2 "
            "tests and fails when TLS 1.3 is switched on, or the other way round."
        ),
        causes=(
            "the peer kept the TLS 1.2 habit: answer close_notify at once and discard writes",
            "a proxy turns close_notify into a full close of its other leg",
            "the framework closes the connection on end of file (Node without allowHalfOpen)",
        ),
        next_steps=(
            "Server authors: on end of data finish pending writes, then close_notify, then close",
            (
                "Java: jdk.tls.acknowledgeCloseNotify must be false. Node: allowHalfOpen: true. "
                "Go: keep writing after Read returns io.EOF"
            ),
            "Client authors: until the peer is fixed, send close_notify after the whole answer",
            "tlsclose probe HOST:PORT --scenario half-close --tls 1.2: compare with TLS 1.2",
        ),
        users_see=(
            "a short or empty answer, often without an error",
            'curl "curl: (18) transfer closed with outstanding read data remaining"',
            'Go "unexpected EOF"',
        ),
        rules=(
            "RFC 9846 6.1 (TLS 1.3): a close_notify has no effect on the receiver's write side",
            "RFC 5246 7.2.1 (TLS 1.2): the receiver must answer at once and discard pending writes",
        ),
    ),
    Entry(
        code=Code.DATA_AFTER_CLOSE,
        title="Application data from a side that had already sent close_notify",
        meaning="A side said that it would send nothing more and then sent more.",
        why=(
            "Receivers must ignore such data, so it is lost without an error on either side, or "
            "answered with a reset."
        ),
        causes=(
            "one thread writes while another closes",
            "the TLS library lets the application write after its own shutdown (Mbed TLS)",
            "a reused idle connection that this side had closed before",
            "clear text written into the socket behind the TLS library's back",
        ),
        next_steps=(
            (
                "Sender: make writing and closing exclusive; treat the TLS write side as gone "
                "after shutdown"
            ),
            "Connection pools: check for end of file before a connection is reused",
            "tlsclose probe HOST:PORT --repeat 20: races show in the distribution",
        ),
        users_see=(
            "missing data without an error",
            'BoringSSL "APPLICATION_DATA_ON_SHUTDOWN"',
            'OpenSSL "application data after close notify"',
            'Windows "SEC_E_CONTEXT_EXPIRED" where the sender\'s own library refuses the write',
        ),
        rules=(
            (
                "RFC 9846 6.1 (TLS 1.3): close_notify says that no more messages follow; whatever "
                "follows MUST be ignored"
            ),
            "RFC 5246 7.2.1 (TLS 1.2): data received after a closure alert is ignored",
        ),
    ),
    Entry(
        code=Code.DATA_LOST,
        title="Bytes that the peer wrote never arrived",
        meaning=(
            "The close crossed with data: the message's own framing, or the gap in the TCP "
            "sequence, proves that bytes are missing."
        ),
        why="This is no risk but a fact: the answer is incomplete.",
        causes=(
            "the sender closed with unread input, so its system sent RST and discarded its output",
            "the sender closed before its write buffer was flushed (write, close, exit)",
            "the process was killed, or a proxy in between timed out",
        ),
        next_steps=(
            (
                "Sender: flush, send close_notify, shut down the write side, read until the peer "
                "closes, then close"
            ),
            "nginx: lingering_close always and a lingering_timeout long enough for slow clients",
            "Receiver: record the message as incomplete and retry only what may be repeated",
            "tlsclose probe HOST:PORT --repeat 20 --pcap lost.pcapng: keep the evidence",
        ),
        users_see=(
            'curl "curl: (18) transfer closed with N bytes remaining to read"',
            'Python http.client "IncompleteRead(N bytes read, M more expected)"',
            'Go "unexpected EOF"',
            'Node "aborted"',
            'requests and urllib3 "Connection broken: IncompleteRead"',
        ),
        rules=(
            "RFC 9112 8: a message shorter than its framing MUST be treated as incomplete",
            "RFC 9112 9.6: a server that closes at once risks that a reset destroys its answer",
            "RFC 9293 3.6.1: closing with unread data causes the reset",
        ),
    ),
    Entry(
        code=Code.HANDSHAKE_FAILED,
        title="The connection ended before the handshake finished",
        meaning="One side gave up, by an alert, a FIN or an RST, before both Finished messages.",
        why="No application data was exchanged, so the close itself cannot be judged.",
        causes=(
            "no common version, cipher suite, group or ALPN name",
            "a certificate that one side rejects, or a client certificate that is missing",
            "the server knows no certificate for this server name (unrecognized_name)",
            "a port that speaks another protocol first (STARTTLS) or expects a PROXY header",
        ),
        next_steps=(
            "Read the alert's name in the timeline: its sender is the side that objected",
            "tlsclose probe HOST:PORT --tls 1.2, then --tls 1.3: is it the version?",
            "tlsclose probe HOST:PORT --sni NAME: is it the server name?",
            "mutual TLS: give --cert and --key",
        ),
        users_see=(
            'OpenSSL "sslv3 alert handshake failure", "tlsv1 alert protocol version"',
            'curl "curl: (35) ..."',
            'Java "Remote host terminated the handshake"',
            'Mbed TLS "MBEDTLS_ERR_SSL_CONN_EOF"',
            'Go "remote error: tls: handshake failure"',
        ),
        rules=(
            "RFC 9846 6.2 (TLS 1.3): send the right alert before closing on an error",
            "RFC 5246 7.2.2 (TLS 1.2): an error found in the handshake is announced by an alert",
        ),
    ),
    Entry(
        code=Code.NOT_TLS,
        title="What came was not TLS",
        meaning="The peer answered with bytes that are no TLS record.",
        why="Either the port or the protocol is the wrong one; there is no TLS close to judge.",
        causes=(
            "plain HTTP on the port (a redirect or '400 Bad Request' page)",
            "a protocol that greets first and upgrades later: SMTP, IMAP, POP3, FTP, MySQL",
            "SSH, or a proxy that expects CONNECT or a PROXY header first",
        ),
        next_steps=(
            "Try the port that speaks TLS from the first byte: 443, 465, 636, 853, 993, 995",
            "Server: switch TLS on for this port (nginx: listen ... ssl; Apache: SSLEngine on)",
        ),
        users_see=(
            'OpenSSL "wrong version number" or "http request"',
            'curl "SSL routines::wrong version number"',
            'GnuTLS "An unexpected TLS packet was received."',
            'Java "Unsupported or unrecognized SSL message"',
            'Go "tls: first record does not look like a TLS handshake"',
            'rustls "received corrupt message of type InvalidContentType"',
            'Node "wrong version number"',
        ),
        rules=("RFC 9846 5.1 (TLS 1.3) and RFC 5246 6.2.1 (TLS 1.2): the shape of a record",),
    ),
)
