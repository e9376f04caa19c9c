import math

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.cli.values import (
    AlpnNames,
    OutputType,
    RequestType,
    ScenarioType,
    Seconds,
    ServerName,
    TargetType,
    UrlPath,
    Visible,
)
from tlsclose.errors import UsageError

TYPES = (
    AlpnNames(),
    OutputType(),
    RequestType(),
    ScenarioType(several=True),
    Seconds(),
    ServerName(),
    TargetType(),
    UrlPath(),
    Visible("text"),
)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: type(kind).__name__)
@given(text=st.text() | st.sampled_from(["hex:", "@", "@\0", "json=", "json=\0", "1e400", "-0"]))
def test_any_text_is_a_value_or_refused(kind, text):
    try:
        kind.convert(text, None, None)
    except (click.UsageError, UsageError) as error:
        refused = str(error)
    else:
        refused = None
    assert refused is None or refused


@given(st.floats())
def test_seconds_are_finite_and_bounded(number):
    try:
        seconds = Seconds().convert(str(number), None, None)
    except click.UsageError:
        seconds = 1.0
    assert math.isfinite(seconds)
    assert 0 < seconds <= 3600


@given(st.text())
def test_a_path_never_splits_the_request_line(text):
    try:
        path = UrlPath().convert(f"/{text}", None, None)
    except click.UsageError:
        path = "/"
    assert path.isascii()
    assert path.isprintable()
    assert " " not in path
