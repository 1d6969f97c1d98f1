"""What stored workspaces stand on: hashes, rules and keys of the models that there were before the registry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.baselines.request import BaselineRequest, check_baseline
from engine.baselines.settings import UniSRecSettings
from engine.evaluation import evaluate
from engine.model_settings import from_document
from engine.models import make_baseline, open_model
from engine.protocol import EvaluationOptions, Measured, protocol
from engine.registry import baselines, made_on_first_use, stored_model
from engine.text_format import TextFormat
from store import datasets
from store.errors import BadInput
from store.rows import Model, TrainedBaseline
from tests.small_shop import five_items

COMMON = {"candidates": "full catalogue", "ties": "expected over random order", "top": 50}
OPTIONS = EvaluationOptions(precision="fp32", device="cpu")


@pytest.mark.parametrize(
    ("name", "weights", "key"),
    [
        ("pop", "c0f1e569255e26a03985a376bd68e536", "29160426b86e0220909d1f311c5f7444"),
        ("pop-recent", "429054512e749dd04eaf927038e60f6e", "d9d7d0163e13a11c030f38ac2068b347"),
        ("bm25", "03b51227f67e324914c18600f46e4dee", "9e191daf9743a04f4fb1780e1c99684a"),
    ],
)
def test_evaluations_of_older_workspaces_are_found_again(tmp_path: Path, name: str, weights: str, key: str) -> None:
    workspace = five_items(tmp_path)
    assert evaluate(workspace, name, "shop", OPTIONS).key == key
    assert open_model(workspace, name).weights_hash == weights


def test_trained_models_keep_their_hashes(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    assert make_baseline(workspace, BaselineRequest("sasrec")).weights_hash == "a7435c6df55da08b431a58e37b72df6c"
    other = make_baseline(workspace, BaselineRequest("sasrec", "", "x", 3, ("window=20",)))
    assert other.weights_hash == "7b5adf18179113e865a2a5db8c59396f"


def test_a_setting_that_was_added_is_no_part_of_older_models() -> None:
    assert "whitening" not in UniSRecSettings().document()
    assert from_document(UniSRecSettings, UniSRecSettings().document()) == UniSRecSettings()
    other = UniSRecSettings(whitening="zca")
    assert other.document() == UniSRecSettings().document() | {"whitening": "zca"}


def test_the_rules_of_each_kind(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
    reader = _model("text", "only", recipe={"length": 256}, weights_hash="w", tokenizer_hash="t")
    trained = TrainedBaseline("k", "m", "shop", "f", "learned", {"window": 20}, {}, 0.0, "cpu", "0", "now")
    read = {"structured": True, "item_text": "title", "window": 256, "precision": "fp32", "weights": "w"}

    def rules(variant: str, reader: Model | None = None, trained: TrainedBaseline | None = None) -> dict[str, object]:
        model = _model("text" if variant == "only" else "baseline", variant)
        found = protocol(Measured(model, dataset, reader, TextFormat(), "fp32", trained), OPTIONS, 4)
        assert found.items() >= COMMON.items()
        return {name: value for name, value in found.items() if name not in COMMON}

    assert rules("pop") == rules("pop-recent") == {}
    assert rules("bm25") == {"item_text": "title"}
    assert rules("only", reader) == {"history": "structured", "tokenizer": "t", **read}
    assert rules("last-item", reader) == {"history": "newest item", "tokenizer": "t", **read}
    assert rules("sasrec", trained=trained) == {"newest": 20, "weights": "learned"}
    features = {"newest": 20, "weights": "learned", "item_text": "title", "features": "w"}
    assert rules("unisrec", reader, trained) == rules("late", reader, trained) == features
    whitened = replace(trained, settings={"window": 20, "whitening": "zca"})
    assert rules("unisrec", reader, whitened) == {"whitening": "zca", **features}
    assert rules("star", reader, trained) == {name: value for name, value in features.items() if name != "newest"}


def test_a_known_model_that_is_not_stored_is_told_with_its_command(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    assert {"only", "pop", "last-item"} <= set(made_on_first_use()) <= {"only", *baselines()}
    with workspace.read() as db:
        for name, words in (
            ("only", r"only has not been used here yet\. `st5 evaluate only --datasets NAME` makes it"),
            ("pop", r"pop has not been used here yet\. `st5 evaluate pop"),
            ("sasrec", r"sasrec has not been trained here yet\. `st5 baseline sasrec --datasets NAME` trains it"),
            ("poop", r'No model "poop"\. Did you mean pop'),
        ):
            with pytest.raises(BadInput, match=words):
                stored_model(db, name)


def test_what_says_nothing_of_a_model_is_refused(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    for request, words in (
        (BaselineRequest("pop", seed=1), "pop is not trained, so --seed 1 says nothing"),
        (BaselineRequest("bm25", called="mine"), "bm25 is not trained, so --name mine says nothing"),
        (BaselineRequest("last-item", settings=("a=1", "b=2")), "so --set a=1 b=2 says nothing"),
        (BaselineRequest("pop", features="only"), "pop reads no vectors"),
        (BaselineRequest("sasrec", settings=("windw=1",)), 'No setting of sasrec "windw". Did you mean window'),
        (
            BaselineRequest("sasrec", settings=("window=0",)),
            "window = 0 is not allowed. Allowed: a whole",
        ),
        (BaselineRequest("sasrec", settings=("dropout=x",)), "dropout = x is not allowed. Allowed: a number from 0"),
        (BaselineRequest("sasrec", called="pop"), '"pop" is another model'),
    ):
        with pytest.raises(BadInput, match=words):
            check_baseline(workspace, request)


def _model(kind: str, variant: str, **changed: object) -> Model:
    fields: dict[str, object] = {
        "id": 1, "name": variant, "kind": kind, "variant": variant, "backbone": "", "folder": "", "weights_hash": "",
        "tokenizer_hash": "", "features": "", "recipe": {}, "lineage": [], "seed": None, "code_version": "",
        "device": "", "created": "",
    }  # fmt: skip
    return Model(**{**fields, **changed})  # type: ignore[arg-type]
