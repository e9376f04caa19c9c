"""probe(), listen(), analyze(), demo(): wires the rooms together; only this module knows all.

What opens sockets is imported by the functions that do: reading a capture starts without it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from tlsclose.core.report import Report, Summary

if TYPE_CHECKING:
    from tlsclose.net.analyze_settings import AnalyzeSettings
    from tlsclose.net.listener import Listening
    from tlsclose.net.settings import CaptureSettings, ListenSettings, ProbeSettings
    from tlsclose.net.target import Target
    from tlsclose.providers.base import TlsSettings

__all__ = ["analyze", "demo", "listen", "probe"]

OnReport = Callable[[Report], None]


def probe(
    targets: "Sequence[Target]",
    settings: "ProbeSettings",
    *,
    on_report: OnReport,
    stop: Event | None = None,
    provider: str | None = None,
) -> tuple[Report, ...]:
    """Judge each target in each scenario, `repeat` times; targets side by side.

    Returns the reports in the order of the targets; `on_report` hears of each as it ends, on the
    caller's thread. `stop` ends the run at once; probes under way are given up and not reported.
    Raises UsageError and CaptureDeniedError before anything is sent.
    """
    from tlsclose.net.capture import CaptureRun
    from tlsclose.net.probe import Prober, check
    from tlsclose.net.side_by_side import side_by_side
    from tlsclose.providers.registry import DEFAULT
    from tlsclose.providers.registry import provider as make_provider

    engine = make_provider(provider or DEFAULT, settings.tls)
    check(targets, settings, engine)
    runs = [name for name in settings.scenarios for _ in range(settings.repeat)]
    with CaptureRun(settings.capture) as capture:
        prober = Prober(settings, provider=engine, capture=capture)
        return side_by_side(
            len(targets),
            len(runs),
            parallel=settings.parallel,
            work=lambda number, run: prober.probe(
                targets[number], runs[run], stream=number * len(runs) + run
            ),
            on_report=on_report,
            stop=stop or Event(),
            abandon=prober.abandon,
        )


def listen(
    settings: "ListenSettings",
    *,
    on_ready: "Callable[[Listening], None]",
    on_report: OnReport,
    stop: Event | None = None,
    provider: str | None = None,
    on_abandoned: Callable[[int], None] = lambda _: None,
) -> int:
    """Judge clients until `count` came or `stop` is set; return how many were judged.

    `on_abandoned` hears how many were still connected then and are not judged.

    `on_report` is called by one thread at a time; what it raises ends the run and is raised.
    Raises UsageError and CaptureDeniedError before any client is let in.
    """
    from tlsclose.net.capture import CaptureRun
    from tlsclose.net.listener import Listener
    from tlsclose.providers.registry import DEFAULT, ephemeral
    from tlsclose.providers.registry import provider as make_provider

    tls, name = settings.tls, provider or DEFAULT
    if tls.identity is None:
        tls = replace(tls, identity=ephemeral(name))
    engine = make_provider(name, tls)
    with CaptureRun(settings.capture) as capture:
        listener = Listener(settings, provider=engine, capture=capture)
        judged = listener.serve(on_ready=on_ready, on_report=on_report, stop=stop or Event())
        on_abandoned(listener.abandoned)
        return judged


def analyze(
    paths: Sequence[Path],
    settings: "AnalyzeSettings",
    *,
    on_report: OnReport,
    on_warning: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[int], None] = lambda _: None,
    stop: Event | None = None,
) -> Summary:
    """Judge every TLS connection in captures (`-`: standard input), one file after the other.

    `on_report` hears of each connection as it closes, or as the capture ends, and of each capture
    that could not be read to its end (`unobserved`). `on_progress` is told the bytes of files read
    so far. `stop` ends the run; what is open then is judged as it stands, and where several
    processes are at work it is left out. Raises KeyLogError before anything is read.
    """
    from tlsclose.net.analysis import Analysis
    from tlsclose.net.captures import CaptureReader
    from tlsclose.net.key_files import KeyFiles

    analysis = Analysis(settings, on_report)
    reader = CaptureReader(
        analysis,
        on_warning=on_warning,
        on_progress=on_progress,
        stop=stop or Event(),
        processes=1 if settings.stream is not None else settings.processes,
    )
    reader.read(paths, KeyFiles(settings.keylogs, on_warning))
    return analysis.summary


def demo(
    *, on_report: OnReport, capture: "CaptureSettings", tls: "TlsSettings | None" = None
) -> tuple[Report, ...]:
    """Probe an embedded listener; returns the probe's report, then the listener's."""
    from concurrent.futures import ThreadPoolExecutor
    from queue import SimpleQueue

    from tlsclose.net.capture import CaptureRun
    from tlsclose.net.listener import Listener
    from tlsclose.net.settings import ListenSettings
    from tlsclose.providers.base import TlsSettings
    from tlsclose.providers.identity import ephemeral
    from tlsclose.providers.registry import provider as make_provider

    chosen = tls or TlsSettings()
    settings = ListenSettings(count=1, body=5263, capture=replace(capture, pcap=None, keylog=None))
    engine = make_provider("openssl", replace(chosen, identity=ephemeral()))
    ready: SimpleQueue[Listening | None] = SimpleQueue()
    judged: list[Report] = []
    halt = Event()
    with CaptureRun(settings.capture) as run, ThreadPoolExecutor(1) as pool:
        listener = Listener(settings, provider=engine, capture=run)
        serving = pool.submit(
            listener.serve, on_ready=ready.put, on_report=judged.append, stop=halt
        )
        serving.add_done_callback(lambda _: ready.put(None))
        try:
            where = ready.get()
            ours = () if where is None else _probe_itself(where, capture, chosen, on_report)
            if any(report.connection is None for report in ours):
                halt.set()
            serving.result()
        finally:
            halt.set()
    for theirs in judged:
        on_report(theirs)
    return (*ours, *judged)


def _probe_itself(
    where: "Listening", capture: "CaptureSettings", tls: "TlsSettings", on_report: OnReport
) -> tuple[Report, ...]:
    from tlsclose.net.settings import ProbeSettings
    from tlsclose.net.target import Target

    settings = ProbeSettings(capture=capture, tls=tls)
    return probe([Target(host=where.host, port=where.port)], settings, on_report=on_report)
