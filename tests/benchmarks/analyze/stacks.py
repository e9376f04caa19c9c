"""The other stacks of the made capture: nginx and `openssl s_server`, curl, wget, s_client."""

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.analyze.link import CLIENT, SERVER
from tests.benchmarks.analyze.plan import SEED
from tests.benchmarks.analyze.serve import PORT
from tests.interop.certs import Identity
from tests.interop.servers import find

NGINX_PORT: Final = 4433
OPENSSL_PORT: Final = 4434
FILES: Final = {"s": 900, "m": 30_000, "l": 300_000}
"""What nginx and s_server serve, in bytes."""
SHARE: Final = 20
"""Of so many connections one is made by these clients."""
RUN_S: Final = 10
_NGINX: Final = """
daemon off; worker_processes 1; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 3; keepalive_timeout 1;
  server {{
    listen {port} ssl; listen [::]:{port} ssl;
    ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
    root {folder};
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A command that makes connections."""

    argv: tuple[str, ...]
    connections: int


def servers(identity: Identity, folder: Path) -> "list[list[str]]":
    """Commands, to be run on the server's host in `folder`."""
    for name, size in FILES.items():
        (folder / name).write_bytes(os.urandom(size))
    folder.chmod(0o755)
    config = folder / "nginx.conf"
    config.write_text(
        _NGINX.format(port=NGINX_PORT, cert=identity.cert, key=identity.key, folder=folder)
    )
    files = ["-cert", str(identity.cert), "-key", str(identity.key)]
    return [
        [find("nginx"), "-p", str(folder), "-c", str(config), "-g", "user root;"],
        ["openssl", "s_server", "-WWW", "-quiet", "-accept", str(OPENSSL_PORT), *files],
    ]


def clients(connections: int) -> Iterator[Client]:
    """Commands, to be run on the client's host one after another, for about so many connections."""
    chance = random.Random(SEED)
    kinds = [kind for kind in (_curl, _curl_reusing, _wget, _s_client) if _is_here(kind)]
    left = connections if kinds else 0
    while left > 0:
        client = chance.choice(kinds)(chance)
        left -= client.connections
        yield client


def _is_here(kind: object) -> bool:
    program = {_curl: "curl", _curl_reusing: "curl", _wget: "wget", _s_client: "openssl"}
    return shutil.which(program[kind]) is not None  # type: ignore[index]


def run(client: Client, keys: Path) -> None:
    """Run one client; its keys go to the log. What it says of the peer's close is not asked."""
    with contextlib.suppress(subprocess.TimeoutExpired):  # a close all the same
        subprocess.run(
            CLIENT.command(*(word.replace("{keys}", str(keys)) for word in client.argv)),
            env={**os.environ, "SSLKEYLOGFILE": str(keys)},
            input=b"GET /m HTTP/1.0\r\n\r\n" if "s_client" in client.argv else b"",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=RUN_S,
            check=False,
        )


def _curl(chance: random.Random) -> Client:
    version = chance.choice(("--tls-max=1.2", "--tlsv1.3"))
    urls = tuple(_url(chance) for _ in range(4))
    argv = ("curl", "-sk", version.replace("=", " "), "-H", "Connection: close", *urls)
    return Client(argv=_words(argv), connections=len(urls))


def _curl_reusing(chance: random.Random) -> Client:
    url = f"https://{SERVER.address}:{NGINX_PORT}/{chance.choice(list(FILES))}"
    return Client(argv=("curl", "-sk", url, url, url), connections=1)


def _wget(chance: random.Random) -> Client:
    return Client(
        argv=("wget", "-q", "-O", "-", "-t", "1", "--no-check-certificate", _url(chance)),
        connections=1,
    )


def _s_client(chance: random.Random) -> Client:
    port = chance.choice((NGINX_PORT, OPENSSL_PORT))
    version = chance.choice(("-tls1_2", "-tls1_3"))
    where = ("-connect", f"{SERVER.address}:{port}")
    return Client(
        argv=("openssl", "s_client", "-quiet", version, "-keylogfile", "{keys}", *where),
        connections=1,
    )


def _url(chance: random.Random) -> str:
    if chance.random() < 0.5:
        close = chance.choice(("server-first", "client-first", "server-only", "server-bare"))
        size = chance.randrange(100, 60_000)
        return f"https://{SERVER.address}:{PORT}/random/{size}/length/{close}"
    port = chance.choice((NGINX_PORT, NGINX_PORT, OPENSSL_PORT))
    return f"https://{SERVER.address}:{port}/{chance.choice(list(FILES))}"


def _words(argv: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        part for word in argv for part in (word.split(" ") if "tls-max" in word else [word])
    )
