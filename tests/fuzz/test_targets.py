"""The fuzz targets on their seeds and on mutations by fixed random seeds, without a fuzzer."""

import random

import pytest

from tests.fuzz import mutation
from tests.fuzz.targets import TARGETS

SEEDS_EACH = 6
ROUNDS = 3


def changed(data, limit, chance=None):
    """A crude stand-in for the fuzzer's own mutations."""
    chance = chance or random.Random(len(data))
    out = bytearray(data)
    for _ in range(4):
        if not out:
            break
        at = chance.randrange(len(out))
        match chance.randrange(3):
            case 0:
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                del out[at : at + chance.randrange(1, 20)]
            case _:
                out[at:at] = out[at : at + chance.randrange(1, 20)]
    return bytes(out[:limit])


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name):
    seeds = list(TARGETS[name].seeds())
    assert seeds
    for seed in seeds[:: max(1, len(seeds) // SEEDS_EACH)]:
        TARGETS[name].run(seed)


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("name", TARGETS)
def test_mutations(name, round_):
    target = TARGETS[name]
    seeds = list(target.seeds())
    for number, seed in enumerate(seeds[round_ :: max(1, len(seeds) // SEEDS_EACH)]):
        mutate = (
            mutation.capture if target.captures else lambda data, limit, *_: changed(data, limit)
        )
        data = seed
        for step in range(3):
            data = mutate(data, 65_536, number * 100 + round_ * 10 + step, changed)
        target.run(data)


def test_a_mutated_capture_is_still_a_capture():
    """Else the targets that judge would see nothing but damaged files."""
    seeds = [seed for seed in TARGETS["capture"].seeds() if seed.startswith(b"\x0a\x0d\x0d\x0a")][
        :20
    ]
    made = [mutation.capture(seed, 65_536, at, changed) for at, seed in enumerate(seeds)]
    assert sum(data != seed for data, seed in zip(made, seeds, strict=True)) > len(seeds) / 2
    assert sum(mutation._read(mutation._unpacked(data)) is not None for data in made) > 10
