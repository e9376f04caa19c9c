"""What tests ask of the operating system, and how they interrupt a child on each."""

import ctypes
import signal
import subprocess
import sys
from typing import Any, Final

WINDOWS: Final = sys.platform == "win32"


def on_wine() -> bool:
    """Whether this Windows is Wine, which names itself in ntdll."""
    return sys.platform == "win32" and hasattr(ctypes.windll.ntdll, "wine_get_version")


INTERRUPTIBLE: Final[dict[str, Any]] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)} if WINDOWS else {}
)
"""Popen's arguments for a child that `interrupt` is meant for."""


def interrupt(process: "subprocess.Popen[Any]") -> None:
    """As a user would: Ctrl-C, or Ctrl-Break, the only one that a group of its own gets."""
    process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
