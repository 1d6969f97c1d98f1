"""Models that differ in nothing but their seed, and the spread of what they reach."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import fsum, sqrt

from store.rows import Model

_SEED = re.compile(r"[-_.+]+(seed|s)\d*$")  # what is left of a name between its stem and where seeds differ
_LOOSE_END = re.compile(r"[-_.+]+\d*$")


@dataclass(frozen=True)
class Family:
    """Models of different seeds, oldest first, and what they are called together."""

    name: str
    members: tuple[Model, ...]


def families(models: Sequence[Model]) -> list[Family]:
    """The models in families, in the order of their first members; a model without siblings is a family of its own.

    Siblings agree in kind, variant, backbone (name and weights), features, recipe and the data that they were trained
    on, and no two have one seed. A family is called what its members' names begin with: `nopre` and `nopre-seed1` are
    `nopre`; the first member's name where that is nothing or another family's.
    """
    groups: list[tuple[str, list[Model]]] = []
    for model in models:
        own = _all_but_the_seed(model)
        for key, members in groups:
            if key == own and model.seed is not None and model.seed not in {member.seed for member in members}:
                members.append(model)
                break
        else:
            groups.append((own, [model]))
    found: list[Family] = []
    for _, members in groups:
        name = _stem([member.name for member in members])
        taken = {family.name for family in found} | {m.name for m in models if m not in members}
        found.append(Family(members[0].name if name in taken else name, tuple(members)))
    return found


def spread(means: Sequence[float]) -> tuple[float, float | None]:
    """Mean and standard deviation (n − 1) over seeds; one seed has no spread.

    `spread([0.1, 0.3])` is (0.2, 0.1414…).
    """
    mean = fsum(means) / len(means)
    if len(means) < 2:
        return mean, None
    return mean, sqrt(fsum((value - mean) ** 2 for value in means) / (len(means) - 1))


def _all_but_the_seed(model: Model) -> str:
    recipe = dict(model.recipe)
    if isinstance(recipe.get("request"), dict):
        recipe["request"] = {key: value for key, value in recipe["request"].items() if key != "seed"}
    recipe.pop("seed", None)
    phases = [{key: phase.get(key) for key in ("phase", "settings", "datasets")} for phase in model.lineage]
    start = model.lineage[0].get("parent") if model.lineage else ""
    identity = [model.kind, model.variant, model.backbone, model.features, recipe, start, phases]
    return json.dumps(identity, sort_keys=True, ensure_ascii=False)


def _stem(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    pairs = zip(min(names), max(names), strict=False)
    start = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    stem = _SEED.sub("", start)
    return (stem if stem in names else _LOOSE_END.sub("", stem)) or names[0]
