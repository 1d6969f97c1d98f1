"""Every kind of model, by name: what it needs, how it is made and scored, what it adds to the protocol.

A model is added in one place: a `ModelSpec` among those of `engine.baselines.specs`, or in an installed package under
the entry point group `st5.models` (docs/extending.md). Importing this costs nothing: what a spec needs to work is
named, and loaded when it works.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine.model_name import check_name
from store import models as stored_models
from store.errors import BadInput, Problem, unknown

if TYPE_CHECKING:
    from engine.model_settings import Settings
    from engine.protocol import Measured
    from store.rows import Model

ONLY = "only"
EMBEDDED = "all-MiniLM-L6-v2 (embedded)"
GROUP = "st5.models"  # of entry points


def _nothing(measured: Measured) -> dict[str, Any]:
    """Add no rule."""
    return {}


@dataclass(frozen=True)
class ModelSpec:
    """One kind of model.

    version: changes when its scores do, and with it the key of every evaluation. scoring: `module:function`, from an
    `engine.scoring.Opening` to a `Scoring`. vectors: it needs those of a text model (`--features`). parts: it is made
    of other models, which `--parts` names, or always of those in made_of, which are trained with it. settings: what
    `--set` changes. fit: `module:function`, from an `engine.baselines.trained.Fitting` to a `Fitted`, of a model that
    learns weights of its own from each dataset; random: a seed decides them. protocol: what an evaluation's rules say
    beside what all say. reads_sentences: `--history` and `--item-text` change it.
    """

    name: str
    summary: str
    version: str
    scoring: str
    vectors: bool = False
    parts: bool = False
    made_of: tuple[str, ...] = ()
    settings: type[Settings] | None = None
    fit: str = ""
    random: bool = False
    protocol: Callable[[Measured], dict[str, Any]] = _nothing
    reads_sentences: bool = False

    @property
    def trained(self) -> bool:
        """Whether it learns weights of its own from each dataset's train part."""
        return bool(self.fit)


@dataclass(frozen=True)
class Registry:
    """The models beside the text models by name, and a sentence for each entry point that adds none."""

    specs: dict[str, ModelSpec]
    faults: tuple[str, ...]


@cache
def registry() -> Registry:
    """Those of st5, and then those of installed packages in the order of their names."""
    from engine.baselines.specs import BASELINES

    specs, faults = {spec.name: spec for spec in BASELINES}, []
    for name, package, load in _entry_points():
        try:
            specs[name] = _checked(name, load(), specs)
        except Exception as error:  # code of others may fail in any way, and must not stop st5
            words = str(error) if isinstance(error, Problem) else f"{type(error).__name__}: {error}"
            faults.append(f"The model {name} of the package {package} is left out: {words}")
    return Registry(specs, tuple(faults))


def baselines() -> dict[str, ModelSpec]:
    """Every kind of model beside the text models, by name."""
    return registry().specs


def spec_of(model: Model) -> ModelSpec:
    """The kind of a stored model; `BadInput` where it came from a package that is not installed any more."""
    if model.kind == "text":
        from engine.baselines.specs import TEXT

        return TEXT
    found = baselines().get(model.variant)
    if found is None:
        raise BadInput(
            f"{model.name} is a {model.variant}, which this st5 does not know. Install the package that it came from; "
            "`st5 doctor` says what is left out."
        )
    return found


def made_on_first_use() -> tuple[str, ...]:
    """The models that are there without being made first: `only` and all that need no weights of their own."""
    return (ONLY, *(name for name, spec in baselines().items() if not spec.trained and not spec.parts))


def stored_model(db: sqlite3.Connection, name: str) -> Model:
    """The model of this name; `BadInput` with what makes it, or with the nearest names, where it is not stored."""
    found = stored_models.find_model(db, name)
    if found is None and name in made_on_first_use():
        raise BadInput(f"{name} has not been used here yet. `st5 evaluate {name} --datasets NAME` makes it.")
    if found is None and name in baselines():
        raise BadInput(f"{name} has not been trained here yet. `st5 baseline {name} --datasets NAME` trains it.")
    if found is None:
        known = {*(model.name for model in stored_models.models(db)), ONLY, *baselines()}
        raise unknown("model", name, known, "`st5 models` lists them.")
    return found


def load(name: str) -> Any:
    """What `module:attribute` names, imported now."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _entry_points() -> list[tuple[str, str, Callable[[], Any]]]:
    """Name, package and loader of each entry point of installed packages; the current directory is none."""
    from importlib.metadata import distributions

    here = os.path.realpath(os.curdir)
    paths = [path for path in sys.path if path and os.path.realpath(path) != here]
    found: dict[tuple[str, str], Callable[[], Any]] = {}
    for package in distributions(path=paths):
        for point in package.entry_points.select(group=GROUP):
            found.setdefault((point.name, str(package.metadata["Name"])), point.load)
    return [(name, package, found[name, package]) for name, package in sorted(found)]


def _checked(name: str, spec: Any, taken: dict[str, ModelSpec]) -> ModelSpec:
    if not isinstance(spec, ModelSpec):
        raise BadInput(f"it is a {type(spec).__name__}, not an engine.registry.ModelSpec.")
    if spec.name != name:
        raise BadInput(f'its spec says "{spec.name}". Give the entry point the name of its model.')
    if name in taken or name in (ONLY, "nopre", "itempre", "final"):
        raise BadInput("there is a model of this name already. Choose another name for it.")
    check_name(name)
    return spec
