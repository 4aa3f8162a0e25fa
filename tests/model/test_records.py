"""Records of model/records.py are what dataclasses are."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from skydag.model import records


@records.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Point:
    x: int
    y: int = 2
    tags: dict[str, int] = records.field(default_factory=dict)
    kinds: ClassVar[int] = 7

    @property
    def sum(self) -> int:
        return self.x + self.y


@records.dataclass(frozen=True, slots=True)
class Named:
    name: str
    value: int = 0


@records.dataclass(slots=True)
class Counter:
    count: int = 0


@records.dataclass(frozen=True, kw_only=True)
class Checked:
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text.strip())


@records.dataclass(frozen=True, slots=True, kw_only=True)
class Longer(Point):
    z: int


def test_values_defaults_and_factories() -> None:
    one, other = Point(x=1), Point(x=1)
    assert (one.x, one.y, one.tags, one.sum, Point.kinds) == (1, 2, {}, 3, 7)
    assert one == other and one.tags is not other.tags
    assert one.__eq__(Named("a")) is NotImplemented and Point(x=1) < Point(x=2) <= Point(x=2)
    assert repr(Named("a", 3)) == "Named(name='a', value=3)"
    assert hash(Named("a")) == hash(Named("a", 0))
    assert Checked(text=" a ").text == "a"
    assert Longer(x=1, z=3) == Longer(x=1, y=2, tags={}, z=3)


@pytest.mark.parametrize("wrong", [
    lambda: Point(), lambda: Point(1), lambda: Point(x=1, q=2), lambda: Named(),      # type: ignore[call-arg]
    lambda: records.replace(Named("a"), q=1),                                         # type: ignore[call-arg]
])
def test_wrong_arguments_are_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        wrong()


def test_what_is_frozen_cannot_be_changed_and_slots_take_nothing_else() -> None:
    with pytest.raises(AttributeError, match="Point is frozen: 'x' cannot be set"):
        Point(x=1).x = 2                                                              # type: ignore[misc]
    with pytest.raises(AttributeError):
        del Point(x=1).x
    counter = Counter()
    counter.count += 1
    assert counter == Counter(1)
    with pytest.raises(AttributeError):
        counter.other = 1                                                             # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        hash(counter)


@pytest.mark.parametrize("record", [Point(x=1, tags={"a": 1}), Named("a", 3), Checked(text="t"), Longer(x=1, z=2)])
def test_the_standard_librarys_functions_take_them(record: Any) -> None:
    names = [field.name for field in dataclasses.fields(record)]
    assert dataclasses.asdict(record) == {name: getattr(record, name) for name in names}
    assert dataclasses.replace(record) == records.replace(record) == record
    assert copy.deepcopy(record) == copy.copy(record) == pickle.loads(pickle.dumps(record)) == record


def test_replace_changes_what_is_named_and_looks_at_it() -> None:
    assert records.replace(Point(x=1, tags={"a": 1}), x=5) == Point(x=5, tags={"a": 1})
    assert records.replace(Checked(text="a"), text=" b ").text == "b"


def test_positions_match_in_order() -> None:
    match Named("a", 3):
        case Named(name, value):
            assert (name, value) == ("a", 3)
    assert Point.__match_args__ == ()


@records.dataclass(frozen=True, slots=True, kw_only=True)
class Often:
    x: int
    y: list[int] = records.field(default_factory=list)
    z: str = "z"

    @property
    def sum(self) -> int:
        return self.x + len(self.y)


@records.dataclass(frozen=True)
class OftenChecked:
    text: str
    more: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text.strip())


def test_a_class_with_many_records_makes_and_copies_them_as_it_did_the_first() -> None:
    """Its functions are written on the way."""
    for number in range(3 * records.MANY):                                            # type: ignore[attr-defined]
        one = Often(x=number)
        assert (one.x, one.y, one.z, one.sum, type(one)) == (number, [], "z", number, Often)
        other = records.replace(one, y=[1], z="other")
        assert other == Often(x=number, y=[1], z="other") and type(other) is Often
        for frozen in (one, other):
            with pytest.raises(AttributeError, match="Often is frozen"):
                frozen.x = 2                                                          # type: ignore[misc]
        checked = OftenChecked(" a ")
        assert (checked.text, records.replace(checked, text=" b ").text) == ("a", "b")
    wrongs: list[Callable[[], object]] = [
        lambda: Often(), lambda: Often(1), lambda: Often(x=1, q=2), lambda: records.replace(one, q=1),  # type: ignore[call-arg]
        lambda: OftenChecked("a", 1, 2), lambda: OftenChecked("a", text="b")]         # type: ignore[call-arg,misc]
    for wrong in wrongs:
        with pytest.raises(TypeError):
            wrong()
