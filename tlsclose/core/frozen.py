"""`dataclass` for values: frozen and slotted, and cheap to define and to make.

The standard decorator writes and compiles six methods for each class, half a millisecond apiece:
for the forty classes between a capture and its report that is more than reading a small capture
takes. And a frozen instance sets each field through `object.__setattr__`, by name. This one
compiles only `__init__`, which sets the slots themselves and takes half the time; the other
methods are the same functions for every class.

What comes out is a dataclass to `fields`, `replace`, `asdict`, `match`, `pickle`, type checkers and
readers. A class that asks for more (a field made by a factory, `__post_init__`, a base) is left
to the standard decorator.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        *, frozen: bool = False, slots: bool = False, kw_only: bool = False
    ) -> Callable[[type], type]:
        """The standard decorator's stand-in; see the module."""
        standard = dataclasses.dataclass(frozen=frozen, slots=slots, kw_only=kw_only)
        value = frozen and slots
        return lambda cls: _value_class(cls, kw_only) if value and _is_plain(cls) else standard(cls)


__all__ = ["dataclass"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """What all values have in common."""

    sample: int


_ORDINARY: Final = dataclasses.fields(_Sample)[0]._field_type  # type: ignore[attr-defined]  # noqa: SLF001
"""How dataclasses mark a field that is neither a class variable nor an argument alone."""


def _is_plain(cls: type) -> bool:
    found = [cls.__dict__.get(name) for name in cls.__annotations__]
    usual = all(_is_usual(part) for part in found if isinstance(part, Field))
    return usual and cls.__bases__ == (object,) and "__post_init__" not in cls.__dict__


def _is_usual(part: "Field[object]") -> bool:
    """Whether nothing but its default and whether it is shown was said of it."""
    return part.init and part.compare and part.hash is None and part.default_factory is MISSING


def _value_class(cls: type, kw_only: bool) -> type:
    names = tuple(cls.__annotations__)
    content = {name: part for name, part in cls.__dict__.items() if name not in _DROPPED}
    fields = {
        name: _field(name, kind, content.pop(name, MISSING), kw_only)
        for name, kind in cls.__annotations__.items()
    }
    content = _METHODS | content
    content["__slots__"] = names
    content["__match_args__"] = () if kw_only else names
    content["__qualname__"] = cls.__qualname__
    content["__dataclass_params__"] = _Sample.__dataclass_params__  # type: ignore[attr-defined]
    content["__dataclass_fields__"] = fields
    made: Any = type(cls)(cls.__name__, cls.__bases__, content)
    made.__init__ = _initializer(made, fields, kw_only)
    return made  # type: ignore[no-any-return]


def _field(name: str, kind: object, part: object, kw_only: bool) -> "Field[object]":
    made: Any = part if isinstance(part, Field) else field(default=part)
    made.name, made.type, made.kw_only = name, kind, kw_only
    made._field_type = _ORDINARY  # noqa: SLF001
    return made  # type: ignore[no-any-return]


def _initializer(
    cls: type, fields: "dict[str, Field[object]]", kw_only: bool
) -> Callable[..., None]:
    """The only method that has to be compiled: its arguments are the fields."""
    known: dict[str, object] = {}
    arguments = ["self", *(["*"] if kw_only and fields else [])]
    for name, part in fields.items():
        known[f"_set_{name}"] = cls.__dict__[name].__set__
        known[f"_default_{name}"] = part.default
        arguments.append(name if part.default is MISSING else f"{name}=_default_{name}")
    lines = [f" _set_{name}(self, {name})" for name in fields] or [" pass"]
    source = "\n".join([f"def __init__({', '.join(arguments)}):", *lines])
    found: dict[str, Any] = {}
    exec(source, known, found)  # noqa: S102 - nothing but the names of fields is in it
    initializer: Callable[..., None] = found["__init__"]
    initializer.__qualname__ = f"{cls.__qualname__}.__init__"
    initializer.__module__ = cls.__module__
    return initializer


def _values(self: Any) -> tuple[object, ...]:  # noqa: ANN401 - instances of any class
    return tuple(getattr(self, name) for name in self.__slots__)


def _equal(self: object, other: object) -> bool:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: object) -> int:
    return hash(_values(self))


def _shown(self: Any) -> str:  # noqa: ANN401
    shown = [name for name, part in self.__dataclass_fields__.items() if part.repr]
    told = (f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({', '.join(told)})"


def _no_assignment(_self: object, name: str, _value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_deletion(_self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _restored(self: Any, state: tuple[object, ...]) -> None:  # noqa: ANN401
    for name, value in zip(self.__slots__, state, strict=True):
        object.__setattr__(self, name, value)


_DROPPED: Final = frozenset({"__dict__", "__weakref__"})
"""What only a class without slots has."""
_METHODS: Final[dict[str, object]] = {
    "__eq__": _equal,
    "__hash__": _hash,
    "__repr__": _shown,
    "__setattr__": _no_assignment,
    "__delattr__": _no_deletion,
    "__getstate__": _values,
    "__setstate__": _restored,
}
