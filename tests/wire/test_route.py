"""The interface the kernel names, against what its own addresses and `ip route get` say."""

import contextlib
import errno
import json
import os
import socket
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsclose.errors import CaptureDeniedError, UsageError
from tlsclose.wire import route
from tlsclose.wire.route import interface_for

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_PACKET"), reason="Linux only")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"])
def test_loopback(address):
    assert interface_for(address) == "lo"


@pytest.mark.peer("ip")
def test_own_addresses_are_local():
    interfaces = json.loads(subprocess.check_output(["ip", "-json", "address", "show", "up"]))
    own = [
        info["local"]
        for interface in interfaces
        for info in interface.get("addr_info", [])
        if info["scope"] == "global"
    ]
    if not own:
        pytest.skip("no address but the loopback one")
    assert {interface_for(address) for address in own} == {"lo"}


@pytest.mark.peer("ip")
@pytest.mark.parametrize("address", ["192.0.2.77", "198.51.100.1", "2001:db8::77"])
def test_agrees_with_the_ip_command(address):
    answer = subprocess.run(
        ["ip", "-json", "route", "get", address], capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        assert interface_for(address) == json.loads(answer.stdout)[0]["dev"]
    else:
        with pytest.raises(CaptureDeniedError, match="no route to"):
            interface_for(address)


def test_scope_names_the_interface():
    assert interface_for("fe80::1%lo") == "lo"
    assert interface_for(f"fe80::1%{socket.if_nametoindex('lo')}") == "lo"


@pytest.mark.parametrize(
    "address",
    ["", "example.org", "127.0.0.1:80", "fe80::1%nowhere", "fe80::1%99999999999999", "::1%\0"],
)
def test_bad_addresses(address):
    with pytest.raises(UsageError):
        interface_for(address)


def reply(*, kind=24, route_type=1, attributes=b""):
    body = struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 0, 0, 0, route_type, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def test_output_interface_is_found_behind_others():
    attributes = attribute(1, b"\x7f\0\0\1") + attribute(9, b"abc") + attribute(4, b"\7\0\0\0")
    assert route._output_interface(reply(attributes=attributes)) == 7


@pytest.mark.parametrize(
    "answer",
    [
        reply(),
        reply(kind=3),
        reply(route_type=7, attributes=attribute(4, b"\1\0\0\0")),
        reply(attributes=struct.pack("=HH", 0, 1) * 5),
    ],
    ids=["no interface", "another message", "unreachable", "empty attributes"],
)
def test_answers_without_a_way(answer):
    with pytest.raises(ValueError, match=r"interface|forbids"):
        route._output_interface(answer)


def test_error_answer_carries_its_reason():
    answer = struct.pack("=IHHIIi", 20, 2, 0, 1, 0, -errno.ENETUNREACH)
    with pytest.raises(OSError, match=os.strerror(errno.ENETUNREACH)):
        route._output_interface(answer)


@given(st.binary(max_size=200))
def test_any_answer_is_a_number_or_a_known_error(answer):
    with contextlib.suppress(OSError, ValueError, struct.error):
        assert isinstance(route._output_interface(answer), int)


def test_scapy_answers_elsewhere(monkeypatch):
    import scapy.route
    import scapy.route6  # noqa: F401
    from scapy.config import conf

    conf.route.resync()
    monkeypatch.setattr(route, "_ROUTE_NETLINK", False)
    assert interface_for("127.0.0.1") == "lo"
    assert interface_for("::1") == "lo"
