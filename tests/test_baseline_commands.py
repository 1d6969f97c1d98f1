"""`st5 baseline`: what is trained, evaluated, found again, and refused."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.jobs import control
from store import datasets, jobs
from store.enums import JobState
from store.trained_baselines import trained_baselines
from store.workspace import Workspace
from tests.interruptible import start
from tests.program import Program, refusal
from tests.small_shop import add
from tests.training_shop import CAMERAS, GAMES, checkpoints, copied, make_shop
from tests.waiting import WORK_S, wait_for

QUICK = ["hidden=16", "inner=32", "batch=64", "epochs=2", "learning-rate=0.01"]


def sets(*values: str) -> list[str]:
    return [word for value in values for word in ("--set", value)]


@pytest.fixture(scope="module", autouse=True)
def own_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("leases")))
        yield


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Program:
    """A shop of three datasets with a tiny text model and every baseline on the cameras."""
    made = Program(make_shop(tmp_path_factory.mktemp("shop") / "w").folder)
    assert made("train", "only", "--backbone", tiny_t5, "--name", "tiny").code == 0
    for words in (
        ["bm25"],
        ["sasrec", *sets(*QUICK)],
        ["unisrec", "--features", "tiny", *sets(*QUICK)],
        ["late", "--features", "tiny", *sets(*QUICK)],
    ):
        done = made("baseline", *words, "--datasets", CAMERAS)
        assert done.code == 0, done.err
    return made


def test_all_baselines_are_measured_over_the_same_events_and_candidates(program: Program) -> None:
    rows = program("results", "--json", "--dataset", CAMERAS, "--metric", "ndcg@10").document
    whole = {row["model"]: row["n"] for row in rows if row["seen"] == "keep"}
    assert set(whole) == {"bm25", "sasrec", "unisrec-tiny", "late-tiny"}
    assert len(set(whole.values())) == 1
    assert {row["protocol"].split(";")[0] for row in rows} == {"full catalogue of 40"}


def test_models_say_how_they_were_made(program: Program) -> None:
    models = {row["name"]: row for row in program("models", "--json").document}
    assert models["sasrec"]["features"] == ""
    assert models["unisrec-tiny"]["features"] == "tiny"
    assert models["sasrec"]["seed"] == 0
    settings = models["sasrec"]["recipe"]["settings"]
    assert (settings["hidden"], settings["heads"], settings["window"]) == (16, 2, 50)


def test_the_folder_tells_settings_beside_the_weights(program: Program) -> None:
    folder = program.workspace / "models" / "sasrec" / CAMERAS
    assert {file.name for file in folder.iterdir()} == {"model.safetensors", "settings.json"}
    assert json.loads((folder / "settings.json").read_text())["settings"]["hidden"] == 16


def test_asked_again_or_for_one_dataset_more_only_what_is_missing_is_done(program: Program, tmp_path: Path) -> None:
    own = Program(Path(shutil.copytree(program.workspace, tmp_path / "w")))
    done = own("baseline", "sasrec", *sets(*QUICK), "--datasets", f"{CAMERAS},{GAMES}")
    assert done.code == 0, done.err
    space = Workspace(own.workspace)
    with space.read() as db:
        newest = jobs.jobs(db)[0]
        told = [event.message for event in jobs.events(db, newest.id)]
        assert f"sasrec is trained on {CAMERAS} already." in told
        assert {trained.dataset for trained in trained_baselines(db, model="sasrec")} == {CAMERAS, GAMES}
        curves = {series.name for series in jobs.series(db, newest.id)}
    assert {"loss", "ndcg@10", "targets per second"} <= curves


def test_a_sample_is_evaluated(program: Program, tmp_path: Path) -> None:
    own = Program(Path(shutil.copytree(program.workspace, tmp_path / "w")))
    assert own("baseline", "sasrec", *sets(*QUICK), "--datasets", CAMERAS, "--sample", "3").code == 0
    assert own("evaluate", "bm25", "--datasets", CAMERAS, "--sample", "3").code == 0
    rows = own("results", "--json", "--metric", "ndcg@10").document
    assert {row["model"] for row in rows if (row["slice"], row["n"]) == ("all", 3)} == {"sasrec", "bm25"}


@pytest.mark.parametrize("model", ["sasrec", "unisrec-tiny", "late-tiny", "bm25"])
def test_they_recommend_for_users_and_for_titles(program: Program, model: str) -> None:
    with Workspace(program.workspace).read() as db:
        dataset = datasets.dataset(db, CAMERAS).id
        key = datasets.users(db, dataset)[0][1]
        titles = [item.title for item in datasets.items(db, dataset)[:3]]
    for words in (["--user", key], [word for title in titles for word in ("--history", title)]):
        rows = program("recommend", model, "--dataset", CAMERAS, "--json", "-k", "4", *words).document
        assert [row["rank"] for row in rows] == [1, 2, 3, 4]
        assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)


def test_words_that_are_no_item_are_for_models_that_read(program: Program) -> None:
    words = ["--dataset", CAMERAS, "--json", "--history", "something small and red"]
    assert len(program("recommend", "unisrec-tiny", *words).document) == 10
    assert len(program("recommend", "late-tiny", *words).document) == 10
    assert len(program("recommend", "bm25", *words).document) == 10
    assert "sasrec reads no text" in refusal(program("recommend", "sasrec", *words))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["baseline", "sasrek", "-d", CAMERAS], 'No baseline "sasrek". Did you mean sasrec'),
        (["baseline", "sasrec", "-d", "shop-Camera"], "Did you mean shop-Cameras"),
        (["baseline", "sasrec", "-d", ","], "--datasets is empty"),
        (["baseline", "sasrec", "-d", CAMERAS, "--set", "windw=9"], "Did you mean window"),
        (["baseline", "sasrec", "-d", CAMERAS, "--set", "experts=9"], 'No setting of sasrec "experts"'),
        (["baseline", "sasrec", "-d", CAMERAS, "--set", "window"], "is not KEY=VALUE"),
        (["baseline", "sasrec", "-d", CAMERAS, "--set", "window=2.5"], "Allowed: a whole number"),
        (["baseline", "sasrec", "-d", CAMERAS, "--set", "dropout=1"], "dropout = 1.0 is not allowed"),
        (["baseline", "sasrec", "-d", CAMERAS, "--set", "hidden=9"], "cannot be divided among heads = 2"),
        (["baseline", "sasrec", "-d", CAMERAS, "--features", "tiny"], "sasrec reads no vectors"),
        (["baseline", "sasrec", "-d", CAMERAS, "--name", "a/b"], '"a/b" cannot be a name'),
        (["baseline", "sasrec", "-d", CAMERAS, "--name", "pop"], '"pop" is another model'),
        (["baseline", "sasrec", "-d", CAMERAS, "--name", "tiny"], "Choose another --name"),
        (["baseline", "sasrec", "-d", CAMERAS, "--set", "window=9"], 'already a model "sasrec", made in another way'),
        (["baseline", "sasrec", "-d", CAMERAS, *sets(*QUICK), "--seed", "3"], "Choose another --name"),
        (["baseline", "unisrec", "-d", CAMERAS, "--features", "tyni"], 'No model "tyni". Did you mean tiny'),
        (["baseline", "unisrec", "-d", CAMERAS, "--features", "sasrec"], "sasrec is no text model"),
        (["baseline", "pop", "-d", CAMERAS, "--set", "window=9"], "pop is not trained, so --set window=9 says nothing"),
        (["baseline", "bm25", "-d", CAMERAS, "--seed", "0"], "bm25 is not trained, so --seed 0"),
        (["baseline", "last-item", "-d", CAMERAS, "--name", "x"], "last-item is not trained, so --name x"),
        (["baseline", "sasrec", "-d", CAMERAS, "--sample", "-2"], "--sample -2"),
        (["baseline", "sasrec", "-d", CAMERAS, "--precision", "fp8"], '--precision "fp8"'),
        (["evaluate", "sasrec", "-d", GAMES], f"Run `st5 baseline sasrec --datasets {GAMES} --set hidden=16"),
        (["evaluate", "unisrec", "-d", CAMERAS], "unisrec has not been trained here yet. `st5 baseline unisrec"),
        (["recommend", "unisrec-tiny", "--dataset", GAMES, "--history", "x"], "st5 baseline unisrec --datasets"),
        (["embeddings", "sasrec", "--dataset", CAMERAS, "--kind", "items", "--out", "x"], "no vectors of its own"),
    ],
)
def test_a_mistake_gets_one_message_before_any_work(
    program: Program, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    space = Workspace(program.workspace)
    with space.read() as db:
        before = len(jobs.jobs(db))
    failed = program(*words)
    assert message in refusal(failed)
    assert failed.code == 2
    with space.read() as db:
        assert len(jobs.jobs(db)) == before


def test_a_dataset_without_train_events_is_refused_before_any_work(tmp_path: Path) -> None:
    from tests.small_shop import TEST

    space = Workspace(tmp_path / "w")
    add(space, "cold", ["x", "y"], ["", ""], [("u", (0, 1), ((1, TEST),))])
    assert "cold has no train events" in refusal(Program(space.folder)("baseline", "sasrec", "-d", "cold"))
    with space.read() as db:
        assert jobs.jobs(db) == []


def killed_in_training(space: Workspace, output: Path, words: list[str]) -> bool:
    """Run a training and kill it after its first checkpoint; False if it ended before it was killed."""
    process = start(space.folder, output, *words)
    wait_for(lambda: checkpoints(space) or not process.is_alive(), "the first checkpoint", output.read_text, WORK_S)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), output.read_text()
    return process.exitcode != 0


def test_killed_in_training_the_same_command_ends_with_the_same_weights(program: Program, tmp_path: Path) -> None:
    words = ["baseline", "sasrec", *sets(*QUICK[:3], "epochs=40", "patience=40"), "--name", "long", "-d", CAMERAS]
    shop, said = Workspace(program.workspace), tmp_path / "words"
    whole = copied(shop, tmp_path / "whole")
    assert Program(whole.folder)(*words).code == 0
    attempts = (copied(shop, tmp_path / f"killed-{number}") for number in range(20))
    killed = next(space for space in attempts if killed_in_training(space, said, words))
    control.reap(killed)
    again = Program(killed.folder)(*words)
    assert again.code == 0, again.err
    found = []
    for space in (whole, killed):
        with space.read() as db:
            found.append(trained_baselines(db, model="long")[0].weights_hash)
    assert found[0] == found[1]
    with killed.read() as db:
        assert {job.state for job in jobs.jobs(db)} == {JobState.SUCCEEDED, JobState.LOST}
    assert checkpoints(killed) == []


def test_settings_are_read_without_loading_anything_heavy() -> None:
    code = "import engine.baselines.settings, engine.baselines.stored, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
