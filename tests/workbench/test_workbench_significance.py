"""The command line's results, an experiment, the report and the workbench mark the same numbers of one workspace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import press, settle, until

from engine.measuring.highlighting import ALIKE, LEVEL
from engine.tables.results_table import ResultsTable
from store.rows import Model
from store.workspace import Workspace
from tests.engine.experiments.workspaces import evaluated, text_model
from tests.program import Program
from tests.small_shop import many
from workbench.application import Workbench
from workbench.results.experiment import ExperimentScreen
from workbench.results.screen import ResultsScreen
from workbench.ui.table import Table

USERS = 60
MISS = 15  # items above the target: beyond the first ten
MARKED = re.compile(rf"\d[ ¹²]*{ALIKE}|\d</[a-z]+> {ALIKE}|\d {ALIKE}")
DEFINITION = """
title = "Two models"
kind = "evaluations"
metrics = ["ndcg@10"]
[[arms]]
label = "pop"
model = "pop"
[[arms]]
label = "pop-recent"
model = "pop-recent"
"""


def two_models(folder: Path, misses: int) -> Workspace:
    """One event for each of 60 users; `pop` finds every target first, `pop-recent` misses so many of them."""
    workspace = many(folder, users=USERS, items=40)
    for name, missed in (("pop", 0), ("pop-recent", misses)):
        evaluated(workspace, _baseline(workspace, name, misses), [MISS] * missed + [0] * (USERS - missed))
    return workspace


def _baseline(workspace: Workspace, name: str, misses: int) -> Model:
    return text_model(workspace, name, kind="baseline", weights_hash=f"{name}, {misses} misses")


# A replicate has no difference if none of the m users with a miss is drawn, which has a chance of exp(-m): about
# 0.018 for 4 and 0.14 for 2. So p is about 0.037 and 0.27. Were the pair counted twice, 0.037 would be 0.074.
@pytest.mark.parametrize(("misses", "alike"), [(4, False), (2, True)])
async def test_four_surfaces_mark_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, misses: int, alike: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    workspace = two_models(tmp_path / "shop", misses)
    program = Program(workspace.folder)
    own = tmp_path / "own.toml"
    own.write_text(DEFINITION, encoding="utf-8")

    narrowed = ("--metric", "ndcg@10", "--seen", "mask")
    (row,) = program("results", "--compare", "pop-recent", "pop", *narrowed, "--json").document
    assert row["p_holm"] == row["p"]
    assert (row["p"] >= LEVEL) is alike
    assert alike or row["p"] > LEVEL / 2  # so that counting the pair twice would show
    assert (ALIKE in program("results", "--compare", "pop-recent", "pop", *narrowed).out) is alike

    table = program("results").out
    assert len(MARKED.findall(table)) == alike
    assert not re.search(f"1.0000[ ¹]*{ALIKE}", table)

    experiment = program("experiment", own, "--seen", "mask")
    assert experiment.code == 0
    assert len(MARKED.findall(experiment.out)) == alike
    (sheet,) = program("experiment", own, "--seen", "mask", "--json").document["sheets"]
    best, second = sheet["rows"][0]["cells"]
    assert (best["place"], best["significant"]) == (1, None)
    assert (second["place"], second["significant"]) == (2, not alike)

    assert program("report", "--out", tmp_path / "report", "--format", "md").code == 0
    written = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    rows = [line for line in written.splitlines() if line.startswith("| shop | ndcg@10 |")]
    assert [len(MARKED.findall(line)) for line in rows] == [alike]

    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "4")
        await until(pilot, f"{ALIKE} not significantly different from the best")
        assert isinstance(app.screen, ResultsScreen)
        assert isinstance(app.screen.grid, ResultsTable)
        place = next(row for row, key in enumerate(app.screen.grid.rows) if key[0] == "pop-recent")
        assert app.screen.verdicts() == {(place, 0): not alike}
        assert len(MARKED.findall(_cells(app, "#grid"))) == alike
        await press(pilot, "e")
        await until(pilot, f"{ALIKE} not significantly different from the best")
        assert isinstance(app.screen, ExperimentScreen)
        assert len(MARKED.findall(_cells(app, "#sheet"))) == alike


def _cells(app: Workbench, name: str) -> str:
    table = app.screen.query_one(name, Table)
    return "\n".join(str(cell) for row in range(table.row_count) for cell in table.get_row_at(row))
