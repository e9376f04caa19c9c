"""Sniffed TLS with its keys in one file: tshark names the alerts without being told anything."""

import datetime
import socket
import ssl
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.wire.live import capture, listener, sniffing
from tlsclose.wire.pcapng import PcapngWriter


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """A file with a key and its self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("identity") / "identity.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def serve(server, identity):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    connection, _ = server.accept()
    with context.wrap_socket(connection, server_side=True) as tls:
        tls.sendall(tls.recv(100))
        tls.unwrap()


def close_both_sides(server, identity, version, keylog):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.keylog_filename = str(keylog)
    thread = threading.Thread(target=serve, args=(server, identity))
    thread.start()
    with socket.create_connection(server.getsockname()[:2]) as plain:
        tls = context.wrap_socket(plain)
        tls.sendall(b"ping")
        assert tls.recv(100) == b"ping"
        tls.unwrap().close()
    thread.join()


@capture
@pytest.mark.peer("tshark")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tshark_names_both_close_notify(tmp_path, identity, version):
    path, keylog = tmp_path / "close.pcapng", tmp_path / "keys"
    writer = PcapngWriter(path)
    with listener("127.0.0.1") as server:
        port = server.getsockname()[1]
        with sniffing(port, on_frame=lambda frame: writer.frame(frame, "lo")):
            close_both_sides(server, identity, version, keylog)
    writer.finish(keylog.read_text().splitlines())
    command = ["tshark", "-r", str(path), "-d", f"tcp.port=={port},tls"]
    command += ["-Y", "tls.alert_message", "-T", "fields", "-e", "tcp.dstport"]
    command += ["-e", "tls.alert_message.desc"]
    output = subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL)
    rows = [line.split("\t") for line in output.splitlines()]
    assert [alert for _, alert in rows] == ["0", "0"]
    assert sum(target == str(port) for target, _ in rows) == 1
