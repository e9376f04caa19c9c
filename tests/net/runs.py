"""Short ways to run the api against a port, and to run it as a listener."""

import threading
from contextlib import contextmanager
from queue import SimpleQueue

from tests.net.peer import IDENTITY, LOOPBACK
from tlsclose import api
from tlsclose.net.settings import CaptureMode, CaptureSettings, ListenSettings, ProbeSettings
from tlsclose.net.target import Target
from tlsclose.providers.base import TlsSettings

TIMEOUT_S = 10.0
"""For tests in which nobody is silent."""


def capture(mode):
    return CaptureSettings(mode=CaptureMode(mode))


def probe(
    port,
    scenario="initiate",
    *,
    mode="tap",
    version=None,
    host=LOOPBACK,
    provider="openssl",
    **changes,
):
    """The report of one probe."""
    changes = {"timeout_s": TIMEOUT_S, "tls": TlsSettings(version=version), **changes}
    settings = ProbeSettings(scenarios=(scenario,), capture=capture(mode), **changes)
    (report,) = api.probe(
        [Target(host=host, port=port)], settings, on_report=lambda _: None, provider=provider
    )
    return report


class Listened:
    """A listener that is up, and what it has judged."""

    def __init__(self):
        self.reports = []
        self.stop = threading.Event()
        self.ended = threading.Event()
        self.ready = SimpleQueue()
        self.failure = None
        self.judged = None

    @property
    def report(self):
        (report,) = self.reports
        return report


@contextmanager
def listening(
    scenario="await",
    *,
    mode="tap",
    version=None,
    count=1,
    on_report=None,
    provider="openssl",
    identity=IDENTITY,
    **changes,
):
    """A listener in a thread; leaving waits for its end, which `count` clients bring about."""
    tls = TlsSettings(version=version, identity=identity)
    changes = {"timeout_s": TIMEOUT_S, "tls": tls, **changes}
    settings = ListenSettings(scenario=scenario, count=count, capture=capture(mode), **changes)
    run = Listened()

    def serve():
        try:
            run.judged = api.listen(
                settings,
                on_ready=run.ready.put,
                on_report=on_report or run.reports.append,
                stop=run.stop,
                provider=provider,
            )
        except BaseException as error:  # noqa: BLE001
            run.failure = error
            run.ready.put(None)
        finally:
            run.ended.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    where = run.ready.get(timeout=20)
    if where is not None:
        run.port = where.port
        run.where = where
    try:
        yield run
    except BaseException:
        run.stop.set()
        raise
    finally:
        thread.join(30)
    assert not thread.is_alive()


def judged(report):
    """Verdict code, whom it blames, truncation risk."""
    verdict = report.verdict
    return verdict.code.value, verdict.blame and verdict.blame.value, verdict.truncation_risk.value


def told(report):
    """The steps' names in order."""
    return [step.name.value for step in report.steps]
