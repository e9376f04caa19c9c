import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.core.alert import Alert, AlertDescription


@pytest.mark.parametrize(
    ("level", "description", "text"),
    [
        (1, 0, "warning close_notify"),
        (2, 50, "fatal decode_error"),
        (2, 117, "fatal general_error"),
        (1, 90, "warning user_canceled"),
        (3, 0, "level-3 close_notify"),
        (0, 200, "level-0 alert-200"),
    ],
)
def test_names(level, description, text):
    assert str(Alert(level, description)) == text


@pytest.mark.parametrize(
    ("level", "description", "in_tls13", "in_tls12"),
    [
        pytest.param(1, 0, False, False, id="close_notify"),
        pytest.param(2, 0, False, False, id="TLS-05 close_notify of level fatal still closes"),
        pytest.param(1, 90, False, False, id="TLS-13 user_canceled"),
        pytest.param(2, 90, False, False, id="user_canceled of level fatal"),
        pytest.param(2, 50, True, True, id="decode_error"),
        pytest.param(1, 50, True, False, id="TLS-20 error alert whatever its level"),
        pytest.param(1, 112, True, False, id="unrecognized_name as a warning"),
        pytest.param(1, 200, True, False, id="TLS-19 unknown alerts are errors"),
        pytest.param(2, 200, True, True, id="unknown and fatal"),
        pytest.param(9, 80, True, True, id="unknown level is no warning"),
    ],
)
def test_what_ends_a_connection(level, description, in_tls13, in_tls12):
    alert = Alert(level, description)
    assert (alert.is_error(tls13=True), alert.is_error(tls13=False)) == (in_tls13, in_tls12)


def test_close_notify_is_known_by_its_description_alone():
    assert all(Alert(level, 0).is_close_notify for level in range(256))
    assert not any(Alert(1, description).is_close_notify for description in range(1, 256))


@given(st.integers(0, 255), st.integers(0, 255), st.booleans())
def test_any_two_bytes_have_a_name_and_a_meaning(level, description, tls13):
    alert = Alert(level, description)
    known = description in {item.value for item in AlertDescription}
    assert alert.name.startswith("alert-") is not known
    assert not (alert.is_close_notify and alert.is_error(tls13=tls13))
