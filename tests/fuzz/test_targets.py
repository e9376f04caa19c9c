"""The fuzz targets on their seeds and on mutations by fixed random seeds, without a fuzzer."""

import random

import pytest

from tests.fuzz import mutation, targets
from tests.fuzz.targets import TARGETS
from tlsclose.wire.outline import Outline

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


@pytest.fixture
def told(monkeypatch):
    """Of each connection that `in_brief` compares whether it was told in brief."""
    seen = []
    line_of = targets.line_of

    def told_of(one, precedents):
        seen.append(isinstance(one.followed, Outline))
        return line_of(one, precedents)

    monkeypatch.setattr(targets, "line_of", told_of)
    return seen


def test_connections_are_told_in_brief(told):
    seeds = list(TARGETS["brief"].seeds())[::3]
    for seed in seeds:
        targets.in_brief(seed)
    assert sum(told) > len(seeds) / 4
    told.clear()
    for number, seed in enumerate(seeds):
        targets.in_brief(mutation.capture(seed, 65_536, number, changed))
    assert set(told) == {True, False}


def test_a_connection_that_is_told_otherwise_in_brief_is_found(monkeypatch):
    def otherwise(one, precedents):
        line = line_of(one, precedents)
        packets = line.packets + isinstance(one.followed, Outline)
        return line._replace(packets=packets)

    line_of = targets.line_of
    monkeypatch.setattr(targets, "line_of", otherwise)
    with pytest.raises(AssertionError, match="in brief"):
        test_seeds("brief")


def test_a_mutated_capture_is_still_a_capture():
    """Else the targets that judge would see nothing but damaged files."""
    seeds = [seed for seed in TARGETS["capture"].seeds() if seed.startswith(b"\x0a\x0d\x0d\x0a")][
        :20
    ]
    made = [mutation.capture(seed, 65_536, at, changed) for at, seed in enumerate(seeds)]
    assert sum(data != seed for data, seed in zip(made, seeds, strict=True)) > len(seeds) / 2
    assert sum(mutation._read(mutation._unpacked(data)) is not None for data in made) > 10
