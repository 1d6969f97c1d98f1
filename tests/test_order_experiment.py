"""`st5 experiment order` and `order-use`: what the order of events is worth, made and shown by commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.arrangements import ARRANGEMENTS, SHUFFLES
from engine.audit.measuring_order import order_figures
from engine.experiments.definition import load_definition
from engine.experiments.order import ALL_SHUFFLES, SPREAD, WIDTH
from engine.experiments.order_use import AS_IT_IS, DROP, KEPT, SHUFFLED, P
from engine.ingest import IngestOptions, ingest
from store import datasets
from store.enums import SplitKind
from store.workspace import Workspace
from tests.engine.experiments.workspaces import shown, text_model
from tests.engine.raw_rows import Visit, raw, titles
from tests.program import Program, refusal
from tests.tiny_models import make_tiny_bert

ITEMS = [f"i{n}" for n in range(8)]


def visits(tied: int) -> list[Visit]:
    """Twelve users with six items each, one after another; the last `tied` of each share a time."""
    return [
        (f"u{user}", ITEMS[(user * 3 + step * 5) % 8], 1_000_000 + 1_000 * min(step, 6 - tied), None)
        for user in range(12)
        for step in range(6)
    ]


def shop(folder: Path, tied: int = 2, name: str = "shop") -> Program:
    options = IngestOptions(name, split=SplitKind.LEAVE_ONE_OUT)
    ingest(Workspace(folder / "w"), raw(folder, visits(tied), titles(*ITEMS)), options)
    return Program(folder / "w")


def rows(outcome: Any, sheet: str, metric: str) -> dict[str, Any]:
    """The first cell of the rows of a metric, by the order."""
    (found,) = [each for each in outcome["sheets"] if each["name"] == sheet]
    return {row["labels"][2]: row["cells"][0] for row in found["rows"] if row["labels"][1] == metric}


def test_each_order_has_its_number_and_their_spread_stands_beside_the_interval(tmp_path: Path) -> None:
    program = shop(tmp_path)
    outcome = program("experiment", "order", "--models", "pop", "--json").document
    found = rows(outcome, "order-mask", "ndcg@10")
    assert list(found) == [ALL_SHUFFLES, "shuffle seed 0", "rising keys", "falling keys", "strict", SPREAD, WIDTH]
    (figure,) = [each for each in outcome["figures"] if "ndcg@10" in each["name"]]
    assert tuple(figure["ticks"]) == tuple(one.words for one in ARRANGEMENTS)
    by_order = dict(zip(figure["ticks"], [cell["value"] for cell in figure["lines"][0]["cells"]], strict=True))
    assert all(by_order[order] == found[order]["value"] for order in ("shuffle seed 0", "rising keys", "strict"))
    shuffles = [by_order[one.words] for one in SHUFFLES]
    assert found[ALL_SHUFFLES]["value"] == pytest.approx(sum(shuffles) / 5)
    same_events = [value for order, value in by_order.items() if order != "strict"]
    assert found[SPREAD]["value"] == pytest.approx(max(same_events) - min(same_events))
    one = found["shuffle seed 0"]
    assert found[WIDTH]["value"] == pytest.approx(one["high"] - one["low"])
    assert (outcome["missing"], len(program("results", "--json").document)) == ([], 0)
    named = program("results", "--dataset", "shop~rising", "--metric", "ndcg@10", "--seen", "mask", "--json").document
    assert [row["mean"] for row in named if row["slice"] == "all"] == [by_order["rising keys"]]
    assert [each["name"] for each in program("datasets", "--json").document] == ["shop"]
    again = program("experiment", "order", "--models", "pop", "--dry-run")
    assert (again.out, again.err.strip()) == ("", "There is nothing to run.")


def test_a_baseline_is_trained_anew_on_each_order_with_the_definition_s_budget(tmp_path: Path) -> None:
    plan = shop(tmp_path)("experiment", "order", "--models", "sasrec", "--sample", "5", "--dry-run").out.splitlines()
    every = ",".join(one.name("shop") for one in ARRANGEMENTS)
    assert plan == [
        "st5 ingest arrangements shop",
        f"st5 baseline sasrec --datasets '{every}' --name sasrec-order --set epochs=30 --set patience=5 --sample 5",
    ]


def test_a_text_model_that_was_trained_on_the_dataset_is_not_asked_what_it_was_told(tmp_path: Path) -> None:
    program = shop(tmp_path)
    workspace = Workspace(program.workspace)
    with workspace.read() as db:
        print_of = datasets.dataset(db, "shop").fingerprint
    phase = {"phase": "sequence-item", "parent": "", "settings": {}, "datasets": {"shop": print_of}, "seconds": 1.0}
    text_model(workspace, "told", lineage=[phase])
    text_model(workspace, "other")
    plan = program("experiment", "order", "--models", "told,other", "--dry-run").out.splitlines()
    assert [line.split()[:3] for line in plan] == [["st5", "ingest", "arrangements"], ["st5", "evaluate", "other"]]
    notes = shown(workspace, load_definition("order"), models=("told", "other")).notes
    assert [note for note in notes if note.startswith("told was trained on shop")]


def test_without_ties_it_is_refused_and_without_a_name_left_out(tmp_path: Path) -> None:
    program = shop(tmp_path, tied=1)
    for command in (("experiment", "order"), ("experiment", "order", "-d", "shop"), ("ingest", "arrangements", "shop")):
        assert "no events of a user share a time" in refusal(program(*command))
    shop(tmp_path, tied=2, name="tied")
    plan = program("experiment", "order", "--models", "pop", "--dry-run").out.splitlines()
    assert plan[0] == "st5 ingest arrangements tied"


def chain(folder: Path, items: int = 12) -> Program:
    """Sixty users who each take six items of one fixed round: only the last item says what comes next."""
    steps: list[Visit] = [
        (f"u{user:02}", f"i{(user + step) % items:02}", 1_000 * step, None) for user in range(60) for step in range(6)
    ]
    keys = [f"i{number:02}" for number in range(items)]
    options = IngestOptions("round", split=SplitKind.LEAVE_ONE_OUT)
    workspace = Workspace(folder / "w")
    order_figures(workspace, ingest(workspace, raw(folder, steps, titles(*keys)), options))
    return Program(workspace.folder)


def uses(program: Program, *options: str) -> dict[str, dict[str, Any]]:
    """By model, the cells of a row of the sheet with seen items kept, by column."""
    outcome = program("experiment", "order-use", "--seen", "keep", *options, "--json").document
    (sheet,) = [each for each in outcome["sheets"] if each["name"] == "order-use-keep"]
    return {row["labels"][1]: dict(zip(sheet["columns"], row["cells"], strict=True)) for row in sheet["rows"]}


def test_a_model_that_reads_items_in_order_drops_and_one_that_does_not_loses_exactly_nothing(tmp_path: Path) -> None:
    program = chain(tmp_path)
    small = ("hidden=16", "inner=32", "epochs=20", "dropout=0.1", "batch=64", "learning-rate=0.01")
    settings = [word for setting in small for word in ("--set", setting)]
    assert program("baseline", "sasrec", "--datasets", "round", *settings).code == 0
    assert program("evaluate", "pop", "bm25", "--datasets", "round").code == 0
    every = ("pop", "bm25", "sasrec", "--datasets", "round", "--shuffle", "0,1,2,3,4")
    assert program("evaluate", *every).code == 0
    found = uses(program)
    assert set(found) == {"pop", "bm25", "sasrec"}  # every stored model that can be asked
    for model in ("pop", "bm25"):
        assert [found[model][column]["value"] for column in (DROP, KEPT, P)] == [0, 1, 1]
    drop = found["sasrec"][DROP]
    assert found["sasrec"][AS_IT_IS]["value"] > 0.9
    assert drop["low"] > 0.2
    assert found["sasrec"][P]["value"] < 0.05
    assert drop["value"] == pytest.approx(found["sasrec"][AS_IT_IS]["value"] - found["sasrec"][SHUFFLED]["value"])
    listed = program("results", "--metric", "ndcg@10", "--json").document
    assert {row["model"] for row in listed} == {"pop", "bm25", "sasrec"}
    assert not [row for row in listed if "shuffled" in row["protocol"]]


def test_a_text_model_loses_exactly_nothing_in_the_unordered_format_and_its_vectors_change_in_others(
    tmp_path: Path,
) -> None:
    program = chain(tmp_path, items=60)
    assert program("train", "only", "--backbone", make_tiny_bert(tmp_path / "b"), "--name", "reader").code == 0
    arms = "".join(f'[[arms]]\nlabel = "{form}"\nhistory = "{form}"\n' for form in ("structured", "unordered"))
    head = 'title = "Formats"\nkind = "order-use"\nmetrics = ["ndcg@10"]\nmodel = "reader"\n'
    (tmp_path / "formats.toml").write_text(head + arms)
    sample = ("--datasets", "round", "--sample", "20")
    for form in ("structured", "unordered"):
        for shuffle in ((), ("--shuffle", "0,1,2,3,4")):
            assert program("evaluate", "reader", *sample, "--history", form, *shuffle).code == 0
    outcome = program("experiment", str(tmp_path / "formats.toml"), *sample, "--seen", "keep", "--json").document
    sheet = outcome["sheets"][0]
    found = {row["labels"][1]: dict(zip(sheet["columns"], row["cells"], strict=True)) for row in sheet["rows"]}
    assert [found["unordered"][column]["value"] for column in (DROP, KEPT, P)] == [0, 1, 1]
    assert found["structured"][KEPT]["value"] < 1


def test_a_model_that_was_not_trained_on_a_dataset_is_not_asked_about_it(tmp_path: Path) -> None:
    program = shop(tmp_path)
    plan = program("experiment", "order-use", "--models", "pop,sasrec", "--dry-run")
    assert plan.code == 2
    assert "sasrec" in plan.err
    program("evaluate", "pop", "--datasets", "shop")
    assert program("experiment", "order-use", "--dry-run").out.splitlines() == [
        "st5 datasets shop",
        "st5 evaluate pop --datasets shop --sample 3000 --seed 0 --shuffle 0,1,2,3,4",
    ]
    assert "--shuffle" in refusal(program("evaluate", "pop", "--datasets", "shop", "--shuffle", "1,x"))
