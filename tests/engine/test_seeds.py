"""Families of models that differ in their seed only."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

from engine.measuring.seeds import families, spread
from store.rows import Model


def trained(name: str, seed: int | None = 0, **other: Any) -> Model:
    """A model as training stores it: the seed is in the request and in every phase, the weights are its own."""
    recipe = {"length": 64, "request": {"variant": "nopre", "seed": seed, "datasets": {"shop": "f1"}}}
    phase = {
        "phase": "sequence-item", "parent": "backbone", "settings": {"batch": 64}, "datasets": {"shop": "f1"},
        "seed": seed, "key": f"key of {name}", "weights_hash": name, "seconds": 1.0,
    }  # fmt: skip
    fields: dict[str, Any] = {
        "id": 0, "name": name, "kind": "text", "variant": "nopre", "backbone": "mini", "folder": name,
        "weights_hash": name, "tokenizer_hash": "t", "features": "", "recipe": recipe, "lineage": [phase],
        "seed": seed, "code_version": "1", "device": "", "created": "",
    }  # fmt: skip
    return Model(**fields | other)


def named(*models: Model) -> list[tuple[str, list[str]]]:
    return [(family.name, [member.name for member in family.members]) for family in families(models)]


def test_seeds_of_one_recipe_are_a_family() -> None:
    models = trained("nopre"), trained("other", variant="final"), trained("nopre-seed1", 1), trained("nopre-seed2", 2)
    assert named(*models) == [("nopre", ["nopre", "nopre-seed1", "nopre-seed2"]), ("other", ["other"])]


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (["nopre", "nopre-seed1"], "nopre"),
        (["sasrec-seed1", "sasrec-seed12"], "sasrec"),
        (["final-s1", "final-s2"], "final"),
        (["boss1", "boss2"], "boss"),
        (["left", "right"], "left"),
        (["a_1", "a_2"], "a"),
    ],
)
def test_a_family_is_called_what_its_names_share(names: list[str], family: str) -> None:
    (found,) = families([trained(name, seed) for seed, name in enumerate(names)])
    assert found.name == family


@pytest.mark.parametrize(
    "other",
    [
        {"variant": "final"},
        {"backbone": "large"},
        {"features": "only"},
        {"kind": "baseline"},
        {"recipe": {"length": 32}},
        {"lineage": []},
    ],
)
def test_anything_but_the_seed_makes_another_family(other: dict[str, Any]) -> None:
    assert len(families([trained("a", 0), trained("b", 1, **other)])) == 2


def test_a_backbone_of_the_same_name_with_other_weights_makes_another_family() -> None:
    one, two = trained("a", 0), trained("b", 1)
    assert len(families([one, two])) == 1
    two.lineage[0]["parent"] = "another backbone"
    assert len(families([one, two])) == 2


def test_models_of_one_seed_or_of_none_are_no_family() -> None:
    assert named(trained("a", 3), trained("b", 3)) == [("a", ["a"]), ("b", ["b"])]
    assert named(trained("pop", None), trained("top", None)) == [("pop", ["pop"]), ("top", ["top"])]
    assert families([]) == []


def test_a_family_does_not_take_the_name_of_another_model() -> None:
    models = trained("x", 0, variant="final"), trained("x-seed1", 1), trained("x-seed2", 2)
    assert named(*models) == [("x", ["x"]), ("x-seed1", ["x-seed1", "x-seed2"])]


def test_spread_by_hand() -> None:
    assert spread([0.1, 0.3]) == (pytest.approx(0.2), pytest.approx(sqrt((0.01 + 0.01) / 1)))
    assert spread([0.5, 0.5, 0.5]) == (0.5, 0.0)
    assert spread([0.7]) == (0.7, None)
