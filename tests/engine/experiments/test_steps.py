"""The command lines that an experiment still needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.experiments.arguments import Arguments
from engine.experiments.context import ExperimentContext
from engine.experiments.definition import load_definition
from engine.experiments.request import checked
from engine.experiments.steps import Readiness, steps
from store.errors import BadInput
from store.workspace import Workspace
from tests.engine.experiments.workspaces import evaluated, text_model
from tests.small_shop import CATEGORIES, HISTORIES, TITLES, add, five_items

READY, WAITS, HELD = Readiness


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    workspace = five_items(tmp_path, name="a")
    add(workspace, "b", TITLES, CATEGORIES, HISTORIES)
    return workspace


def needed(shop: Workspace, name: str, **arguments: Any) -> list[tuple[str, Readiness]]:
    """Command lines without `st5`, and whether they can run."""
    with shop.read() as db:
        definition = load_definition(name)
        found = steps(ExperimentContext(db, definition, checked(db, definition, Arguments(**arguments))))
    return [(" ".join(step.arguments), step.readiness) for step in found]


def test_what_is_stored_is_not_made_again(shop: Workspace) -> None:
    assert needed(shop, "main", models=("pop",)) == [("evaluate pop --datasets a,b", READY)]
    evaluated(shop, text_model(shop, "pop", kind="baseline"), [0, 0, 0, 0], dataset="a")
    assert needed(shop, "main", models=("pop",)) == [("evaluate pop --datasets b", READY)]
    evaluated(shop, text_model(shop, "pop", kind="baseline"), [0, 0, 0, 0], dataset="b")
    assert needed(shop, "main", models=("pop",)) == []
    assert needed(shop, "main", models=("pop",), sample=3) == [
        ("evaluate pop --datasets a,b --sample 3 --seed 0", READY)
    ]


def test_baselines_with_weights_are_trained_and_evaluated_by_one_command(shop: Workspace) -> None:
    assert needed(shop, "main", models=("sasrec",), seeds=(0, 1), sample=3, settings=("sasrec.epochs=2",)) == [
        ("baseline sasrec --datasets a,b --set epochs=2 --sample 3", READY),
        ("baseline sasrec --datasets a,b --seed 1 --name sasrec-seed1 --set epochs=2 --sample 3", READY),
    ]


def test_variants_are_trained_only_where_that_was_asked_for(shop: Workspace) -> None:
    train = "train final --datasets a,b --backbone only --recipe cpu --set batch=4 --name final"
    asked = {"models": ("final",), "backbone": "only", "recipe": "cpu", "settings": ("batch=4",)}
    assert needed(shop, "variants", **asked) == [(train, HELD), ("evaluate final --datasets a,b", HELD)]
    assert needed(shop, "variants", train=True, **asked) == [(train, READY), ("evaluate final --datasets a,b", WAITS)]
    text_model(shop, "final")
    assert needed(shop, "variants", **asked) == [("evaluate final --datasets a,b", READY)]


def test_another_seed_is_another_model(shop: Workspace) -> None:
    found = needed(shop, "variants", models=("final",), seeds=(1,), train=True)
    assert found[0] == ("train final --datasets a,b --name final-seed1 --seed 1", READY)


def test_the_backbone_is_what_only_means(shop: Workspace) -> None:
    asked = {"models": ("only",), "sample": 0}
    assert needed(shop, "text-format", datasets=("a",), **asked)[1] == (
        "evaluate only --datasets a --history unstructured", READY,
    )  # fmt: skip
    assert needed(shop, "main", backbone="t5", **asked) == [
        ("train only --backbone t5 --name only", READY), ("evaluate only --datasets a,b", WAITS),
    ]  # fmt: skip
    text_model(shop, "st5-only")
    assert needed(shop, "main", backbone="st5-only", **asked) == [("evaluate st5-only --datasets a,b", READY)]


def test_formats_of_another_model_are_those_of_that_model(shop: Workspace) -> None:
    text_model(shop, "final")
    found = needed(shop, "item-text", models=("final",), datasets=("b",))
    assert found == [
        ("evaluate final --datasets b --sample 3000 --seed 0 --item-text title", READY),
        ("evaluate final --datasets b --sample 3000 --seed 0 --item-text title+description", READY),
    ]


def test_a_model_is_found_in_the_words_it_was_trained_on(shop: Workspace) -> None:
    model = text_model(shop, "final", lineage=[{"settings": {"history": "unstructured"}}])
    asked = {"models": ("final",), "datasets": ("a",), "sample": 0}
    evaluated(shop, model, [0], "a", history="structured")
    assert needed(shop, "main", **asked) == [("evaluate final --datasets a", READY)]
    evaluated(shop, model, [0], "a", history="unstructured")
    assert needed(shop, "main", **asked) == []


def test_maps_are_of_all_datasets_together(shop: Workspace) -> None:
    found = needed(shop, "representations", models=("only",), sample=50)
    assert ("project only --datasets a,b --kind items --method tsne --sample 50", READY) in found
    assert len(found) == 4


def test_what_needs_nothing_needs_nothing(shop: Workspace) -> None:
    assert needed(shop, "statistics") == []


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("main", {"datasets": ("c",)}, 'No dataset "c"'),
        ("main", {"models": ("finale",)}, "Did you mean final"),
        ("main", {"sample": -1}, "--sample -1"),
        ("main", {"seeds": (0, 0)}, "--seeds 0,0"),
        ("main", {"seeds": (-1,)}, "--seeds -1"),
        ("main", {"recipe": "moderm"}, "Did you mean modern"),
        ("main", {"settings": ("bach=3",)}, "Did you mean batch"),
        ("statistics", {"settings": ("batch=3",)}, "trains no text model"),
        ("rating", {}, "predicts ratings"),
        ("rating", {"datasets": ("a",)}, "the events of a have none"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    shop: Workspace, name: str, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput) as refused:
        needed(shop, name, **arguments)
    assert words in str(refused.value)
