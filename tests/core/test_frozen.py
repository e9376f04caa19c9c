"""Values: everything that can be asked of a frozen dataclass has the standard library's answer."""

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, astuple, fields, is_dataclass, replace

import pytest

from tlsclose.core.frozen import dataclass

OPTIONS = {"frozen": True, "slots": True, "kw_only": True}


@dataclass(**OPTIONS)
class Point:
    """Where."""

    x: int
    y: "int | None" = None
    note: str = ""
    secret: bytes = dataclasses.field(default=b"", repr=False)
    """Why."""

    @property
    def both(self):
        return self.x, self.y

    def moved(self, by):
        return replace(self, x=self.x + by)


@dataclass(**OPTIONS)
class Told:
    """Says for itself how it is shown."""

    x: int

    def __repr__(self):
        return f"told {self.x}"


@dataclasses.dataclass(**OPTIONS)
class Standard:
    """Where."""

    x: int
    y: "int | None" = None
    note: str = ""
    secret: bytes = dataclasses.field(default=b"", repr=False)

    @property
    def both(self):
        return self.x, self.y

    def moved(self, by):
        return replace(self, x=self.x + by)


@dataclass(frozen=True, slots=True)
class Pair:
    """By position."""

    one: int
    other: int = 2


@dataclass(**OPTIONS)
class Nothing:
    """No fields."""


def either(make):
    """What both decorators' classes answer, or how they refuse."""

    def tried(cls):
        try:
            return make(cls)
        except (TypeError, FrozenInstanceError, AttributeError) as error:
            return type(error), str(error).replace("Standard", "Point")

    return tried(Point), tried(Standard)


@pytest.mark.parametrize(
    "make",
    [
        lambda cls: repr(cls(x=1, note="a")).replace("Standard", "Point"),
        lambda cls: hash(cls(x=1, y=2)),
        lambda cls: cls(x=1) == cls(x=1, y=None),
        lambda cls: cls(x=1) == cls(x=2),
        lambda cls: cls(x=1) == (1, None, ""),
        lambda cls: cls(x=float("nan")) == cls(x=1),
        lambda cls: cls(x=1, y=2).both,
        lambda cls: asdict(cls(x=1).moved(2)),
        lambda cls: astuple(cls(x=[1])),
        lambda cls: asdict(replace(cls(x=1), note="b")),
        lambda cls: replace(cls(x=1), z=1),
        lambda cls: asdict(pickle.loads(pickle.dumps(cls(x=1, y=3)))),
        lambda cls: asdict(copy.deepcopy(cls(x=[1]))),
        lambda cls: [
            (one.name, one.type, one.default, one.init, one.kw_only, one.compare, one.hash)
            for one in fields(cls)
        ],
        lambda cls: is_dataclass(cls) and is_dataclass(cls(x=1)),
        lambda cls: (cls.__slots__, cls.__match_args__, cls.__doc__, cls.__module__),
        lambda cls: list(inspect.signature(cls).parameters),
        lambda cls: hasattr(cls(x=1), "__dict__"),
        lambda cls: cls(),
        lambda cls: cls(1),
        lambda cls: cls(x=1, z=2),
        lambda cls: setattr(cls(x=1), "x", 2),
        lambda cls: delattr(cls(x=1), "x"),
    ],
)
def test_as_the_standard_library(make):
    ours, theirs = either(make)
    assert ours == theirs


def test_no_fields():
    assert Nothing() == Nothing()
    assert repr(Nothing()) == "Nothing()"
    assert fields(Nothing) == ()


def test_nothing_can_be_added():
    with pytest.raises(FrozenInstanceError):
        Point(x=1).z = 2


def test_own_methods_are_kept():
    assert repr(Told(x=1)) == "told 1"


def test_by_position():
    assert Pair(1) == Pair(one=1, other=2)
    match Pair(3, 4):
        case Pair(one, other):
            assert (one, other) == (3, 4)


def test_values_of_other_classes_differ():
    assert Point(x=1) != Standard(x=1)


def test_one_compiled_method():
    assert Point.__eq__ is Nothing.__eq__
    assert Point.__init__ is not Nothing.__init__


def made():
    yield dataclass(**OPTIONS)(type("Post", (), {"__annotations__": {}, "__post_init__": print}))
    yield dataclass(slots=True)(type("Mutable", (), {"__annotations__": {"x": int}}))
    hidden = {"__annotations__": {"x": int}, "x": dataclasses.field(compare=False)}
    yield dataclass(**OPTIONS)(type("Hidden", (), hidden))
    listed = {"__annotations__": {"x": list}, "x": dataclasses.field(default_factory=list)}
    yield dataclass(**OPTIONS)(type("Listed", (), listed))
    yield dataclass(**OPTIONS)(type("Derived", (Point,), {"__annotations__": {"z": int}, "z": 1}))


@pytest.mark.parametrize("cls", list(made()), ids=lambda cls: cls.__name__)
def test_what_asks_for_more_is_left_to_the_standard_decorator(cls):
    assert cls.__eq__ is not Nothing.__eq__
    assert is_dataclass(cls)
