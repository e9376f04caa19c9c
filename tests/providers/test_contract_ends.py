"""A peer that ends TCP at every step, by FIN and by RST: the same is said whichever engine we use.

The peer is the standard library's TLS on a real socket. Where its RST may overtake what it sent
before, as Windows has it, more than one verdict is right.
"""

import pytest

from tests.net.peer import REQUEST, RESPONSE, client_context, connected, server_context, serving
from tests.net.runs import listening, probe, told
from tests.providers.pair import IDENTITY, held
from tlsclose.core.event import Side
from tlsclose.core.procedure import StepName
from tlsclose.providers._ledger import LEDGER

HOW = ["fin", "reset"]
FAILED, EARLY, RESET = "handshake-failed", "premature-close", "reset"
AFTERWARDS = "reset-after-close"


def _in_handshake(peer):
    peer.sock.recv(100)


def _after_request(peer):
    peer.handshake()
    peer.read_request()


def _in_answer(peer):
    _after_request(peer)
    peer.send(RESPONSE[:-2])


def _after_answer(peer):
    _after_request(peer)
    peer.send(RESPONSE)


def _notified(peer):
    _after_answer(peer)
    assert peer.read_to_close() == b""


def _answered(peer):
    _notified(peer)
    peer.close_notify()


SERVER = {
    "in the handshake": (_in_handshake, {"fin": {FAILED}, "reset": {FAILED}}),
    "after the request": (_after_request, {"fin": {EARLY}, "reset": {RESET}}),
    "in the answer": (_in_answer, {"fin": {EARLY}, "reset": {RESET}}),
    "after the answer": (_after_answer, {"fin": {EARLY}, "reset": {RESET}}),
    "after our close_notify": (_notified, {"fin": {EARLY}, "reset": {RESET}}),
    "after its own": (_answered, {"fin": {"clean"}, "reset": {RESET, AFTERWARDS}}),
}
"""How far the server goes, and what may be said of how it ends."""


def _asked(peer):
    peer.handshake()
    peer.send(REQUEST)


def _served(peer):
    _asked(peer)
    seen = b""
    while b"\r\n\r\n" not in seen:
        seen += peer.read()


def _closed(peer):
    _served(peer)
    peer.close_notify()


CLIENT = {
    "in the handshake": (lambda peer: peer.sock.send(b"\x16\x03"), {"fin": {FAILED}}),
    "after the request": (_asked, {"fin": {EARLY}, "reset": {RESET, FAILED}}),
    "after the answer": (_served, {"fin": {EARLY}, "reset": {RESET}}),
    "after its close_notify": (_closed, {"fin": {"clean"}, "reset": {RESET, AFTERWARDS}}),
}
"""The same of the client. A RST before any TLS may end it before there is a connection, and one
after its close_notify may find our answer out already.
"""


def rows(table):
    return [
        pytest.param(script, how, table[name][1][how], id=f"{how} {name}")
        for name, (script, _) in table.items()
        for how in HOW
        if how in table[name][1]
    ]


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = held()
    yield
    assert LEDGER.live() == before


@pytest.fixture
def pem(tmp_path):
    path = tmp_path / "identity.pem"
    path.write_bytes(IDENTITY.certificate + IDENTITY.key)
    return path


def end(peer, how):
    getattr(peer, how)()
    if how == "fin":
        peer.drain()


def check(report, verdicts, peer):
    assert report.verdict.code.value in verdicts
    assert report.verdict.blame is (None if report.verdict.code.value == "clean" else peer)
    assert told(report)[-1] == StepName.CONTEXT_DELETED
    assert report.steps_missing or len(told(report)) >= 4


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("script", "how", "verdicts"), rows(SERVER))
def test_a_server_ends(engine_name, version, pem, script, how, verdicts):
    def serve(peer):
        script(peer)
        end(peer, how)

    with serving(serve, server_context(pem, version)) as port:
        report = probe(port, version=version, provider=engine_name)
    check(report, verdicts, Side.SERVER)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("script", "how", "verdicts"), rows(CLIENT))
def test_a_client_ends(engine_name, version, script, how, verdicts):
    chosen = {"version": version, "provider": engine_name, "identity": IDENTITY}
    with listening(**chosen) as run, connected(run.port, client_context(version)) as peer:
        script(peer)
        end(peer, how)
    check(run.report, verdicts, Side.CLIENT)
