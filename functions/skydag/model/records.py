"""Records at a fraction of the standard library's price: `dataclass`, `field`, `replace`, and `Protocol`.

A process of ours lives for a tenth of a second, and the standard library's `dataclass` spends a millisecond on each
class (six functions written, compiled and documented by signature, whether anybody calls them or not). Here all classes
share their functions; only of classes with many records `__init__` and the copying of `replace` are written and
compiled. While such a function fills a frozen record with slots, that record is of a class below its own that may be
written to: half the time of asking slot by slot.

To the type checker, and to `dataclasses.fields`, `replace` and `asdict`, they are dataclasses; what the decorator below
does not take is not supported. A Protocol means something to the type checker only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
    from typing import Protocol
else:
    from operator import attrgetter

    Protocol = object
    _NO = object()                          # there is no default; no value was given
    _set = object.__setattr__
    MANY = 8                                # records of a class; from then on its functions are worth writing

    class _Field:
        __slots__ = ("default", "factory", "is_kw_only", "name", "type")

        def __init__(self, default=_NO, factory=_NO):
            self.default, self.factory = default, factory

    def field(*, default=_NO, default_factory=_NO):
        return _Field(default, default_factory)

    def dataclass(cls=None, /, *, frozen=False, slots=False, kw_only=False, order=False):
        def made(cls):
            return _record(cls, frozen, slots, kw_only, order)
        return made if cls is None else made(cls)

    def replace(record, /, **changes):
        """The record with other values; __post_init__ looks at them as at any."""
        cls = record.__class__
        if "_record_fields" not in cls.__dict__:
            from dataclasses import replace as of_dataclass

            return of_dataclass(record, **changes)
        new = cls._record_copy(record)
        for name, value in changes.items():
            if name not in cls._record_fields:
                raise TypeError(f"{cls.__name__} has no '{name}'")
            _set(new, name, value)
        _set(new, "__class__", cls)
        if cls._record_check is not None:
            cls._record_check(new)
        return new

    def _record(cls, frozen, slots, kw_only, order):
        fields = {}
        for base in reversed(cls.__mro__[1:]):
            fields.update(base.__dict__.get("_record_fields", {}))
        body = dict(cls.__dict__)
        for name, kind in body.get("__annotations__", {}).items():
            if kind.startswith(("ClassVar", "typing.ClassVar")):
                continue
            default = body.get(name, _NO)
            one = default if isinstance(default, _Field) else _Field(default)
            one.name, one.type, one.is_kw_only = name, kind, kw_only
            fields[name] = one
            if one.default is not _NO:
                body[name] = one.default
            else:
                body.pop(name, None)
        names = tuple(fields)
        body.update(
            _record_fields=fields, _record_names=names, _record_values=staticmethod(_values(names)),
            _record_copy=staticmethod(_first_copies), _record_made=0, _record_copied=0,
            _record_check=getattr(cls, "__post_init__", None), __dataclass_fields__=_StandardFields(),
            __match_args__=body.get("__match_args__", tuple(n for n in names if not fields[n].is_kw_only)))
        for name, function in _FUNCTIONS.items():
            body.setdefault(name, function)
        if "__init__" not in cls.__dict__:
            body["__init__"] = _first_init
        if frozen:
            body.update(__setattr__=_refuse_set, __delattr__=_refuse_delete)
            body["__hash__"] = cls.__dict__.get("__hash__") or _hash
            if slots:
                body.update(__getstate__=_get_state, __setstate__=_set_state)
        if order:
            body.update(__lt__=_lt, __le__=_le, __gt__=_gt, __ge__=_ge)
        if not slots:
            for name, value in body.items():
                if name not in ("__dict__", "__weakref__"):
                    _type_set(cls, name, value)
            return cls
        inherited = {slot for base in cls.__mro__[1:-1] for slot in base.__dict__.get("__slots__", ())}
        for name in ("__dict__", "__weakref__", *names):
            body.pop(name, None)
        body["__slots__"] = tuple(name for name in names if name not in inherited)
        new = type(cls)(cls.__name__, cls.__bases__, body)
        new.__qualname__ = cls.__qualname__
        return new

    _type_set = type.__setattr__

    def _values(names):
        """record -> its values, as a tuple."""
        if not names:
            return lambda record: ()
        get = attrgetter(*names)
        return get if len(names) > 1 else lambda record: (get(record),)

    def _first_init(self, /, *args, **kwargs):
        """__init__ of the first MANY records of a class; then, and where something is wrong, the written one."""
        cls = self.__class__
        if cls.__dict__.get("__init__") is not _first_init:
            cls = next(base for base in cls.__mro__ if base.__dict__.get("__init__") is _first_init)
        if "_record_fields" not in cls.__dict__:
            raise TypeError(f"{cls.__name__} is no record")
        _type_set(cls, "_record_made", cls._record_made + 1)
        values = None if cls._record_made > MANY else _bound(cls, args, kwargs)
        if values is None:
            init = _written_init(cls)
            _type_set(cls, "__init__", init)
            init(self, *args, **kwargs)
            return
        for name, value in values.items():
            _set(self, name, value)
        if cls._record_check is not None:
            self.__post_init__()

    def _bound(cls, args, kwargs):
        """The values of a new record's fields, by name; None where these arguments are not what it takes."""
        fields, values = cls._record_fields, dict(kwargs)
        if args:
            positional = [name for name, one in fields.items() if not one.is_kw_only][:len(args)]
            if len(positional) < len(args) or not values.keys().isdisjoint(positional):
                return None
            values.update(zip(positional, args, strict=True))
        for name, one in fields.items():
            if name not in values:
                if one.default is not _NO:
                    values[name] = one.default
                elif one.factory is not _NO:
                    values[name] = one.factory()
                else:
                    return None
        return values if len(values) == len(fields) else None

    def _written_init(cls):
        scope, positional, named, lines = {"_NO": _NO, "_set": _set}, [], [], []
        is_slotted = "__slots__" in cls.__dict__
        if is_slotted:
            scope |= {"_open": _open(cls), "_cls": cls}
            lines.append(" _set(self, '__class__', _open)")
        for one in cls._record_fields.values():
            name, value = one.name, one.name
            if one.default is not _NO:
                scope[f"_d_{name}"] = one.default
                given = f"{name}=_d_{name}"
            elif one.factory is not _NO:
                scope[f"_f_{name}"] = one.factory
                given, value = f"{name}=_NO", f"_f_{name}() if {name} is _NO else {name}"
            else:
                given = name
            (named if one.is_kw_only else positional).append(given)
            lines.append(f" self.{name} = {value}" if is_slotted else f" _set(self, {name!r}, {value})")
        if is_slotted:
            lines.append(" self.__class__ = _cls")
        if hasattr(cls, "__post_init__"):
            lines.append(" self.__post_init__()")
        head = ", ".join(["self", *positional, *(["*", *named] if named else [])])
        exec("\n".join([f"def __init__({head}):", *(lines or [" pass"])]), scope)           # noqa: S102  as dataclasses do
        scope["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
        return scope["__init__"]

    def _first_copies(record):
        cls = record.__class__
        _type_set(cls, "_record_copied", cls._record_copied + 1)
        if cls._record_copied > MANY:
            copied = _written_copy(cls)
            _type_set(cls, "_record_copy", staticmethod(copied))
            return copied(record)
        new = object.__new__(cls)
        for name, value in zip(cls._record_names, cls._record_values(record), strict=True):
            _set(new, name, value)
        return new

    def _written_copy(cls):
        """record -> its copy; of a frozen one with slots, of its open class."""
        is_slotted = "__slots__" in cls.__dict__
        scope = {"_new": object.__new__, "_open": _open(cls) if is_slotted else cls, "_set": _set}
        lines = [f" new.{name} = old.{name}" if is_slotted else f" _set(new, {name!r}, old.{name})"
                 for name in cls._record_names]
        exec("\n".join(["def copied(old):", " new = _new(_open)", *lines, " return new"]), scope)     # noqa: S102
        return scope["copied"]

    def _open(cls):
        """A class of the same shape whose records can be written to, until they are of `cls` again."""
        body = {"__slots__": (), "__setattr__": _set, "__delattr__": object.__delattr__}
        return type(cls)(cls.__name__, (cls,), body)

    def _repr(self):
        pairs = zip(self._record_names, self._record_values(self), strict=True)
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def _eq(self, other):
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self._record_values(self) == self._record_values(other)

    def _hash(self):
        return hash(self._record_values(self))

    def _lt(self, other):
        return self._record_values(self) < self._record_values(other) if other.__class__ is self.__class__ \
            else NotImplemented

    def _le(self, other):
        return self._record_values(self) <= self._record_values(other) if other.__class__ is self.__class__ \
            else NotImplemented

    def _gt(self, other):
        return self._record_values(self) > self._record_values(other) if other.__class__ is self.__class__ \
            else NotImplemented

    def _ge(self, other):
        return self._record_values(self) >= self._record_values(other) if other.__class__ is self.__class__ \
            else NotImplemented

    def _refuse_set(self, name, value):
        raise AttributeError(f"{self.__class__.__name__} is frozen: '{name}' cannot be set")

    def _refuse_delete(self, name):
        raise AttributeError(f"{self.__class__.__name__} is frozen: '{name}' cannot be deleted")

    def _get_state(self):
        return list(self._record_values(self))

    def _set_state(self, values):
        for name, value in zip(self._record_names, values, strict=True):
            _set(self, name, value)

    _FUNCTIONS = {"__repr__": _repr, "__eq__": _eq, "__hash__": None}

    class _StandardFields:
        """What the functions of `dataclasses` want to see, made when they look."""

        def __get__(self, record, cls):
            import dataclasses

            out = {}
            for one in cls._record_fields.values():
                made = (dataclasses.field(default_factory=one.factory, kw_only=one.is_kw_only)
                        if one.factory is not _NO else dataclasses.field(kw_only=one.is_kw_only) if one.default is _NO
                        else dataclasses.field(default=one.default, kw_only=one.is_kw_only))
                made.name, made.type, made._field_type = one.name, one.type, dataclasses._FIELD
                out[one.name] = made
            return out

__all__ = ["Protocol", "dataclass", "field", "replace"]
