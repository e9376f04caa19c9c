import socket
import threading

import pytest

from tlsclose.net import resolve as module
from tlsclose.net.address import address_text
from tlsclose.net.resolve import resolve
from tlsclose.net.settings import Family


def answer(monkeypatch, found):
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_: found)


def entry(family, *sockaddr):
    return family, socket.SOCK_STREAM, 6, "", sockaddr


def test_addresses_in_the_resolvers_order_and_once(monkeypatch):
    v6 = entry(socket.AF_INET6, "::1", 443, 0, 0)
    v4 = entry(socket.AF_INET, "127.0.0.1", 443)
    answer(monkeypatch, [v6, v4, v6])
    found = resolve("localhost", 443, Family.ANY, 5)
    assert [(address.ip, address.port, address.family) for address in found] == [
        ("::1", 443, socket.AF_INET6),
        ("127.0.0.1", 443, socket.AF_INET),
    ]
    assert found[0].sockaddr == ("::1", 443, 0, 0)


@pytest.mark.parametrize(
    ("host", "family", "reason"),
    [
        ("no-such-host.invalid", Family.ANY, "cannot resolve no-such-host.invalid: "),
        ("127.0.0.1", Family.V6, "cannot resolve 127.0.0.1 (IPv6): "),
        ("::1", Family.V4, "cannot resolve ::1 (IPv4): "),
        ("a" * 300, Family.ANY, "cannot resolve aaa"),
        ("a\0b", Family.ANY, "cannot resolve a"),
    ],
)
def test_failure_is_one_line(host, family, reason):
    found = resolve(host, 1, family, 20)
    assert isinstance(found, str)
    assert found.startswith(reason)
    assert "\n" not in found


def test_name_server_that_does_not_answer(monkeypatch):
    held = threading.Event()
    monkeypatch.setattr(module.socket, "getaddrinfo", lambda *_: [held.wait(20)][1:])
    found = resolve("slow.example", 1, Family.ANY, 0.01)
    held.set()
    assert found == "no answer from the resolver for slow.example within 0.01 s"


@pytest.mark.parametrize(
    ("ip", "text"), [("127.0.0.1", "127.0.0.1:1"), ("::1", "[::1]:1"), ("x.example", "x.example:1")]
)
def test_address_text(ip, text):
    assert address_text(ip, 1) == text
