"""How a model is made: frozen settings with types and ranges, changed by `--set KEY=VALUE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from engine.training.recipe import Range
from store.errors import BadInput, unknown

ALLOWED, ADDED = "allowed", "added"  # of a dataclass field's metadata


@dataclass(frozen=True)
class Numbers:
    """Numbers of a range with commas between, as one word; or nothing."""

    each: Range

    def __contains__(self, text: str) -> bool:
        try:
            return all(self.each.holds(number) for number in numbers(text))
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"numbers {self.each}, with commas between"


@dataclass(frozen=True)
class Named:
    """The name of something that is stored, such as a dataset; or nothing. Whether it is there shows in training."""

    what: str


def numbers(text: str) -> tuple[float, ...]:
    """The numbers of a text such as `1,0.5`, none of an empty one; `ValueError` where something is no number."""
    return tuple(float(part) for part in text.split(",")) if text else ()


def setting(
    default: int | float | str, allowed: Range | Sequence[str] | Numbers | Named, *, added: bool = False
) -> Any:
    """A field of `Settings`: its default, whose type it has, and the range or the words that are allowed.

    added: models were stored without it. Documents leave out its default, so that those models keep their hashes.
    """
    return field(default=default, metadata={ALLOWED: allowed, ADDED: added})


@dataclass(frozen=True)
class Settings:
    """The settings of one kind of model. A value outside its type, range or choice is `BadInput`.

    `--set` and JSON write the names of the fields with hyphens.
    """

    def __post_init__(self) -> None:
        for entry in fields(self):
            object.__setattr__(self, entry.name, _checked(entry, getattr(self, entry.name)))

    def document(self) -> dict[str, Any]:
        """Every key with its value, as JSON holds it; without the defaults of settings that were added."""
        values = [(entry, getattr(self, entry.name)) for entry in fields(self)]
        return {_key(entry): value for entry, value in values if not (entry.metadata[ADDED] and value == entry.default)}


S = TypeVar("S", bound=Settings)


def with_overrides(kind: type[S], model: str, overrides: Sequence[str] = ()) -> S:
    """The settings of a model with `KEY=VALUE` on top; `BadInput` for unknown keys and wrong values."""
    entries = {_key(entry): entry for entry in fields(kind)}
    said: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = (part.strip() for part in override.partition("="))
        if not equals or not key:
            raise BadInput(f"--set {override}: is not KEY=VALUE. Write --set {_example(kind)}.")
        if key not in entries:
            raise unknown(f"setting of {model}", key, entries)
        try:
            of = _type(entries[key])
            said[entries[key].name] = text if of is str else of(text.replace("_", ""))
        except ValueError:
            _checked(entries[key], text)
    return kind(**said)


def from_document(kind: type[S], document: dict[str, Any]) -> S:
    """The settings that `document` wrote."""
    return kind(**{key.replace("-", "_"): value for key, value in document.items()})


def _key(entry: Field[Any]) -> str:
    return entry.name.replace("_", "-")


def _type(entry: Field[Any]) -> type[int] | type[float] | type[str]:
    return type(entry.default)  # type: ignore[return-value]  # every setting has a default


def _example(kind: type[Settings]) -> str:
    entries = {_key(entry): entry for entry in fields(kind)}
    key = "window" if "window" in entries else next(iter(entries))
    return f"{key}={20 if key == 'window' else entries[key].default}"


def _checked(entry: Field[Any], value: Any) -> Any:
    """The value in its field's type; `BadInput` with key, got and allowed."""
    kind, allowed = _type(entry), entry.metadata[ALLOWED]
    got = f"{_key(entry)} = {str(value)[:60]} is not allowed. Allowed:"
    if kind is str:
        if not isinstance(allowed, Named) and value not in allowed:
            raise BadInput(f"{got} {allowed if isinstance(allowed, Numbers) else ' or '.join(allowed)}.")
        return value
    fits = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
    if not fits or not allowed.holds(value):
        raise BadInput(f"{got} {'a whole number' if kind is int else 'a number'} {allowed}.")
    return kind(value)
