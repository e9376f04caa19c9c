import socket
import sys

import pytest

from tlsclose.net import tcp_info as module
from tlsclose.net.tcp_info import tcp_info

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="TCP_INFO of Linux")


@linux
def test_bytes_and_end_of_a_connection():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    with client, peer:
        peer.sendall(b"x" * 1000)
        assert client.recv(1000, socket.MSG_WAITALL)
        client.sendall(b"y")  # carries the acknowledgement
        assert peer.recv(1)
        assert tcp_info(peer).bytes_acked == 1000
        assert not tcp_info(peer).closed
        peer.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        client.shutdown(socket.SHUT_WR)
        assert peer.recv(1) == b""
        while not tcp_info(client).closed:
            pass


@linux
def test_no_tcp_socket():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert tcp_info(sock) is None


class Old:
    """A kernel whose structure ends before the field."""

    @staticmethod
    def getsockopt(*_):
        return bytes(104)


@linux
def test_old_kernel():
    assert tcp_info(Old()) is None


def test_other_systems_are_not_asked(monkeypatch):
    monkeypatch.setattr(module.sys, "platform", "win32")
    assert tcp_info(None) is None
