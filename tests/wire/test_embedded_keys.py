"""Key logs inside captures: taken within bounds, and what is wrong is told."""

from tlsclose.wire import embedded_keys
from tlsclose.wire.embedded_keys import EmbeddedKeys
from tlsclose.wire.keylog import MAX_WARNINGS, KeyLog


def line(number):
    return f"CLIENT_RANDOM {number:064x} {'ab' * 48}\n".encode()


def test_lines_that_are_none():
    embedded = EmbeddedKeys("it", keys := KeyLog())
    embedded.add(line(1) + b"noise\n" * (MAX_WARNINGS + 5) + line(2))
    assert len(keys.lines()) == 2
    assert len(embedded.warnings) == MAX_WARNINGS
    assert embedded.warnings[0] == "it: embedded key log, line 2: not a key log line, ignored"


def test_no_more_than_fits(monkeypatch):
    monkeypatch.setattr(embedded_keys, "MAX_EMBEDDED_BYTES", 2 * len(line(1)))
    embedded = EmbeddedKeys("it", keys := KeyLog())
    for number in range(5):
        embedded.add(line(number))
    assert len(keys.lines()) == 2
    [warning] = embedded.warnings
    assert warning.startswith("it: more than 0 MiB of keys")
