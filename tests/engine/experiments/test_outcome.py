"""Tables and figures from what is stored, every number checked by hand."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.experiments.definition import load_definition
from engine.experiments.sheet import Cell, LineFigure, PointFigure
from engine.measuring.choices import Averaging
from engine.measuring.metrics import METRICS
from store import datasets
from store.enums import Seen, Split
from store.projections import add_projection
from store.ratings import put_rating_run
from store.rows import Points, RatingError
from store.workspace import Workspace
from tests.engine.experiments.workspaces import cells, defined, evaluated, shown, text_model
from tests.small_shop import CATEGORIES, HISTORIES, TITLES, add, five_items, many

ONE = 'metrics = ["hr@1"]\n'


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """Five items and four test events: u0 has one, u1 two, u2 one (see tests.small_shop)."""
    return five_items(tmp_path)


def known(cell: Cell | None) -> Cell:
    assert cell is not None
    return cell


def test_a_cell_is_the_mean_of_its_evaluation_with_its_interval(shop: Workspace) -> None:
    pop, recent = (text_model(shop, name, kind="baseline") for name in ("pop", "pop-recent"))
    made = evaluated(shop, pop, [0, 0, 1, 1])
    evaluated(shop, recent, [0, 0, 0, 1])
    found = shown(shop, defined(ONE))
    assert [sheet.name for sheet in found.sheets] == ["mine-keep", "mine-mask"]
    for sheet in found.sheets:
        assert (sheet.heads, sheet.columns) == (("dataset", "metric"), ("pop", "pop-recent"))
        worse, better = map(known, cells(sheet, "shop", "hr@1"))
        assert (worse.value, better.value) == (2 / 4, 3 / 4)
        assert (worse.place, better.place) == (0, 0)  # four events are too few to call one better
        assert (worse.n, worse.users, worse.evaluation) == (4, 3, made.key)
        assert worse.low is not None
        assert worse.high is not None
        assert worse.low <= worse.value <= worse.high
        assert list(sheet.fingerprints) == ["shop"]
    assert found.missing == ()


def test_equals_share_a_place_and_nothing_is_best_of_equals(tmp_path: Path) -> None:
    shop = many(tmp_path, users=32, items=20)
    names = ("pop", "pop-recent", "bm25")
    for name, better in zip(names, ([0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 1, 1]), strict=True):
        evaluated(shop, text_model(shop, name, kind="baseline"), better * 8)
    for models, places in ((names, [1, 1, 2]), (names[:2], [0, 0]), (names[2:], [0])):
        row = cells(shown(shop, defined(ONE), models=models).sheets[0], "shop", "hr@1")
        assert [known(cell).place for cell in row] == places
        assert all(known(cell).significant is None for cell in row if known(cell).place == 1)


def test_users_may_weigh_the_same_and_one_seen_rule_may_do(shop: Workspace) -> None:
    evaluated(shop, text_model(shop, "pop", kind="baseline"), [1, 0, 1, 0])
    (sheet,) = shown(shop, defined(ONE), mean=Averaging.USER, seen=Seen.KEEP).sheets
    assert known(cells(sheet, "shop", "hr@1")[0]).value == pytest.approx((0 + (1 + 0) / 2 + 1) / 3)


def test_only_the_sample_that_was_asked_for_fills_a_cell(shop: Workspace) -> None:
    pop = text_model(shop, "pop", kind="baseline")
    evaluated(shop, pop, [0, 1], sample=2, sample_seed=0)
    evaluated(shop, pop, [0, 0], sample=2, sample_seed=1)
    for sample, value in ((2, 1 / 2), (3, None), (0, None)):
        found = shown(shop, defined(ONE), sample=sample)
        rows = found.sheets[0].rows
        assert [known(rows[0].cells[0]).value] == [value] if value is not None else rows == ()
    assert "shop: 2 of 4 test events, drawn with seed 0." in shown(shop, defined(ONE), sample=2).sheets[0].notes
    evaluated(shop, pop, [0, 0, 0, 1])
    for sample in (0, 4, 100):  # a sample as large as the split is the whole
        assert known(cells(shown(shop, defined(ONE), sample=sample).sheets[0], "shop", "hr@1")[0]).value == 3 / 4


def test_a_column_shows_the_text_that_it_is_about_and_the_newest_evaluation(shop: Workspace) -> None:
    definition = load_definition("text-format")
    only = text_model(shop, "only")
    for history, better in (("structured", [0, 0, 0, 0]), ("unstructured", [0, 1, 1, 1]), ("structured", [0, 0, 1, 1])):
        device = {"precision": "fp32" if better[2] else "bf16"}
        evaluated(shop, only, better, history=history, item_text="title", weights=only.weights_hash, **device)
    evaluated(shop, only, [1, 1, 1, 1], history="structured", item_text="title+description")
    found = shown(shop, replace(definition, metrics=("hr@1",)))
    assert [cell and cell.value for cell in cells(found.sheets[0], "shop", "hr@1")] == [2 / 4, 1 / 4, None, None]
    item_text = shown(shop, replace(load_definition("item-text"), metrics=("hr@1",)))
    assert [cell and cell.value for cell in cells(item_text.sheets[0], "shop", "hr@1")] == [2 / 4, 0.0]
    assert "shop: 0 of 5 items have no description." in item_text.sheets[0].notes


def test_an_evaluation_of_other_weights_is_none(shop: Workspace) -> None:
    only = text_model(shop, "only")
    evaluated(shop, only, [0, 0, 0, 0], history="structured", item_text="title", weights="others")
    assert shown(shop, defined('[[arms]]\nlabel = "only"\nmodel = "only"\n')).empty


def test_several_seeds_are_one_column_with_mean_and_spread(shop: Workspace) -> None:
    for name, better in (("final", [0, 0, 0, 0]), ("final-seed1", [0, 0, 1, 1]), ("final-seed2", [0, 1, 1, 1])):
        evaluated(shop, text_model(shop, name, seed=int(name[-1]) if "seed" in name else 0), better,
                  history="structured", item_text="title")  # fmt: skip
    text = ONE + '[[arms]]\nlabel = "final"\nmodel = "final"\ntrain = "final"\n'
    cell = known(cells(shown(shop, defined(text), seeds=(0, 1, 2)).sheets[0], "shop", "hr@1")[0])
    mean = (1 + 1 / 2 + 1 / 4) / 3
    assert (cell.value, cell.seeds) == (pytest.approx(mean), 3)
    assert cell.spread == pytest.approx(sqrt(sum((value - mean) ** 2 for value in (1, 1 / 2, 1 / 4)) / 2))
    assert (cell.low, cell.high) == (None, None)


def test_what_differs_for_sure_is_told_from_what_may_be_chance(tmp_path: Path) -> None:
    shop = many(tmp_path, users=60, items=20)
    chance = [0, 1] * 30
    for name, better in (("pop", [0] * 60), ("pop-recent", chance), ("bm25", [0, *chance[1:58], 0, 0])):
        evaluated(shop, text_model(shop, name, kind="baseline"), better)
    pop, recent, bm25 = map(known, cells(shown(shop, defined(ONE), models=("pop", "pop-recent", "bm25")).sheets[0],
                                         "shop", "hr@1"))  # fmt: skip
    assert (pop.place, pop.significant) == (1, None)
    assert (bm25.place, bm25.significant, recent.significant) == (2, True, True)
    apart, close = map(known, cells(shown(shop, defined(ONE), models=("bm25", "pop-recent")).sheets[0],
                                    "shop", "hr@1"))  # fmt: skip
    assert {(apart.place, apart.significant), (close.place, close.significant)} == {(1, None), (2, False)}


def test_what_differs_for_sure_does_so_among_many_tests_too(tmp_path: Path) -> None:
    shop = many(tmp_path, users=60, items=20)
    for name, better in (("pop", [0] * 60), ("pop-recent", [9] * 50 + [0] * 10), ("bm25", [8] * 50 + [0] * 10)):
        evaluated(shop, text_model(shop, name, kind="baseline"), better)
    metrics = ", ".join(f'"{name}"' for name in METRICS)
    sheet = shown(shop, defined(f"metrics = [{metrics}]\n"), models=("pop", "pop-recent", "bm25")).sheets[0]
    assert 2 * len(METRICS) * 2 / 1001 > 0.04  # more tests than the replicates of a bootstrap alone could tell apart
    best, worse, _ = map(known, cells(sheet, "shop", "hr@1"))
    assert (best.place, best.significant, worse.significant) == (1, None, True)


def test_the_thesis_number_stands_beside_ours_with_the_edition_where_it_is_another(tmp_path: Path) -> None:
    shop = five_items(tmp_path, name="beauty", domain="All_Beauty")
    add(shop, "books_2014", TITLES, CATEGORIES, HISTORIES, domain="Books")
    pop = text_model(shop, "pop", kind="baseline")
    for name in ("beauty", "books_2014"):
        evaluated(shop, pop, [0, 0, 0, 0], dataset=name)
    sheet = shown(shop, load_definition("main")).sheets[0]
    ours = known(cells(sheet, "beauty", "hr@10")[0])
    assert (ours.published, ours.note) == (0.0038, "")  # 0.38 % in table A.1
    assert known(cells(sheet, "books_2014", "hr@10")[0]).published is None  # A.1 has no Books
    books = known(cells(shown(shop, load_definition("cross-domain")).sheets[0], "books_2014", "hr@10")[0])
    assert (books.published, "2014" in books.note) == (0.0011, True)


def test_curves_are_rows_by_length_and_lines_over_the_same_ticks(shop: Workspace) -> None:
    evaluated(shop, text_model(shop, "pop", kind="baseline"), [0, 0, 1, 1], visible=0)
    only = text_model(shop, "only")
    evaluated(shop, only, [1, 0, 1, 0], visible=2, history="structured", item_text="title")
    definition = replace(load_definition("history-length"), metrics=("hr@1",))
    found = shown(shop, definition, seen=Seen.MASK, models=("pop", "only"))
    true, visible = found.sheets
    # histories of 2 (u0, u1), 3 (u1) and 1 (u2) items
    assert {row.labels: [known(cell).value for cell in row.cells] for row in true.rows} == {
        ("shop", "1"): [0.0, 1.0], ("shop", "2"): [1.0, 1 / 2], ("shop", "3"): [0.0, 0.0],
    }  # fmt: skip
    assert sum(known(row.cells[0]).n for row in true.rows) == 4
    assert [row.labels for row in visible.rows] == [("shop", "2")]
    assert [cell and (cell.value, cell.place, cell.n) for cell in visible.rows[0].cells] == [None, (1 / 2, 0, 4)]
    curve = found.figures[0]
    assert isinstance(curve, LineFigure)
    assert curve.ticks == ("1", "2", "3")
    assert [(line.label, [known(cell).value for cell in line.cells]) for line in curve.lines] == [
        ("pop", [0.0, 1.0, 0.0]), ("only", [1.0, 1 / 2, 0.0]),
    ]  # fmt: skip


def rated(shop: Workspace, predictor: str, rmse: float, features: str = "") -> None:
    with shop.write() as db:
        parts = (("all", "all", 4), ("user", "cold", 1))
        put_rating_run(
            db, key=predictor + features, predictor=predictor, features=features, dataset=datasets.dataset(db, "shop"),
            settings={}, summary={"scale": [1, 5]}, seed=0, seconds=0.0, device="", code_version="",
            event=np.arange(4, dtype=np.int32), predicted=np.zeros(4, np.float32),
            errors=[RatingError(*part[:2], metric, part[2], 3, rmse, rmse, rmse, 2.0, 2.0, 2.0)
                    for part in parts for metric in ("rmse", "mae")],
        )  # fmt: skip


def test_errors_stand_beside_those_of_the_thesis(shop: Workspace) -> None:
    for predictor, rmse in (("item-mean", 1.2), ("bias", 0.9)):
        rated(shop, predictor, rmse)
    rated(shop, "dense", 1.0, "only")
    found = shown(shop, load_definition("rating"))
    whole, parts = found.sheets
    assert whole.lower_is_better
    row = dict(zip(whole.columns, cells(whole, "shop", "rmse"), strict=True))
    mean = known(row["item-mean"])
    assert (mean.value, mean.n) == (1.2, 4)
    assert mean.published == 1.46  # table 5.3
    assert (known(row["bias"]).value, known(row["dense (only)"]).value, row["pmf"]) == (0.9, 1.0, None)
    assert [row.labels for row in parts.rows] == [("shop", "rmse", "user", "cold"), ("shop", "mae", "user", "cold")]
    assert (
        known(cells(shown(shop, load_definition("rating"), mean=Averaging.USER).sheets[0], "shop", "mae")[3]).value
        == 2.0
    )


def test_a_map_is_shown_with_its_numbers(shop: Workspace) -> None:
    only = text_model(shop, "only")
    points = Points(np.zeros(5, np.int32), np.arange(5, dtype=np.int32), np.zeros((5, 2), np.float32),
                    np.zeros((5, 15), np.int32))  # fmt: skip
    with shop.write() as db:
        of = datasets.dataset(db, "shop")
        stored = add_projection(
            db, key="k", model=only, kind="items", method="tsne", datasets={"shop": of.fingerprint}, parameters={},
            quality={"silhouette": None, "trustworthiness": 0.75, "of": 5}, seed=0, points=points, seconds=0.0,
            device="", code_version="",
        )  # fmt: skip
    found = shown(shop, load_definition("representations"), models=("only",))
    (figure,) = found.figures
    assert isinstance(figure, PointFigure)
    assert figure.projection == stored.id
    assert dict(figure.facts) == {"points": "5", "seed": "0", "trustworthiness": "0.750"}
    (row,) = found.sheets[0].rows
    assert (row.labels, found.sheets[0].columns) == (("only", "items", "t-SNE"), ("trustworthiness",))
    assert known(row.cells[0]).value == 0.75
    assert {arguments[:2] for arguments in found.missing} == {("project", "only")}
    assert len(found.missing) == 3


def test_datasets_are_counted(shop: Workspace) -> None:
    counts, means = shown(shop, load_definition("statistics")).sheets
    found = dict(zip(counts.columns, (known(cell).value for cell in counts.rows[0].cells), strict=True))
    assert found == {
        "users": 3, "items": 5, "interactions": 9, "train events": 2, "valid events": 0, "test events": 4,
        "items without description": 0, "items with a title of others": 2, "rows dropped": 0,
    }  # fmt: skip
    shapes = [known(cell).value for cell in means.rows[0].cells]
    assert shapes == pytest.approx([9 / 3, 9 / 5, 4 / 3, (2 + 2 + 3 + 1) / 4])


def trained_on(shop: Workspace, name: str, *names: str, **changed: Any) -> None:
    with shop.read() as db:
        prints = {of.name: of.fingerprint for of in datasets.datasets(db)}
    phase = {"phase": "sequence-item", "datasets": {own: prints.get(own, "gone") for own in names}, "parent": ""}
    text_model(shop, name, lineage=[phase], **changed)


def test_across_domains_a_trained_model_is_shown_where_it_was_not_trained(tmp_path: Path) -> None:
    shop = five_items(tmp_path, name="seen")
    add(shop, "unseen", ("Lamp", "Sofa", "  desk ", "Vase", "Rug"), CATEGORIES, HISTORIES)
    trained_on(shop, "final", "seen")
    pop = text_model(shop, "pop", kind="baseline")
    for name in ("seen", "unseen"):
        evaluated(shop, pop, [0, 0, 0, 0], dataset=name)
    found = shown(shop, load_definition("cross-domain"), models=("pop", "final"))
    assert {row.labels[0] for row in found.sheets[0].rows} == {"unseen"}
    assert found.missing == (("evaluate", "final", "--datasets", "unseen"),)
    assert any("seen" in note and "Left out" in note for note in found.notes)
    shared = found.sheets[-1]
    (row,) = shared.rows
    assert row.labels == ("unseen", "final", "seen")
    # Lamp and desk are titles of both; test targets of `unseen` are C (desk), B, E, A (Lamp).
    named = dict(zip(shared.columns, map(known, row.cells), strict=True))
    assert (named["titles"].value, named["titles"].n) == (2 / 5, 5)
    assert (named["test targets by title"].value, named["test targets by title"].n) == (2 / 4, 4)


def test_across_platforms_datasets_of_the_platform_trained_on_are_left_out(tmp_path: Path) -> None:
    shop = five_items(tmp_path, name="seen")
    add(shop, "unseen", TITLES, CATEGORIES, HISTORIES)
    trained_on(shop, "final", "seen")
    found = shown(shop, load_definition("cross-platform"), models=("final",))
    assert found.missing == ()
    assert found.empty
    trained_on(shop, "further", "gone", backbone="final")  # what its backbone was trained on counts too
    assert shown(shop, load_definition("cross-platform"), models=("further",)).missing == ()


def test_what_was_not_trained_is_said_with_the_command_that_makes_it(shop: Workspace) -> None:
    found = shown(shop, load_definition("variants"), recipe="cpu")
    assert any("st5 train final --datasets shop --recipe cpu --name final" in note for note in found.notes)
    assert ("evaluate", "only", "--datasets", "shop") in found.missing


def test_a_model_made_in_another_way_than_asked_is_said(shop: Workspace) -> None:
    text_model(shop, "final", backbone="minilm", recipe={"recipe": "demo"})
    notes = shown(shop, load_definition("variants"), models=("final",), recipe="thesis", backbone="t5").notes
    assert any("recipe demo, not thesis" in note for note in notes)
    assert any("backbone minilm, not t5" in note for note in notes)


def test_a_dataset_that_is_gone_is_said(shop: Workspace) -> None:
    found = shown(shop, defined(ONE), datasets=("shop", "old"))
    assert any("old" in note for note in found.notes)
    assert found.missing == (
        ("evaluate", "pop", "--datasets", "shop"), ("evaluate", "pop-recent", "--datasets", "shop"),
    )  # fmt: skip


def test_one_event_is_enough_for_a_table(tmp_path: Path) -> None:
    shop = Workspace(tmp_path)
    add(shop, "shop", TITLES, CATEGORIES, (("u0", (0, 1, 2), ((1, Split.TRAIN), (2, Split.TEST))),))
    for name, better in (("pop", [0]), ("pop-recent", [1])):
        evaluated(shop, text_model(shop, name, kind="baseline"), better)
    one, other = map(known, cells(shown(shop, defined(ONE)).sheets[0], "shop", "hr@1"))
    assert (one.value, one.n, one.low, one.high) == (1.0, 1, 0.0, 1.0)
    assert (one.significant, other.significant, one.place, other.place) == (None, None, 0, 0)
