"""`st5 rate` from the command line: its table, its JSON, and what it refuses before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import jobs
from store.datasets import dataset
from store.enums import JobState
from store.models import put_model
from store.workspace import Workspace
from tests.engine.rating.rated_shop import BY_HAND, TEST, TRAIN, VALID, drawn, write
from tests.program import Program, refusal
from tests.small_shop import five_items
from tests.test_architecture import HEAVY, loaded_by, running


@pytest.fixture
def program(tmp_path: Path) -> Program:
    workspace = write(tmp_path / "w", drawn(), items=25)
    write(workspace.folder, BY_HAND, items=4, name="hand")
    return Program(workspace.folder)


def test_a_run_for_each_dataset_in_one_table(program: Program) -> None:
    shown = program("rate", "bias", "--datasets", "shop,hand")
    assert shown.code == 0, shown.err
    lines = [line.split() for line in shown.out.splitlines() if line.split()[:1] == ["bias"]]
    assert [(line[1], line[2]) for line in lines] == [("shop", "80"), ("hand", "3")]
    assert "hand: 3 ratings" in shown.err
    assert "1 test events have no rating and are left out" in shown.err
    with Workspace(program.workspace).read() as db:
        (job,) = jobs.jobs(db)
    assert (job.kind, job.state, job.message) == ("rate", JobState.SUCCEEDED, "2 rating runs")


def test_json_has_every_error_and_what_made_it(program: Program) -> None:
    rows = program("rate", "item-mean", "--datasets", "hand", "--json").document
    whole = {row["metric"]: row for row in rows if row["slice"] == "all"}
    assert whole["mae"]["mean"] == pytest.approx((2 + 0.5 + 0) / 3)  # predicted 3, 1.5 and 4.5 of 5, 1 and 4.5
    assert (whole["rmse"]["n"], whole["rmse"]["users"]) == (3, 3)
    assert {"predictor": "item-mean", "features": "", "dataset": "hand", "seed": 0, "settings": {}}.items() <= rows[
        0
    ].items()
    assert rows[0]["summary"]["scale"] == [1, 5]
    again = program("rate", "item-mean", "--datasets", "hand", "--json").document
    assert again == rows  # found in the store, its key and all


def test_settings_are_part_of_what_is_asked(program: Program) -> None:
    first = program("rate", "pmf", "-d", "shop", "--set", "penalty=5", "--set", "factors=4", "--json").document[0]
    assert first["settings"] == {"factors": 4, "penalty": 5.0, "iterations": 50}
    other = program("rate", "pmf", "-d", "shop", "--set", "penalty=6", "--set", "factors=4", "--json").document[0]
    assert other["run"] != first["run"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["means", "-d", "shop"], 'No rating predictor "means". Did you mean mean'),
        (["bias", "-d", "shpo"], 'No dataset "shpo". Did you mean shop?'),
        (["bias", "-d", ","], "--datasets is empty"),
        (["bias", "-d", "shop", "--set", "penalty=2"], 'No setting of bias "penalty". Did you mean bias-penalty?'),
        (["bias", "-d", "shop", "--set", "iterations"], "is not KEY=VALUE"),
        (["bias", "-d", "shop", "--set", "iterations=0"], "--set iterations=0: allowed is a whole number from 1"),
        (["bias", "-d", "shop", "--set", "iterations=1.5"], "allowed is a whole number"),
        (["pmf", "-d", "shop", "--set", "penalty=nan"], "allowed is a number from 0"),
        (["pmf", "-d", "shop", "--set", "penalty=1]"], "allowed is a number from 0"),
        (["mean", "-d", "shop", "--set", "penalty=2"], "mean has no settings"),
        (["ridge", "-d", "shop", "--set", "user-vector=items"], 'No user-vector "items". Did you mean item-mean'),
        (["bias", "-d", "shop", "--features", "only"], "bias reads no text, so --features only says nothing"),
        (["ridge", "-d", "shop", "--features", "onlyy"], 'No model "onlyy". Did you mean only?'),
        (["bias", "-d", "shop", "--seed", "-1"], "--seed -1: allowed are 0 and above"),
        (["ridge", "-d", "shop", "--precision", "int8"], 'precision "int8"'),
    ],
)
def test_what_is_wrong_is_said_before_a_job_exists(program: Program, arguments: list[str], words: str) -> None:
    assert words in refusal(program("rate", *arguments))
    with Workspace(program.workspace).read() as db:
        assert jobs.jobs(db) == []


def test_a_dataset_without_ratings_is_named(program: Program) -> None:
    five_items(program.workspace, name="unrated")
    words = refusal(program("rate", "mean", "--datasets", "shop,unrated"))
    assert (
        "unrated has no test ratings to predict (0 of 2 train events, 0 of 0 valid events, 0 of 4 test events" in words
    )
    assert program("evaluate", "pop", "--datasets", "unrated").code == 0
    words = refusal(program("rate", "ridge", "--datasets", "shop", "--features", "pop"))
    assert "--features pop: is a baseline and has no vectors" in words


def test_features_that_were_trained_on_the_test_events_are_refused(program: Program) -> None:
    known = [[(item, rating, TRAIN) for item, rating, _ in history] for history in drawn()]
    workspace = write(program.workspace, [*known, [(0, 3, TRAIN), (1, 4, TEST)]], items=25, name="known")
    with workspace.write() as db:
        lineage = [{"phase": "sequence-item", "parent": "", "datasets": {"known": dataset(db, "known").fingerprint}}]
        put_model(
            db, name="told", kind="text", variant="nopre", weights_hash="w", code_version="1", lineage=lineage
        )  # fmt: skip
    words = refusal(program("rate", "ridge", "--datasets", "shop", "--features", "told"))
    assert "told was trained on test events of shop: 80 of 80" in words


def test_without_a_rating_in_train_nothing_can_be_learned(tmp_path: Path) -> None:
    late = [[(item, rating, split) for item, rating, split in history] for history in BY_HAND]
    late[0][:2] = [(0, None, late[0][0][2]), (1, None, late[0][1][2])]
    late[1][0], late[3][0] = (0, None, late[1][0][2]), (1, None, late[3][0][2])
    workspace = write(tmp_path / "w", late, items=4)
    write(workspace.folder, [[(0, 3, VALID), (1, 4, TEST)]], items=2, name="late")  # no train part at all
    for name in ("shop", "late"):
        words = refusal(Program(workspace.folder)("rate", "mean", "--datasets", name))
        assert f"{name} has no rating in its train part" in words


def test_asking_for_it_loads_nothing_heavy(program: Program) -> None:
    wrong = running("rate", "ridge", "--datasets", "shpo", "--workspace", str(program.workspace))
    assert not loaded_by(wrong) & (HEAVY | {"scipy", "textual"})
