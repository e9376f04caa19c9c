"""Closes as they happen: what everyone saw, and the verdict that everyone must come to.

TLS-n, TCP-n and HTTP-n number the requirements of RFC 9846 6, 5246 7.2, 9293 3.6 and 9112 9.
"""

from tests.core.playbook import COMPLETE, CUT

BOTH = ("1.2", "1.3")
STORIES = {
    # id: (script, versions, message, code, blame)
    "TLS-01 proper close": (
        "client close_notify; server close_notify; server fin; client fin",
        BOTH, None, "clean", None,
    ),
    "TLS-01 server first": (
        "server app_data; server close_notify; server fin; client close_notify; client fin",
        BOTH, COMPLETE, "clean", None,
    ),
    "TLS-01 bare FIN first": (
        "server app_data; server fin; client close_notify; client fin",
        BOTH, COMPLETE, "premature-close", "server",
    ),
    "TLS-01 bare FIN in answer to close_notify": (
        "client close_notify; pause 5ms; server fin; client fin",
        BOTH, None, "premature-close", "server",
    ),
    "TLS-01 bare FIN after a proper FIN": (
        "client close_notify; client fin; server fin",
        BOTH, None, "incomplete-close", "server",
    ),
    "HTTP-01 client closes without": (
        "server app_data; client fin; server close_notify; server fin",
        BOTH, COMPLETE, "premature-close", "client",
    ),
    "TLS-09 closing without waiting": (
        "client close_notify; client fin; server close_notify; server fin",
        BOTH, None, "clean", None,
    ),
    "TLS-01 neither": ("server fin; client fin", BOTH, None, "premature-close", "server"),
    "TLS-05 close_notify of level fatal": (
        "client close_notify fatal; server close_notify; server fin; client fin",
        BOTH, None, "clean", None,
    ),
    "TLS-13 user_canceled then close_notify": (
        ("client alert warning user_canceled; client close_notify; server close_notify; "
        "server fin; client fin"),
        BOTH, None, "clean", None,
    ),
    "TLS-13 user_canceled alone": (
        "client alert warning user_canceled; client fin; server fin",
        BOTH, None, "premature-close", "client",
    ),
    "TLS-14 user_canceled taken for fatal": (
        ("client alert warning user_canceled; client close_notify; pause 5ms; "
        "server alert fatal unexpected_message; server fin; client fin"),
        BOTH, None, "fatal-alert", None,
    ),
    "TLS-03 duplicate close_notify": (
        "client close_notify; client close_notify; server close_notify; server fin; client fin",
        BOTH, None, "clean", None,
    ),
    "TLS-05 close_notify of level fatal answered with an alert": (
        ("client close_notify fatal; client fin; pause 5ms; "
        "server alert fatal unexpected_message; server fin"),
        BOTH, None, "fatal-alert", None,
    ),
    "TLS-16 fatal alert": (
        "server alert fatal bad_record_mac; server fin; client fin",
        BOTH, CUT, "fatal-alert", None,
    ),
    "TLS-16 fatal alert, then reset": (
        "server alert fatal bad_record_mac; server rst", BOTH, None, "fatal-alert", None,
    ),
    "TLS-19 unknown alert": (
        "server alert warning 200; server fin; client fin", ("1.3",), None, "fatal-alert", None,
    ),
    "TLS-19 unknown warning": (
        "server alert warning 200; server close_notify; server fin; client close_notify",
        ("1.2",), None, "clean", None,
    ),
    "OpenSSL complains about a bare FIN": (
        "server app_data; server fin; pause 5ms; client alert fatal decode_error; client fin",
        BOTH, None, "premature-close", "server",
    ),
    "OpenSSL complains about a bare FIN and is reset": (
        "server fin; pause 5ms; client alert fatal decode_error; client fin; server rst",
        BOTH, None, "premature-close", "server",
    ),
    "OpenSSL complains about a bare FIN of a client": (
        "client fin; pause 5ms; server alert fatal decode_error; server fin",
        BOTH, None, "premature-close", "client",
    ),
    "a real alert crosses a later FIN": (
        "server alert fatal decode_error; server fin; client alert fatal decode_error; client fin",
        BOTH, None, "fatal-alert", None,
    ),
    "TCP-03 reset before any close_notify": (
        "server app_data; server rst", BOTH, None, "reset", "server",
    ),
    "TCP-02 reset after one close_notify": (
        "server app_data; client close_notify; pause 5ms; server rst",
        BOTH, None, "reset", "server",
    ),
    "TCP-02 reset by the only one who notified": (
        "server app_data; server close_notify; server rst", BOTH, None, "reset", "server",
    ),
    "reset after both": (
        "client close_notify; server close_notify; server fin; client rst",
        BOTH, None, "reset-after-close", "client",
    ),
    "reset by the side that notified last": (
        "client close_notify; pause 5ms; server close_notify; server rst",
        BOTH, None, "reset-after-close", "server",
    ),
    "TCP-02 reset in reply to a late close_notify": (
        "server close_notify; server fin; client close_notify; pause 5ms; server rst",
        BOTH, None, "clean", None,
    ),
    "two resets after both": (
        "client close_notify; server close_notify; pause 5ms; client rst; server rst",
        BOTH, None, "reset-after-close", "client",
    ),
    "reset in reply to what came after a bare FIN": (
        "server app_data; server fin; client close_notify; pause 5ms; server rst",
        BOTH, COMPLETE, "premature-close", "server",
    ),
    "reset by the side that saw a bare FIN": (
        "server fin; pause 5ms; client rst", BOTH, None, "premature-close", "server",
    ),
    "reset in answer to a proper close": (
        "server close_notify; server fin; pause 5ms; client rst", BOTH, None, "reset", "client",
    ),
    "TLS-07 no answer where it is demanded": (
        "client close_notify; server timeout 5s; client fin", ("1.2",), None, "no-answer", "server",
    ),
    "TLS-09 no answer where it is not": (
        "client close_notify; server timeout 5s; client fin", ("1.3",), None, "no-answer", None,
    ),
    "no answer to close_notify and FIN": (
        "client close_notify; client fin; server timeout 5s", ("1.2",), None, "no-answer", "server",
    ),
    "nobody closes": ("server app_data; server timeout 5s", BOTH, None, "no-answer", None),
    "closed by us after a vain wait": (
        "server timeout 5s; client close_notify; server close_notify; server fin; client fin",
        BOTH, None, "no-answer", None,
    ),
    "the answer comes too late": (
        "client close_notify; server timeout 5s; server close_notify; server fin; client fin",
        ("1.2",), None, "no-answer", "server",
    ),
    "a slow response and then a proper close": (
        ("server timeout 5s response; client close_notify; server close_notify; server fin; "
        "client fin"),
        BOTH, CUT, "clean", None,
    ),
    "no response and no answer": (
        "server timeout 5s response; client close_notify; server timeout 5s close_notify",
        ("1.2",), None, "no-answer", "server",
    ),
    "TLS-08 no response to a half-close": (
        "client app_data; client close_notify; server timeout 5s response; client fin",
        ("1.2",), None, "no-answer", "server",
    ),
    "no response and nobody closes": (
        "server timeout 5s response", BOTH, None, "no-answer", None,
    ),
    "a wait after close_notify for FIN": (
        "client close_notify; server close_notify; server timeout 3s fin; client fin",
        BOTH, COMPLETE, "clean", None,
    ),
    "silence after a bare FIN": (
        "client fin; server timeout 5s", BOTH, None, "premature-close", "client",
    ),
    "silence after a reset": ("client rst; server timeout 5s", BOTH, None, "reset", "client"),
    "TLS-08 half-close cut": (
        ("client app_data; client close_notify; pause 5ms; server app_data; server close_notify; "
        "server fin; client fin"),
        ("1.3",), CUT, "half-close-cut", "server",
    ),
    "TLS-08 half-close cut by FIN": (
        "client app_data; client close_notify; pause 5ms; server fin; client fin",
        ("1.3",), CUT, "half-close-cut", "server",
    ),
    "TLS-08 half-close cut by reset": (
        "client app_data; client close_notify; pause 5ms; server rst",
        ("1.3",), CUT, "half-close-cut", "server",
    ),
    "TLS-08 half-close cut after a slow request": (
        "client timeout 1s request; client app_data; client close_notify; pause 5ms; server fin",
        ("1.3",), CUT, "half-close-cut", "server",
    ),
    "TLS-07 discard is the law": (
        ("client app_data; client close_notify; pause 5ms; server close_notify; server fin; "
        "client fin"),
        ("1.2",), CUT, "clean", None,
    ),
    "TLS-08 half-close served": (
        ("client app_data; client close_notify; pause 5ms; server app_data; server close_notify; "
        "server fin; client fin"),
        BOTH, COMPLETE, "clean", None,
    ),
    "the server closes before it is asked to": (
        "server close_notify; server fin; client close_notify; client fin",
        BOTH, CUT, "clean", None,
    ),
    "a short response that nobody cut": (
        "server app_data; server close_notify; server fin; client close_notify; client fin",
        BOTH, CUT, "clean", None,
    ),
    "the asker resets its own half-close": (
        "client app_data; client close_notify; client rst; server rst",
        ("1.3",), CUT, "reset", "client",
    ),
}  # fmt: skip
