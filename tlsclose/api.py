"""probe(), listen() and demo(): wires the rooms together; the only module that knows them all."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue
from threading import Event, Thread

from tlsclose.core.report import Report
from tlsclose.net.capture import CaptureRun
from tlsclose.net.listener import Listener, Listening
from tlsclose.net.probe import Prober
from tlsclose.net.settings import CaptureSettings, ListenSettings, ProbeSettings
from tlsclose.net.target import Target
from tlsclose.providers.base import TlsSettings
from tlsclose.providers.identity import ephemeral
from tlsclose.providers.registry import provider as make_provider

__all__ = ["Listening", "demo", "listen", "probe"]

OnReport = Callable[[Report], None]


def probe(
    targets: Sequence[Target],
    settings: ProbeSettings,
    *,
    on_report: OnReport,
    stop: Event | None = None,
    provider: str = "openssl",
) -> tuple[Report, ...]:
    """Judge each target in each scenario, `repeat` times; targets side by side.

    Returns the reports in the order of the targets; `on_report` hears of each as it ends, from one
    thread at a time. `stop` ends the run after the probes that are under way. Raises UsageError
    and CaptureDeniedError before anything is sent.
    """
    engine = make_provider(provider, settings.tls)
    runs = [name for name in settings.scenarios for _ in range(settings.repeat)]
    halt = stop or Event()
    with CaptureRun(settings.capture) as capture:
        prober = Prober(settings, provider=engine, capture=capture)
        done: SimpleQueue[Report | None] = SimpleQueue()

        def one_target(number: int) -> list[Report]:
            found = []
            for count, name in enumerate(runs):
                if halt.is_set():
                    break
                stream = number * len(runs) + count
                found.append(prober.probe(targets[number], name, stream=stream))
                done.put(found[-1])
            return found

        with ThreadPoolExecutor(min(settings.parallel, max(1, len(targets)))) as pool:
            futures = [pool.submit(one_target, number) for number in range(len(targets))]
            try:
                for future in futures:
                    future.add_done_callback(lambda _: done.put(None))
                left = len(futures)
                while left:
                    report = done.get()
                    if report is None:
                        left -= 1
                    else:
                        on_report(report)
            except BaseException:
                halt.set()
                raise
        return tuple(report for future in futures for report in future.result())


def listen(
    settings: ListenSettings,
    *,
    on_ready: Callable[[Listening], None],
    on_report: OnReport,
    stop: Event | None = None,
    provider: str = "openssl",
) -> int:
    """Judge clients until `count` came or `stop` is set; return how many were judged.

    Raises UsageError and CaptureDeniedError before the port is open.
    """
    tls = settings.tls if settings.tls.identity else replace(settings.tls, identity=ephemeral())
    engine = make_provider(provider, tls)
    with CaptureRun(settings.capture) as capture:
        listener = Listener(settings, provider=engine, capture=capture)
        return listener.serve(on_ready=on_ready, on_report=on_report, stop=stop or Event())


def demo(
    *, on_report: OnReport, capture: CaptureSettings, tls: TlsSettings | None = None
) -> tuple[Report, ...]:
    """Probe an embedded listener; returns the probe's report, then the listener's."""
    chosen = tls or TlsSettings()
    settings = ListenSettings(count=1, body=5263, capture=replace(capture, pcap=None, keylog=None))
    engine = make_provider("openssl", replace(chosen, identity=ephemeral()))
    ready: SimpleQueue[Listening] = SimpleQueue()
    judged: SimpleQueue[Report] = SimpleQueue()
    with CaptureRun(settings.capture) as run:
        listener = Listener(settings, provider=engine, capture=run)
        Thread(
            target=listener.serve,
            kwargs={"on_ready": ready.put, "on_report": judged.put, "stop": Event()},
            name="demo-listener",
            daemon=True,
        ).start()
        where = ready.get(timeout=settings.timeout_s)
        target = Target(host=where.host, port=where.port)
        probing = ProbeSettings(capture=capture, tls=chosen)
        (ours,) = probe([target], probing, on_report=on_report)
        theirs = judged.get(timeout=settings.timeout_s)
        on_report(theirs)
    return ours, theirs
