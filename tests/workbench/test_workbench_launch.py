"""The form for new jobs: the command it makes, what the engine says to it, and starting it."""

from __future__ import annotations

import shlex

import pytest
import shop
from conftest import check_snapshot, press, screen_text, settle, until
from hypothesis import given
from hypothesis import strategies as st
from textual.events import Key

from engine.kinds import BASELINES
from engine.models import check_name
from engine.training.recipe import VARIANTS as CHAINS
from engine.training.recipe import recipe_names
from store.errors import BadInput
from store.workspace import Workspace
from workbench import launch_draft
from workbench.application import Workbench
from workbench.launch_draft import Draft, Kind, Offer, judge
from workbench.screens.jobs import NotStartedDialog
from workbench.screens.launch import LaunchDialog

OFFER = Offer(datasets=(("films", ""),))
GOOD = Draft(datasets=("films",))


def test_the_command_line_leaves_out_what_is_default() -> None:
    assert shlex.join(GOOD.words()) == "train nopre --datasets films --recipe modern --detach"
    full = Draft(
        variant="final", datasets=("a", "b"), backbone="my model", recipe="demo", settings=("batch=128", "epochs=2"),
        name="big", seed="7", device="cuda:1",
    )  # fmt: skip
    assert shlex.join(full.words()) == (
        "train final --datasets a,b --backbone 'my model' --recipe demo --set batch=128 --set epochs=2"
        " --name big --seed 7 --device cuda:1 --detach"
    )
    only = Draft(variant="only", datasets=("a",), settings=("batch=128",), name="mine", seed="7")
    assert shlex.join(only.words()) == "train only --name mine"  # nothing to train: no job
    evaluate = Draft(
        Kind.EVALUATE, models=("only", "pop"), datasets=("a",), sample="100", seed="3", history="unstructured"
    )
    assert shlex.join(evaluate.words()) == (
        "evaluate only pop --datasets a --sample 100 --seed 3 --history unstructured --detach"
    )
    baseline = Draft(Kind.BASELINE, baseline="last-item", datasets=("a",), features="big")
    assert shlex.join(baseline.words()) == "baseline last-item --datasets a --features big --detach"


def test_a_good_draft_says_which_phases_it_runs() -> None:
    verdict = judge(GOOD, OFFER)
    assert verdict.problems == ()
    assert verdict.phases == "sequence-item"
    assert set(CHAINS) <= set(verdict.variants)
    assert set(launch_draft.VARIANTS) == set(CHAINS)
    assert set(launch_draft.RECIPES) <= set(recipe_names())
    assert set(launch_draft.BASELINES) == set(BASELINES)
    assert set(launch_draft.OVER_TEXT) == {name for name, kind in BASELINES.items() if kind.vectors}


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (Draft(), "Choose at least one dataset to train on"),
        (Draft(datasets=("films",), settings=("bach=64",)), "batch"),
        (Draft(datasets=("films",), settings=("batch=1",)), "batch = 1 is not allowed"),
        (Draft(datasets=("films",), variant="nopr"), "nopre"),
        (Draft(datasets=("films",), recipe="modrn"), "modern"),
        (Draft(datasets=("films",), seed="-1"), 'seed "-1" is not a whole number'),
        (Draft(datasets=("films",), name="a/b"), '"a/b" cannot be a name'),
        (Draft(Kind.EVALUATE, datasets=("films",)), "Choose at least one model"),
        (Draft(Kind.EVALUATE, models=("pop",), datasets=("films",), sample="many"), "is not a whole number"),
        (Draft(Kind.BASELINE), "Choose at least one dataset"),
    ],
)
def test_what_the_command_would_refuse_is_said_before(draft: Draft, words: str) -> None:
    assert words in judge(draft, OFFER).problems[0]


def test_without_a_dataset_it_says_how_to_get_one() -> None:
    assert "st5 ingest" in judge(Draft(), Offer()).problems[0]


@given(st.text(max_size=12))
def test_names_are_judged_as_the_engine_judges_them(name: str) -> None:
    try:
        check_name(name)
        allowed = True
    except BadInput:
        allowed = name == ""  # an empty field is the variant's own name
    problems = judge(Draft(datasets=("films",), name=name), OFFER).problems
    assert (problems == ()) == allowed


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_form(workspace: Workspace, size: tuple[int, int]) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "3 n")
        check_snapshot(app, f"launch-{size[0]}x{size[1]}")


async def test_the_command_follows_what_is_typed_and_nothing_wrong_starts(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n")
        form = app.screen
        assert isinstance(form, LaunchDialog)
        await press(pilot, "ctrl+s")
        assert app.screen is form  # no dataset is chosen
        await press(pilot, "tab right right right")  # nopre, itempre, final, only: and round again
        assert "‹ only ›  nothing is trained" in screen_text(app)
        await press(pilot, "left tab down space tab tab tab")
        await pilot.press(*"bach=64")
        await settle(pilot)
        text = screen_text(app)
        assert "‹ final ›" in text
        assert "[x] shop-garden" in text
        assert '✗ --set bach=64: No setting "bach"' in text
        await pilot.press(*["backspace"] * 5, *"tch=64", "ctrl+y")
        await settle(pilot)
        assert "✓ ready" in screen_text(app)
        command = "st5 train final --datasets shop-garden --recipe modern --set batch=64 --detach"
        assert form.command == command
        assert app.clipboard == command
        await press(pilot, "escape n")
        assert isinstance(app.screen, LaunchDialog)
        assert app.screen.command == command  # what was filled in stays


async def test_the_other_kinds_have_their_own_fields(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n right")
        check_snapshot(app, "launch-evaluate-80x24")
        await press(pilot, "tab space tab space")
        assert "st5 evaluate pop --datasets movielens-small --detach" in screen_text(app)


async def test_what_the_command_refuses_is_shown_and_the_form_keeps_its_words(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        shop.add_dataset(workspace, "gone", users=3, items=5, seed=1)
        await press(pilot, "3 n right tab space tab")
        with workspace.write() as db:
            db.execute("DELETE FROM dataset")
        await press(pilot, "space ctrl+s")
        await settle(pilot)
        assert isinstance(app.screen, NotStartedDialog)
        text = screen_text(app)
        assert "The job could not be started" in text
        assert "No dataset" in " ".join(text.split())
        await press(pilot, "escape n")
        assert isinstance(app.screen, LaunchDialog)


async def test_a_job_is_started_and_shown_also_where_all_is_typed_ahead(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "3 n")
        for key in ("right", "tab", "space", "tab", "j", "j", "space", "ctrl+s"):  # before the first is drawn
            app.post_message(Key(key, {"space": " ", "j": "j"}.get(key)))
        await until(pilot, "Job 1  evaluate pop on shop-kitchen")
        await until(pilot, "✓ succeeded")
        await press(pilot, "o")
        assert "dataset shop-kitchen" in screen_text(app)
