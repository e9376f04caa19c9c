"""The error tree. Each carries one line that says what is wrong and what to do.

Network trouble is data (`Unobserved`), not an exception: only bad usage and broken files raise.
"""


class TlscloseError(Exception):
    """Base of all errors that tlsclose raises on purpose."""


class UsageError(TlscloseError):
    """Bad target, option, file or configuration: exit code 2."""


class CaptureDeniedError(TlscloseError):
    """Packets cannot be captured on this machine by this user."""


class KeyLogError(UsageError):
    """A key log cannot be read or written."""


class CaptureFileError(TlscloseError):
    """A file is no capture, or damaged at some place: what came before it was read."""
