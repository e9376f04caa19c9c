"""Whether an answer to a half-close, seen by an observer, is complete by its own framing."""

from dataclasses import replace

from tlsclose.core.event import Side
from tlsclose.core.message import Framing, Message
from tlsclose.net.http import Reader
from tlsclose.wire.answer import Answer


def answer_message(answer: Answer) -> Message | None:
    """The HTTP response; None where it is none, or where that cannot be told.

    Without a byte of body a response to HEAD looks the same. Chunks count only where all of them
    were read.
    """
    reader = Reader(Side.SERVER)
    reader.feed(answer.begins)
    if not reader.started or reader.malformed:
        return None
    message = reader.message()
    if message.complete is not False:
        return message if answer.whole else None
    if message.framing is Framing.CONTENT_LENGTH and message.expected is not None:
        return _counted(message, message.expected, answer)
    return message if answer.whole and message.bytes else None


def _counted(message: Message, expected: int, answer: Answer) -> Message | None:
    came = min(message.bytes + answer.size - len(answer.begins), expected)
    return replace(message, bytes=came, complete=came == expected) if came else None
