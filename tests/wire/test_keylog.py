import os
import stat
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.errors import KeyLogError
from tlsclose.wire import keylog
from tlsclose.wire.keylog import MAX_LABELS, KeyLog, KeyLogWriter

FIRST = bytes(range(32))
SECOND = bytes(range(32, 64))
MASTER = bytes(48)


def line(label="CLIENT_RANDOM", client_random=FIRST, secret=MASTER):
    return f"{label} {client_random.hex()} {secret.hex()}"


# ---- lines


@pytest.mark.parametrize(
    "text",
    [line(), line() + "\n", line() + "\r\n", "  " + line() + "  ", line().upper()],
    ids=["bare", "newline", "crlf", "spaces", "upper"],
)
def test_a_line_is_taken(text):
    keys = KeyLog()
    assert keys.add_line(text)
    assert keys.secret(FIRST, "CLIENT_RANDOM") == MASTER
    assert keys.lines() == (line(),)


@pytest.mark.parametrize("text", ["", "\n", "   ", "# a comment", "#", "  # indented"])
def test_blank_lines_and_comments_are_fine(text):
    keys = KeyLog()
    assert keys.add_line(text)
    assert keys.lines() == ()


MALFORMED = {
    "words": "not a key log line",
    "no secret": f"CLIENT_RANDOM {FIRST.hex()}",
    "empty secret": f"CLIENT_RANDOM {FIRST.hex()} ",
    "odd secret": f"CLIENT_RANDOM {FIRST.hex()} abc",
    "not hex": f"CLIENT_RANDOM {FIRST.hex()} zz",
    "short random": f"CLIENT_RANDOM {FIRST.hex()[2:]} {MASTER.hex()}",
    "long random": f"CLIENT_RANDOM {FIRST.hex()}00 {MASTER.hex()}",
    "lower-case label": f"client_random {FIRST.hex()} {MASTER.hex()}",
    "extra field": line() + " 00",
    "two lines": line() + "\n" + line(),
    "tab": line().replace(" ", "\t"),
    "old RSA label": f"RSA {bytes(8).hex()} {MASTER.hex()}",
    "wide digits": f"CLIENT_RANDOM {FIRST.hex()} １２",
    "too long": line(secret=bytes(keylog.MAX_LINE_BYTES)),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_refused(text):
    keys = KeyLog()
    assert not keys.add_line(text)
    assert keys.lines() == ()


NEAR_LINES = st.from_regex(r"[A-Z_]{1,14} ?([0-9a-f]{2}){31,33} ?[0-9a-f]{0,5}\s?", fullmatch=True)


@given(st.one_of(st.text(), NEAR_LINES))
def test_add_line_takes_any_text(text):
    keys = KeyLog()
    accepted = keys.add_line(text)
    meaningless = not text.strip() or text.strip().startswith("#")
    assert accepted is (meaningless or bool(keys.lines()))
    assert keys.lines() in ((), (text.strip(),))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["CLIENT_RANDOM", "SERVER_TRAFFIC_SECRET_0", "ECH_SECRET", "X_9"]),
            st.sampled_from([FIRST, SECOND]),
            st.binary(min_size=1, max_size=64),
        )
    )
)
def test_canonical_lines_rebuild_the_log(entries):
    keys = KeyLog()
    latest = {}
    for label, client_random, secret in entries:
        assert keys.add_line(line(label, client_random, secret))
        latest[client_random, label] = secret
    for wanted, secret in latest.items():
        assert keys.secret(*wanted) == secret
    again = KeyLog()
    assert all(again.add_line(text) for text in keys.lines())
    assert again.lines() == keys.lines()


def test_lines_of_one_connection():
    keys = KeyLog()
    texts = [line("A"), line("B", SECOND), line("C")]
    for text in texts:
        keys.add_line(text)
    assert keys.lines(FIRST) == (texts[0], texts[2])
    assert keys.lines(SECOND) == (texts[1],)
    assert keys.lines(bytes(32)) == ()
    assert keys.lines() == (texts[0], texts[2], texts[1])


def test_unknown_secrets_are_none():
    keys = KeyLog()
    keys.add_line(line())
    assert keys.secret(FIRST, "SERVER_TRAFFIC_SECRET_0") is None
    assert keys.secret(SECOND, "CLIENT_RANDOM") is None


def test_readers_beside_a_writer():
    keys = KeyLog()
    failures = []
    started, done = threading.Event(), threading.Event()

    def look():
        started.set()
        while not done.is_set():
            try:
                keys.lines()
                keys.secret(FIRST, "CLIENT_RANDOM")
            except RuntimeError as error:
                failures.append(error)
                return

    reader = threading.Thread(target=look)
    reader.start()
    started.wait(10)
    for number in range(2000):
        keys.add_line(line(client_random=number.to_bytes(32, "big")))
    done.set()
    reader.join(10)
    assert not failures


# ---- files


def test_read_names_malformed_lines(tmp_path):
    path = tmp_path / "keys.log"
    path.write_text(f"# log\n{line('A')}\nrubbish\n\n{line('B')}\nRSA 00 00", encoding="ascii")
    keys, warnings = KeyLog.read(path)
    assert keys.lines() == (line("A"), line("B"))
    assert warnings == (
        f"{path}:3: not a key log line, ignored",
        f"{path}:6: not a key log line, ignored",
    )


@pytest.mark.parametrize(
    "content",
    [
        line().encode(),
        line().encode() + b"\r\n",
        b"\xef\xbb\xbf" + line().encode() + b"\n",
        line().upper().encode() + b"\n\n",
    ],
    ids=["unfinished", "crlf", "byte order mark", "upper"],
)
def test_read_accepts(content, tmp_path):
    path = tmp_path / "keys.log"
    path.write_bytes(content)
    keys, warnings = KeyLog.read(path)
    assert (keys.lines(), warnings) == ((line(),), ())


def test_read_of_an_overlong_line_is_one_warning(tmp_path):
    path = tmp_path / "keys.log"
    overlong = line(secret=bytes(3 * keylog.MAX_LINE_BYTES))
    path.write_text(f"{overlong}\n{line()}\n", encoding="ascii")
    keys, warnings = KeyLog.read(path)
    assert keys.lines() == (line(),)
    assert warnings == (f"{path}:1: not a key log line, ignored",)


def test_read_takes_binary_and_bounds_its_warnings(tmp_path):
    path = tmp_path / "keys.log"
    path.write_bytes(bytes(range(256)) * 100 + b"\n" + line().encode() + b"\n")
    keys, warnings = KeyLog.read(path)
    assert keys.lines() == (line(),)
    assert len(warnings) == keylog.MAX_WARNINGS + 1
    assert warnings[-1].endswith("more malformed lines ignored")


def test_read_refuses_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(keylog, "MAX_FILE_BYTES", 1000)
    path = tmp_path / "keys.log"
    path.write_bytes(b"#" * 999 + b"\n")
    KeyLog.read(path)
    path.write_bytes(b"#" * 1000 + b"\n")
    with pytest.raises(KeyLogError, match="larger than"):
        KeyLog.read(path)


def test_read_of_what_cannot_be_read(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(KeyLogError, match=r"^cannot read key log .*: \w[\w ]+$"):
            KeyLog.read(path)


# ---- writing


def test_writer_appends_and_flushes_each_line(tmp_path):
    path = tmp_path / "keys.log"
    with KeyLogWriter(path) as writer:
        writer.add_line(line("A"))
        writer.add_line(line("B") + "\n")
        assert path.read_text() == f"{line('A')}\n{line('B')}\n"
    with KeyLogWriter(path) as writer:
        writer.add_line(line("C"))
    keys, warnings = KeyLog.read(path)
    assert (keys.lines(), warnings) == ((line("A"), line("B"), line("C")), ())


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX modes")
def test_writer_creates_a_file_for_its_owner_only(tmp_path):
    path = tmp_path / "keys.log"
    mask = os.umask(0)
    try:
        KeyLogWriter(path).close()
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_writer_that_cannot_open(tmp_path):
    for path in (tmp_path / "absent" / "keys.log", tmp_path):
        with pytest.raises(KeyLogError, match=r"^cannot write key log .*: \w[\w ]+$"):
            KeyLogWriter(path)


def test_writer_of_many_threads_keeps_lines_whole(tmp_path):
    path = tmp_path / "keys.log"
    with KeyLogWriter(path) as writer:

        def write(label):
            for number in range(200):
                writer.add_line(line(label, number.to_bytes(32, "big")))

        threads = [threading.Thread(target=write, args=(label,)) for label in "ABCD"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    keys, warnings = KeyLog.read(path)
    assert (len(keys.lines()), warnings) == (800, ())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_failed_write_is_told_on_close():
    from pathlib import Path

    writer = KeyLogWriter(Path("/dev/full"))
    writer.add_line(line())
    writer.add_line(line())
    with pytest.raises(KeyLogError, match="No space left"):
        writer.close()
    writer.close()


def test_writing_after_close_is_harmless(tmp_path):
    path = tmp_path / "keys.log"
    writer = KeyLogWriter(path)
    writer.close()
    writer.add_line(line())
    assert path.read_bytes() == b""


def test_a_connection_has_so_many_secrets_and_no_more():
    keys = KeyLog()
    for number in range(MAX_LABELS + 10):
        assert keys.add_line(f"LABEL_{number} {'ab' * 32} {'cd' * 32}")
    assert keys.add_line(f"LABEL_0 {'ab' * 32} {'ef' * 32}")
    assert len(keys.lines()) == MAX_LABELS
    assert keys.secret(bytes.fromhex("ab" * 32), "LABEL_0") == bytes.fromhex("ef" * 32)
    assert keys.secret(bytes.fromhex("ab" * 32), f"LABEL_{MAX_LABELS}") is None
