"""What the findings beside a verdict mean: text as data."""

from typing import Final

from tlsclose.core.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingNote:
    """One finding code, explained."""

    code: str
    meaning: str
    next_step: str


_ALL: Final = (
    FindingNote(
        code="message-incomplete",
        meaning="The last message lacks its end by its own framing (Content-Length, chunks).",
        next_step="Treat it as incomplete (RFC 9112 8); look at who closed first and why.",
    ),
    FindingNote(
        code="duplicate-close-notify",
        meaning="A side sent close_notify more than once. Receivers ignore the second one.",
        next_step="Call the shutdown function once; a second call should only wait (RFC 9846 6.1).",
    ),
    FindingNote(
        code="close-notify-level",
        meaning="close_notify came with level fatal. It is a closure all the same, but GnuTLS "
        "drops the session.",
        next_step="Send it with level warning, a MUST of RFC 9846 6.1.",
    ),
    FindingNote(
        code="user-canceled",
        meaning="user_canceled came before close_notify, as from Java on every TLS 1.3 close. It "
        "is meant for a cancelled handshake; GnuTLS takes it for fatal.",
        next_step="Java: half-close with shutdownOutput() instead of close().",
    ),
    FindingNote(
        code="sent-after-alert",
        meaning="A side sent records after its own close_notify or fatal alert.",
        next_step="Stop writing once the write side is closed (RFC 9846 6.1, 6.2).",
    ),
    FindingNote(
        code="fatal-alert-sent",
        meaning="A fatal alert was sent while the connection was closing, such as decode_error "
        "from OpenSSL 3 in reply to a FIN without close_notify.",
        next_step="Look at what came right before it: the alert's receiver caused it.",
    ),
    FindingNote(
        code="reset-followed",
        meaning="An RST came after the close had been decided. It changes nothing for the data.",
        next_step="tlsclose explain reset-after-close",
    ),
    FindingNote(
        code="tcp-left-open",
        meaning="A side ended TLS but kept the TCP connection open until the deadline.",
        next_step="Close the socket after the TLS shutdown, or the peer has to time out.",
    ),
    FindingNote(
        code="response-discarded",
        meaning="In TLS 1.2 a side dropped what it still had to send when close_notify came. RFC "
        "5246 7.2.1 demands that.",
        next_step="Do not half-close in TLS 1.2: send close_notify after the whole answer.",
    ),
    FindingNote(
        code="witnesses-disagree",
        meaning="The TLS API tells of a close_notify that the packets do not show. The verdict "
        "rests on the packets.",
        next_step="Run again with --pcap and keep the file; if it repeats, report it.",
    ),
    FindingNote(
        code="unprotected-alert",
        meaning="An alert in the clear on a connection that has keys. A TLS stack rejects it, and "
        "anybody on the path can write one, so it moves no verdict.",
        next_step="Find out who writes it: capture at both ends and compare.",
    ),
    FindingNote(
        code="stray-reset",
        meaning="An RST that its receiver ignores: outside its window, or both sides went on. It "
        "moves no verdict; anybody on the path, or a late packet, can be its source.",
        next_step="Capture at both ends and compare: one of them did not send it.",
    ),
    FindingNote(
        code="capture-gap",
        meaning="Packets are missing from the capture; the TLS API made up for them.",
        next_step="Less load, or --capture tap, which needs no packets.",
    ),
    FindingNote(
        code="capture-note",
        meaning="What limits or colours the packets' testimony: not sniffed although that was "
        "wanted, repeated, out of order, keys that do not fit.",
        next_step="tlsclose doctor; for a file, capture again from the first packet on",
    ),
    FindingNote(
        code="connection-lost",
        meaning="Our own system gave up on the TCP connection (a timeout, an unreachable host). "
        "Neither side ended it.",
        next_step="Look at the network between the two; run again with --repeat.",
    ),
    FindingNote(
        code="packets-dropped",
        meaning="The kernel dropped packets before they could be read.",
        next_step="Less load, or --capture tap, which needs no packets.",
    ),
    FindingNote(
        code="certificate-unverified",
        meaning="The peer's certificate does not verify. The close was judged all the same.",
        next_step="--cafile names the roots to trust; --verify makes this fatal.",
    ),
)

FINDING_NOTES: Final = {note.code: note for note in _ALL}
