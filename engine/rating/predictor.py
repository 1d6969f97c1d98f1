"""The rating predictors by name, and what each can be told; importing this costs nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from engine.text.sentences import HistoryFormat, ItemText
from engine.training.recipe import Range
from store.errors import BadInput, unknown


class Predictor(StrEnum):
    """Ways to guess the rating of an event."""

    MEAN = "mean"
    USER_MEAN = "user-mean"
    ITEM_MEAN = "item-mean"
    BIAS = "bias"
    PMF = "pmf"
    BIASED_MF = "biased-mf"
    RIDGE = "ridge"
    DENSE = "dense"

    @property
    def reads_text(self) -> bool:
        return self in (self.RIDGE, self.DENSE)


class UserVector(StrEnum):
    """What stands for a user: the model's vector of their history as a text, or the mean of its items' vectors."""

    AUTO = "auto"
    HISTORY_TEXT = "history-text"
    ITEM_MEAN = "item-mean"


def _number(default: float, low: float, high: float = 1e9, *, above: bool = False) -> Any:
    return field(default=default, metadata={"allowed": Range(low, high, above=above)})


def _choice(default: StrEnum) -> Any:
    return field(default=default, metadata={"allowed": tuple(map(str, type(default)))})


@dataclass(frozen=True)
class PredictorSettings:
    """Nothing to be told: mean, user-mean, item-mean. `--set` writes the names of the others with hyphens."""

    def document(self) -> dict[str, Any]:
        """Every key with its value, as JSON holds it."""
        return {_key(entry.name): getattr(self, entry.name) for entry in fields(self)}


@dataclass(frozen=True)
class BiasSettings(PredictorSettings):
    """bias_penalty: on the squares of biases, 0 = chosen on valid ratings; iterations: at most so many."""

    bias_penalty: float = _number(0.0, 0)
    iterations: int = _number(50, 1)


@dataclass(frozen=True)
class FactorSettings(PredictorSettings):
    """factors: numbers that stand for a user, and for an item; penalty: on their squares, 0 = chosen on valid."""

    factors: int = _number(16, 1, 512)
    penalty: float = _number(0.0, 0)
    iterations: int = _number(50, 1)


@dataclass(frozen=True)
class BiasedFactorSettings(FactorSettings):
    """Both."""

    bias_penalty: float = _number(0.0, 0)


@dataclass(frozen=True)
class TextSettings(PredictorSettings):
    """What a user and an item are to the text model; `auto`: see `engine.rating.vectors`."""

    user_vector: str = _choice(UserVector.AUTO)
    history: str = _choice(HistoryFormat.STRUCTURED)
    item_text: str = _choice(ItemText.TITLE)


@dataclass(frozen=True)
class RidgeSettings(TextSettings):
    """penalty: scikit-learn's alpha, 0 = chosen on valid ratings."""

    penalty: float = _number(0.0, 0)


@dataclass(frozen=True)
class DenseSettings(TextSettings):
    """As published (FACTS: batch 128, AdamW 1e-4, cosine, 100 epochs, clip 1.0).

    patience: epochs without a better validation RMSE before training stops.
    """

    epochs: int = _number(100, 1)
    patience: int = _number(5, 1)
    batch: int = _number(128, 2)
    learning_rate: float = _number(1e-4, 0, 1, above=True)
    weight_decay: float = _number(0.01, 0, 1)
    gradient_clip: float = _number(1.0, 0, above=True)


SETTINGS: dict[Predictor, type[PredictorSettings]] = {
    Predictor.MEAN: PredictorSettings,
    Predictor.USER_MEAN: PredictorSettings,
    Predictor.ITEM_MEAN: PredictorSettings,
    Predictor.BIAS: BiasSettings,
    Predictor.PMF: FactorSettings,
    Predictor.BIASED_MF: BiasedFactorSettings,
    Predictor.RIDGE: RidgeSettings,
    Predictor.DENSE: DenseSettings,
}


def named(name: str) -> Predictor:
    """The predictor of this name; `BadInput` with the nearest names if it does not exist."""
    if name not in list(Predictor):
        raise unknown("rating predictor", name, Predictor)
    return Predictor(name)


def settings_of(predictor: Predictor, overrides: Sequence[str] = ()) -> PredictorSettings:
    """The predictor's settings with each `KEY=VALUE` on top; `BadInput` says what is unknown or not allowed."""
    kind = SETTINGS[predictor]
    known = {_key(entry.name): entry for entry in fields(kind)}
    values: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = (part.strip() for part in override.partition("="))
        if not equals or not key:
            raise BadInput(f"--set {override}: is not KEY=VALUE. Write --set epochs=20.")
        if not known:
            raise BadInput(f"--set {override}: {predictor} has no settings. Leave it out.")
        if key not in known:
            raise unknown(f"setting of {predictor}", key, known)
        allowed = known[key].metadata["allowed"]
        if isinstance(allowed, Range):
            values[known[key].name] = _spoken(override, text, allowed, whole=isinstance(known[key].default, int))
        elif text in allowed:
            values[known[key].name] = text
        else:
            raise unknown(key, text, allowed)
    return kind(**values)


def _spoken(override: str, text: str, allowed: Range, *, whole: bool) -> float | int:
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        value = None
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool) and allowed.holds(value)
    if not fits:
        raise BadInput(f"--set {override}: allowed is a {'whole number' if whole else 'number'} {allowed}.")
    return int(value) if whole else float(value)


def _key(name: str) -> str:
    return name.replace("_", "-")
