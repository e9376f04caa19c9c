"""One target under atheris: `python -m tests.fuzz.run TARGET FINDINGS [libFuzzer's options]`.

A finding does not end the run: the first input of each place that raised goes to the folder
`FINDINGS`, its traceback beside it.
"""

import hashlib
import sys
import traceback
from pathlib import Path

import atheris

# Of comparisons of numpy arrays atheris keeps the results for ever.
_COMPARING = ("columns", "grouping", "pcapng_file", "pcap_file", "record_chains")
_NUMPY = [f"tlsclose.wire.{name}" for name in _COMPARING]

with atheris.instrument_imports(include=["tlsclose"], exclude=_NUMPY):
    from tests.fuzz import mutation
    from tests.fuzz.targets import TARGETS


class _Findings:
    def __init__(self, name: str, folder: Path) -> None:
        self._run = TARGETS[name].run
        self._folder = folder
        self._known: set[str] = set()

    def run(self, data: bytes) -> None:
        try:
            self._run(data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self._keep(data, error)

    def _keep(self, data: bytes, error: Exception) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        mark = f"{type(error).__name__} {place.filename} {place.lineno}"
        if mark in self._known:
            return
        self._known.add(mark)
        name = hashlib.sha1(mark.encode()).hexdigest()[:12]
        (self._folder / name).write_bytes(data)
        (self._folder / f"{name}.txt").write_text("".join(traceback.format_exception(error)))


def _mutated(data: bytes, limit: int, seed: int) -> bytes:
    return mutation.capture(data, limit, seed, atheris.Mutate)


def main() -> None:
    """Fuzz until told to stop."""
    name, folder, *options = sys.argv[1:]
    mutator = {"custom_mutator": _mutated} if TARGETS[name].captures else {}
    atheris.Setup([sys.argv[0], *options], _Findings(name, Path(folder)).run, **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
