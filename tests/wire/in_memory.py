"""A capture file that is bytes in memory."""


class Bytes:
    """A source that ends where the bytes end."""

    live = False

    def __init__(self, data):
        self.data = memoryview(data)

    def fill(self, into):
        part = self.data[: len(into)]
        into[: len(part)] = part
        self.data = self.data[len(part) :]
        return len(part)
