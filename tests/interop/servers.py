"""The servers that tlsclose is measured against, as one table."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.interop.certs import PASSWORD, Identity
from tests.interop.process import Peer, free_port, running

PEERS: Final = Path(__file__).parent / "peers"
VERSIONS: Final = ("1.2", "1.3")
GNUTLS_PRIORITY: Final = "NORMAL:-VERS-ALL:+VERS-TLS{version}"
S_SERVER_FLAG: Final = {"1.2": "-tls1_2", "1.3": "-tls1_3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a server's command line is made from."""

    port: int
    version: str
    identity: Identity
    folder: Path
    classes: Path | None
    """Where the compiled Java peers are; None where Java is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One kind of server."""

    name: str
    program: str
    """What must be on the machine."""
    command: Callable[[Setting], list[str]]

    @contextlib.contextmanager
    def start(
        self, version: str, identity: Identity, folder: Path, classes: Path | None = None
    ) -> Iterator[Peer]:
        """Run it on a free port until the block ends."""
        setting = Setting(
            port=free_port(), version=version, identity=identity, folder=folder, classes=classes
        )
        with running(self.name, self.command(setting), setting.port, folder) as peer:
            yield peer


def find(program: str) -> str:
    """The program's path; Debian keeps daemons outside an ordinary user's search path."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(program)
    return found


def _s_server(setting: Setting) -> list[str]:
    return [
        *(find("openssl"), "s_server", "-www", "-quiet", S_SERVER_FLAG[setting.version]),
        *("-accept", str(setting.port)),
        *("-cert", str(setting.identity.cert), "-key", str(setting.identity.key)),
    ]


def _gnutls_serv(setting: Setting) -> list[str]:
    return [
        *(find("gnutls-serv"), "--http", "--quiet", "--port", str(setting.port)),
        *("--x509certfile", str(setting.identity.cert)),
        *("--x509keyfile", str(setting.identity.key)),
        *("--priority", GNUTLS_PRIORITY.format(version=setting.version)),
    ]


NGINX_CONFIG: Final = """\
daemon off;
master_process off;
pid {folder}/nginx-{port}.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-{port}-body;
    proxy_temp_path {folder}/nginx-{port}-proxy;
    fastcgi_temp_path {folder}/nginx-{port}-fastcgi;
    uwsgi_temp_path {folder}/nginx-{port}-uwsgi;
    scgi_temp_path {folder}/nginx-{port}-scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_protocols TLSv{version};
        location / {{ root {folder}/nginx-{port}-root; index body.bin; }}
    }}
}}
"""


def _nginx(setting: Setting) -> list[str]:
    root = setting.folder / f"nginx-{setting.port}-root"
    root.mkdir()
    root.chmod(0o755)
    (root / "body.bin").write_bytes(bytes(int(os.environ.get("PEER_BODY_BYTES", "204800"))))
    config = setting.folder / f"nginx-{setting.port}.conf"
    config.write_text(
        NGINX_CONFIG.format(
            folder=setting.folder,
            port=setting.port,
            cert=setting.identity.cert,
            key=setting.identity.key,
            version=setting.version,
        )
    )
    return [find("nginx"), "-p", str(setting.folder), "-e", "stderr", "-c", str(config)]


def _node(setting: Setting) -> list[str]:
    return [
        *(find("node"), str(PEERS / "node_server.js"), str(setting.port)),
        *(str(setting.identity.cert), str(setting.identity.key), setting.version),
    ]


def _java(main: str) -> Callable[[Setting], list[str]]:
    def command(setting: Setting) -> list[str]:
        return [
            *(find("java"), "-XX:TieredStopAtLevel=1", "-cp", str(setting.classes), main),
            *(str(setting.port), str(setting.identity.keystore), PASSWORD, setting.version),
        ]

    return command


def _python(behaviour: str) -> Callable[[Setting], list[str]]:
    def command(setting: Setting) -> list[str]:
        return [
            *(sys.executable, str(PEERS / "python_server.py"), behaviour, str(setting.port)),
            *(str(setting.identity.cert), str(setting.identity.key), setting.version),
        ]

    return command


def _python_server(behaviour: str) -> Server:
    return Server(name=f"python-{behaviour}", program="python3", command=_python(behaviour))


STACKS: Final = (
    Server(name="s_server", program="openssl", command=_s_server),
    Server(name="gnutls-serv", program="gnutls-serv", command=_gnutls_serv),
    Server(name="nginx", program="nginx", command=_nginx),
    Server(name="node", program="node", command=_node),
    Server(name="java-https", program="javac", command=_java("JavaHttpsServer")),
    Server(name="java-socket", program="javac", command=_java("JavaSocketServer")),
    _python_server("notify-close"),
)
"""Real stacks as they come."""


def _pyopenssl_server(behaviour: str) -> Server:
    def command(setting: Setting) -> list[str]:
        return [
            *(sys.executable, str(PEERS / "pyopenssl_server.py"), behaviour, str(setting.port)),
            *(str(setting.identity.cert), str(setting.identity.key), setting.version),
        ]

    return Server(name=f"pyopenssl-{behaviour}", program="python3", command=command)


def _s_server_verify(setting: Setting) -> list[str]:
    return [*_s_server(setting), "-Verify", "1", "-verify_return_error"]


def _s_server_padded(setting: Setting) -> list[str]:
    return [*_s_server(setting), "-record_padding", "256"]


RUDE: Final = tuple(
    _python_server(behaviour)
    for behaviour in (
        "bare-close",
        "bare-close-delimited",
        "bare-close-keep-alive",
        "notify-reset",
        "cut-on-notify",
        "reset-after",
        "reset-midway",
        "reset-in-handshake",
        "deaf",
        "mute",
        "plain-http",
        "drip-handshake",
        "drip-response",
    )
)
"""Servers that end badly, or never."""

SPECIAL: Final = (
    _pyopenssl_server("write-after-close"),
    _pyopenssl_server("renegotiate"),
    Server(name="s_server-verify", program="openssl", command=_s_server_verify),
    Server(name="s_server-padded", program="openssl", command=_s_server_padded),
)
"""Servers set up for one verdict."""

BY_NAME: Final = {server.name: server for server in (*STACKS, *RUDE, *SPECIAL)}
