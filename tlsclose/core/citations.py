"""The rule and section that each verdict rests on, for TLS 1.3 and for TLS up to 1.2."""

from typing import Final

from tlsclose.core.verdict import Code

_RULES_OF_TLS13: Final = {
    Code.CLEAN: "RFC 9846 6.1",
    Code.INCOMPLETE_CLOSE: "RFC 9846 6.1: close_notify before closing the write side",
    Code.PREMATURE_CLOSE: "RFC 9846 6.1: close_notify before closing the write side; RFC 9112 9.8",
    Code.RESET: "RFC 9846 6.1; RFC 9293 3.6.1",
    Code.RESET_AFTER_CLOSE: "RFC 9293 3.6.1: reset on data after close",
    Code.FATAL_ALERT: "RFC 9846 6.2",
    Code.NO_ANSWER: "RFC 9846 6.1: an answer is not required before the peer closes",
    Code.HALF_CLOSE_CUT: "RFC 9846 6.1: close_notify does not touch the peer's write side",
    Code.DATA_AFTER_CLOSE: "RFC 9846 6.1: data after a closure alert must be ignored",
    Code.DATA_LOST: "RFC 9112 9.6; RFC 9293 3.6.1",
    Code.HANDSHAKE_FAILED: "RFC 9846 6.2",
    Code.NOT_TLS: "RFC 9846 5.1",
    Code.CAPTURE_INCOMPLETE: "no rule: the capture decides",
    Code.UNDETERMINED: "no rule: the records are sealed",
}
_RULES_OF_TLS12: Final = {
    **_RULES_OF_TLS13,
    Code.CLEAN: "RFC 5246 7.2.1",
    Code.INCOMPLETE_CLOSE: "RFC 5246 7.2.1: answer close_notify with close_notify at once",
    Code.PREMATURE_CLOSE: "RFC 5246 7.2.1: close_notify before closing; RFC 9112 9.8",
    Code.RESET: "RFC 5246 7.2.1; RFC 9293 3.6.1",
    Code.FATAL_ALERT: "RFC 5246 7.2.2",
    Code.NO_ANSWER: "RFC 5246 7.2.1: answer close_notify with close_notify at once",
    Code.DATA_AFTER_CLOSE: "RFC 5246 7.2.1: data after a closure alert is ignored",
    Code.HANDSHAKE_FAILED: "RFC 5246 7.2.2",
    Code.NOT_TLS: "RFC 5246 6.2.1",
}

FREE_TO_STAY: Final = "no rule: TLS does not say when to close"
"""For silence that nobody's close_notify asked to end."""


def citation(code: Code, *, tls13: bool) -> str:
    return (_RULES_OF_TLS13 if tls13 else _RULES_OF_TLS12)[code]
