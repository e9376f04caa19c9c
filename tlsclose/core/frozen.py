"""`dataclass` for values: frozen, slotted, keyword-only, and cheap to define and to make.

The standard decorator writes and compiles six methods for each class, half a millisecond apiece:
for the forty classes between a capture and its report that is more than reading a small capture
takes. And a frozen instance sets each field through `object.__setattr__`, by name. This one
compiles only `__init__`, which sets the slots themselves and takes half the time; the other
methods are the same functions for every class.

What comes out is a dataclass to `fields`, `replace`, `asdict`, `match`, `pickle`, type checkers and
readers. A class that asks for more (a field made by `field`, `__post_init__`, a base) is left to
the standard decorator.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, field
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool) -> Callable[[type], type]:
        """The standard decorator's stand-in; see the module."""
        standard = dataclasses.dataclass(frozen=frozen, slots=slots, kw_only=kw_only)
        value = frozen and slots and kw_only
        return lambda cls: _value_class(cls) if value and _is_plain(cls) else standard(cls)


__all__ = ["dataclass"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """What all values have in common."""

    sample: int


_ORDINARY: Final = dataclasses.fields(_Sample)[0]._field_type  # type: ignore[attr-defined]  # noqa: SLF001
"""How dataclasses mark a field that is neither a class variable nor an argument alone."""


def _is_plain(cls: type) -> bool:
    asks = any(isinstance(cls.__dict__.get(name), Field) for name in cls.__annotations__)
    return not asks and cls.__bases__ == (object,) and "__post_init__" not in cls.__dict__


def _value_class(cls: type) -> type:
    names = tuple(cls.__annotations__)
    content = {name: part for name, part in cls.__dict__.items() if name not in _DROPPED}
    defaults = {name: content.pop(name) for name in names if name in content}
    content |= _METHODS
    content["__slots__"] = names
    content["__match_args__"] = ()
    content["__qualname__"] = cls.__qualname__
    content["__dataclass_params__"] = _Sample.__dataclass_params__  # type: ignore[attr-defined]
    content["__dataclass_fields__"] = {
        name: _field(name, kind, defaults.get(name, MISSING))
        for name, kind in cls.__annotations__.items()
    }
    made: Any = type(cls)(cls.__name__, cls.__bases__, content)
    made.__init__ = _initializer(made, names, defaults)
    return made  # type: ignore[no-any-return]


def _field(name: str, kind: object, default: object) -> "Field[object]":
    made: Any = field(default=default, kw_only=True)
    made.name, made.type, made._field_type = name, kind, _ORDINARY  # noqa: SLF001
    return made  # type: ignore[no-any-return]


def _initializer(
    cls: type, names: tuple[str, ...], defaults: dict[str, object]
) -> Callable[..., None]:
    """The only method that has to be compiled: its arguments are the fields."""
    known = {f"_set_{name}": cls.__dict__[name].__set__ for name in names}
    known |= {f"_default_{name}": default for name, default in defaults.items()}
    arguments = [f"{name}=_default_{name}" if name in defaults else name for name in names]
    lines = [f" _set_{name}(self, {name})" for name in names] or [" pass"]
    star = ["*"] if names else []
    source = "\n".join([f"def __init__({', '.join(['self', *star, *arguments])}):", *lines])
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
    told = (f"{name}={getattr(self, name)!r}" for name in self.__slots__)
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
