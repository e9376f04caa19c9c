"""Whatever a peer puts into a report, printing it neither fails, nor overflows, nor styles."""

import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.report.examples import EXAMPLES
from tlsclose.core.alert import Alert
from tlsclose.core.event import Event, Kind, Side, Source
from tlsclose.core.report import Report, TargetInfo, TlsInfo
from tlsclose.core.teardown import walk
from tlsclose.report.text import UNBROKEN, make_console, print_report, print_summary

TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
ROLES = ("clean", "await-as-server", "observed-inferred")
ESCAPES = ("\x1b", "\x9b", "\u202e", "\u200b")

EVENTS = st.lists(
    st.builds(
        Event,
        at_ns=st.integers(0, 10**13),
        sender=st.sampled_from(Side),
        kind=st.sampled_from(Kind),
        source=st.sampled_from(Source),
        detail=TEXT,
        note=TEXT,
        alert=st.none()
        | st.builds(Alert, level=st.integers(0, 255), description=st.integers(0, 255)),
        bytes=st.integers(0, 10**12),
        count=st.integers(1, 10**6),
        packet=st.none() | st.integers(1, 10**9),
        waited_ns=st.none() | st.integers(0, 10**12),
    ),
    max_size=30,
)


def printed(report: Report, *, width: int = 80, verbosity: int = 0, encoding: str = "utf-8") -> str:
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding=encoding, newline="\n")
    console = make_console(color="never", file=file, width=width, environ={})
    print_report(report, console, verbosity=verbosity)
    print_summary([report, report], console)
    file.flush()
    return buffer.getvalue().decode(encoding)


def bound(width, verbosity):
    """A quiet verdict is one line, however long."""
    return width if verbosity >= 0 else UNBROKEN


def check(text: str, width: int) -> None:
    assert max(map(cell_len, text.splitlines())) <= width
    assert not any(escape in text for escape in ESCAPES)
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("verbosity", [-1, 0, 1, 2])
@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_examples_fit(name, verbosity, width):
    check(printed(EXAMPLES[name](), width=width, verbosity=verbosity), bound(width, verbosity))


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("encoding", ["ascii", "cp437", "latin-1"])
def test_examples_print_where_only_ascii_can(name, encoding):
    text = printed(EXAMPLES[name](), encoding=encoding)
    assert text.isascii()
    check(text, 80)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ROLES), TEXT, TEXT, st.integers(-1, 2), st.sampled_from(["utf-8", "ascii"]))
def test_any_text_from_a_peer(name, host, detail, verbosity, encoding):
    base = EXAMPLES[name]()
    report = replace(
        base,
        target=TargetInfo(host=host, port=443),
        tls=TlsInfo(version="1.3", cipher=detail, alpn=host),
        events=tuple(replace(event, detail=detail, note=host) for event in base.events),
        steps=tuple(replace(step, native=detail) for step in base.steps),
        actions=tuple(replace(action, detail=detail) for action in base.actions),
        verdict=replace(base.verdict, summary=detail),
    )
    check(printed(report, verbosity=verbosity, encoding=encoding), bound(80, verbosity))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ROLES), EVENTS, st.integers(-1, 2), st.integers(40, 120))
def test_any_events(name, events, verbosity, width):
    ordered = tuple(sorted(events, key=lambda event: event.at_ns))
    report = replace(EXAMPLES[name](), events=ordered, close=walk(ordered, tls13=True))
    check(printed(report, width=width, verbosity=verbosity), bound(width, verbosity))
