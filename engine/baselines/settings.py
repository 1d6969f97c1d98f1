"""How a baseline is trained: frozen settings with the published values, changed by `--set KEY=VALUE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, dataclass, fields
from typing import Any

from engine.training.recipe import Range
from store.errors import BadInput, unknown

RANGES: dict[str, Range] = {
    "hidden": Range(1, 8_192),
    "layers": Range(1, 64),
    "heads": Range(1, 64),
    "inner": Range(1, 65_536),
    "dropout": Range(0, 1, below=True),
    "window": Range(1, 10_000),
    "batch": Range(1),
    "learning-rate": Range(0, 1, above=True),
    "epochs": Range(1),
    "patience": Range(1),
    "validation-events": Range(1),
    "experts": Range(1, 256),
    "feature-dropout": Range(0, 1, below=True),
    "temperature": Range(0, 100, above=True),
}


@dataclass(frozen=True)
class SasRecSettings:
    """SASRec as in thesis B.1; `--set` writes the names with hyphens. A value outside its range is `BadInput`."""

    hidden: int = 64
    layers: int = 2
    heads: int = 2
    inner: int = 256  # width between the two linear layers of a block
    dropout: float = 0.5  # of the embeddings, the attention and the outputs of each block
    window: int = 50  # items that are read, the newest of a history
    batch: int = 2_048  # training targets of an optimizer step
    learning_rate: float = 1e-3
    epochs: int = 300  # at most
    patience: int = 10  # epochs without a better NDCG@10 on valid events after which training ends
    validation_events: int = 5_000  # a fixed sample of them where there are more

    def __post_init__(self) -> None:
        for entry in fields(self):
            key = entry.name.replace("_", "-")
            object.__setattr__(self, entry.name, _checked(key, getattr(self, entry.name), _kind(entry)))
        if self.hidden % self.heads:
            raise BadInput(f"hidden = {self.hidden} cannot be divided among heads = {self.heads}. Choose a multiple.")

    def document(self) -> dict[str, Any]:
        """Every key with its value, as JSON holds it."""
        return {entry.name.replace("_", "-"): getattr(self, entry.name) for entry in fields(self)}


@dataclass(frozen=True)
class UniSRecSettings(SasRecSettings):
    """UniSRec: the same body, wider, over text features of the items (Hou et al. 2022, Table 2 and its code)."""

    hidden: int = 300
    experts: int = 8  # linear maps of the features, mixed by a gate
    feature_dropout: float = 0.2  # of the features on their way into the experts
    temperature: float = 0.07


SETTINGS: dict[str, type[SasRecSettings]] = {"sasrec": SasRecSettings, "unisrec": UniSRecSettings}


def settings_for(name: str, overrides: Sequence[str] = ()) -> SasRecSettings:
    """The settings of a trained baseline with `KEY=VALUE` on top; `BadInput` for unknown keys and wrong values."""
    kind = SETTINGS[name]
    keys = {entry.name.replace("_", "-"): _kind(entry) for entry in fields(kind)}
    said: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = (part.strip() for part in override.partition("="))
        if not equals or not key:
            raise BadInput(f"--set {override}: is not KEY=VALUE. Write --set window=20.")
        if key not in keys:
            raise unknown(f"setting of {name}", key, keys)
        try:
            said[key.replace("-", "_")] = keys[key](text.replace("_", ""))
        except ValueError:
            _checked(key, text, keys[key])
    return kind(**said)


def stored_settings(name: str, document: dict[str, Any]) -> SasRecSettings:
    """The settings that `document` wrote."""
    return SETTINGS[name](**{key.replace("-", "_"): value for key, value in document.items()})


def _kind(entry: Field[Any]) -> type[int] | type[float]:
    return int if isinstance(entry.default, int) else float


def _checked(key: str, value: Any, kind: type) -> Any:
    """The value in its field's type; `BadInput` with key, got and allowed."""
    fits = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
    if not fits or not RANGES[key].holds(value):
        words = "a whole number" if kind is int else "a number"
        raise BadInput(f"{key} = {str(value)[:60]} is not allowed. Allowed: {words} {RANGES[key]}.")
    return kind(value)
