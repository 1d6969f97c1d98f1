"""Home: what is here, what is next, and what appears while it is open."""

from __future__ import annotations

from pathlib import Path

import pytest
import shop
from conftest import notifications, poll, press, screen_text, settle, until

from store import jobs
from store.enums import JobState
from store.models import put_model
from store.workspace import Workspace
from tests import small_shop
from tests.small_shop import TRAIN, A, B, C
from workbench.application import Workbench
from workbench.home.next_step import next_step
from workbench.home.overview import read_overview
from workbench.launch.baseline import BaselineForm
from workbench.launch.train import TrainForm


async def test_a_missing_workspace_says_what_to_run_and_is_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    app = Workbench(Workspace(folder))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "st5 demo" in screen_text(app)
        assert "st5 ingest" in screen_text(app)
        await press(pilot, "4")
        assert "no dataset" in screen_text(app)
        await press(pilot, "5 slash escape n r d question_mark escape 4 d v escape s c x u m 2 o t 1 c")
        assert len(app.screen_stack) == 1
    assert not folder.exists()


async def test_an_empty_workspace_says_what_to_run(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.write():
        pass
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "1 4 5 1")
        assert "This workspace has no dataset yet" in screen_text(app)
        assert "st5 demo" in screen_text(app)


def test_the_next_step_follows_what_is_there(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shop.add_dataset(workspace, "films", users=10, items=20, seed=1)
    assert next_step(read_overview(workspace)).commands == ("st5 evaluate only,pop --datasets films".replace(",", " "),)
    shop.add_model(workspace, "pop")
    shop.evaluate(workspace, "pop", "films")
    step = next_step(read_overview(workspace))
    assert step.commands == ("st5 baseline hybrid --datasets films",)
    assert step.job_form == BaselineForm("hybrid", ("films",))
    shop.add_model(workspace, "hybrid")
    shop.evaluate(workspace, "hybrid", "films")
    step = next_step(read_overview(workspace))
    assert step.commands == ("st5 train nopre --datasets films --recipe modern",)
    assert step.job_form == TrainForm(datasets=("films",))
    with workspace.write() as db:
        put_model(
            db, name="nopre", kind="text", variant="nopre", weights_hash="w", code_version="test",
            lineage=[{"phase": "sequence-item"}],
        )  # fmt: skip
    shop.evaluate(workspace, "nopre", "films")
    step = next_step(read_overview(workspace))
    assert (step.commands, step.job_form) == ((), None)
    assert "Results (4) compares them" in step.sentence
    shop.add_model(workspace, "only")
    step = next_step(read_overview(workspace), Path("my work"))
    assert step.commands == ("st5 evaluate only --datasets films --workspace 'my work'",)
    assert step.sentence == "only has not been evaluated on films:"


def test_no_evaluation_is_suggested_on_data_without_test_events(tmp_path: Path) -> None:
    train = (("u0", (A, B, C), ((1, TRAIN), (2, TRAIN))),)
    workspace = Workspace(tmp_path)
    small_shop.add(workspace, "early", small_shop.TITLES, small_shop.CATEGORIES, train)
    step = next_step(read_overview(workspace))
    assert "No dataset here has test events (early)" in step.sentence
    assert (step.commands, step.job_form) == (("st5 datasets early",), None)
    shop.add_dataset(workspace, "films", users=10, items=20, seed=1)
    assert next_step(read_overview(workspace)).commands == ("st5 evaluate only pop --datasets films",)


@pytest.mark.parametrize(
    ("words", "datasets"),
    [("demo", ()), ("ingest movielens", ()), ("evaluate only pop --datasets films", ("films",))],
)
def test_what_a_job_does_already_is_not_suggested_again(tmp_path: Path, words: str, datasets: tuple[str, ...]) -> None:
    workspace = Workspace(tmp_path)
    for name in datasets:
        shop.add_dataset(workspace, name, users=10, items=20, seed=1)
    number = shop.add_job(workspace, words)
    step = next_step(read_overview(workspace))
    assert f"Job {number} is at it" in step.sentence
    assert (step.commands, step.job_form) == ((), None)
    with workspace.write() as db:
        jobs.finish(db, number, JobState.FAILED, "no space left", 1, 1.0)
    assert next_step(read_overview(workspace)).job_form is not None


async def test_the_next_step_is_started_by_key(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "n")
        text = screen_text(app)
        assert "‹ evaluate ›" in text
        assert "[x] shop-kitchen" in text
        assert "st5 evaluate pop --datasets shop-kitchen --detach" in text
        assert "✓ ready" in text
        await press(pilot, "ctrl+s")
        await until(pilot, "1 job")
        assert app.current_mode == "home"
        assert "Job 1 is at it: evaluate pop on shop-kitchen" in await until(pilot, "Job 1")


async def test_an_empty_place_offers_the_demo_and_ones_own_data_by_key(tmp_path: Path) -> None:
    app = Workbench(Workspace(tmp_path / "nothing"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "n")
        assert "st5 demo --detach" in screen_text(app)
        assert "✓ ready" in screen_text(app)
        await press(pilot, "escape i")
        assert "‹ ingest movielens ›" in screen_text(app)
    assert not (tmp_path / "nothing").exists()


async def test_a_new_evaluation_appears_by_itself(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "Evaluations  7" in screen_text(app)
        shop.evaluate(workspace, "pop", "shop-kitchen")
        await poll(pilot)
        assert "Evaluations  8" in screen_text(app)


async def test_a_workspace_that_appears_is_shown(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "soon")
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        shop.add_dataset(workspace, "films", users=10, items=20, seed=1)
        await poll(pilot)
        assert "films" in screen_text(app)


async def test_the_filter_narrows_all_lists_and_counts_honestly(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "slash g a r d e n enter")
        text = screen_text(app)
        assert "Datasets  1 of 3" in text
        assert "Evaluations  3 of 7" in text
        await press(pilot, "slash escape")
        assert "Evaluations  7" in screen_text(app)


async def test_enter_opens_the_results_of_the_row(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "enter")
        assert app.current_mode == "results"
        assert "dataset shop-garden (synthetic)" in screen_text(app)


async def test_copying_says_sent_and_a_long_text_goes_to_a_file(workspace: Workspace, tmp_path: Path) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "c")
        assert app.clipboard == "st5 evaluate pop --datasets shop-kitchen"
        await press(pilot, "y")
        assert app.clipboard.startswith("only\tshop-garden\t30\t0.4259")
        await press(pilot, "Y")
        assert len(app.clipboard.splitlines()) == 8
        app.copy("x" * 74_994)
        assert len(app.clipboard) == 74_994
        app.copy("ü" * 40_000)
        await settle(pilot)
        assert "Sent 40 bytes to the terminal's clipboard." in notifications(app)
        path = Path(notifications(app).rpartition("see ")[2].split()[0])
        assert path.read_text(encoding="utf-8") == "ü" * 40_000
        path.unlink()


@pytest.mark.parametrize(("key", "command"), [("3", "st5 train nopre"), ("4", "st5 demo")])
async def test_what_an_area_offers_to_type_names_the_workspace_that_was_chosen(
    tmp_path: Path, key: str, command: str
) -> None:
    place = tmp_path / "none"
    app = Workbench(Workspace(place), option=place)
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await press(pilot, key)
        line = next(row for row in screen_text(app).splitlines() if command in row)
        assert f"--workspace {place}" in line


async def test_new_in_jobs_of_no_workspace_is_the_demo(tmp_path: Path) -> None:
    app = Workbench(Workspace(tmp_path / "none"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n")
        assert "‹ demo ›" in screen_text(app)
        assert not (tmp_path / "none").exists()


def suspect_order(of: int) -> dict[str, object]:
    """The audit of a dataset without times in which nine of ten neighbours have rising keys."""
    rising = {"rising": of * 9 // 10, "n": of, "low": 0.85, "high": 0.94}
    return {"order": {"timed": False, "tied": 0, "neighbours": of, "rising_other": rising, "position_gaps": 0}}


async def test_numbers_of_a_dataset_whose_order_fails_are_marked_and_data_says_why(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shop.add_dataset(workspace, "films", users=10, items=20, seed=1)
    shop.add_dataset(workspace, "games", users=10, items=20, seed=2, timed=False, audit=suspect_order(200))
    shop.add_model(workspace, "pop")
    for name in ("films", "games"):
        shop.evaluate(workspace, "pop", name)
    reason = "90% of neighbours rise: numbers of models that learn order from keys are suspect"
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(200, 60)) as pilot:
        text = await until(pilot, "! games")
        assert "! order fails its audit (2 says why)" in text
        assert "! films" not in text
        await press(pilot, "4")
        text = await until(pilot, "! games")
        assert "! films" not in text
        assert reason in text
        await press(pilot, "2 j")
        text = await until(pilot, "keys rise in 180 of 200")
        assert reason in text
